/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A line of columns while it is written: cells of a fixed width, and texts behind them.
 *
 * Used by event_lines.c. Names of tasks and users are escaped before a terminal sees
 * them. A line that does not fit into the buffer is cut. Pure.
 */

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "clients/cli/base/format.h"
#include "clients/cli/base/text.h"
#include "clients/cli/base/text_width.h"
#include "clients/cli/text/line.h"

/* No column of fixed width is wider. */
#define LINE_CELL_MAX 64u

void line_add(Line *line, const char *format, ...) {
        va_list args;
        int n;

        va_start(args, format);
        n = vsnprintf(line->text + line->n, LINE_TEXT_MAX - line->n, format, args);
        va_end(args);

        /* One byte stays free for the end of the line. */
        if (n > 0)
                line->n = (size_t)n < LINE_TEXT_MAX - 1 - line->n ? line->n + (size_t)n : LINE_TEXT_MAX - 2;
}

void line_colour(Line *line, const char *colour) {
        if (line->colour)
                line_add(line, "%s", colour);
}

void line_cell_coloured(Line *line, const char *text, int width, const char *colour) {
        size_t columns = text_width(text, TEXT_LINE), room = (size_t)(width < 0 ? -width : width);
        int padding = columns < room ? (int)(room - columns) : 0;

        if (line->n_cells++)
                line_add(line, " ");
        if (colour)
                line_colour(line, colour);
        if (width < 0)
                line_add(line, "%s%*s", text, padding, "");
        else
                line_add(line, "%*s%s", padding, "", text);
        if (colour)
                line_colour(line, LINE_COLOUR_OFF);
}

void line_cell(Line *line, const char *text, int width) {
        line_cell_coloured(line, text, width, NULL);
}

/* A total with a plus behind it if it may be too small. @text NULL: the total is not known. */
void line_cell_total(Line *line, const char *text, bool at_least, int width) {
        char total[FORMAT_MAX + 1];

        snprintf(total, sizeof(total), "%s%s", text ? text : "-", text && at_least ? "+" : "");
        line_cell(line, total, width);
}

static void line_cell_fit(Line *line, const char *text, int width) {
        size_t room = (size_t)(width < 0 ? -width : width);
        char cut[TEXT_FIT_MAX(LINE_CELL_MAX)];

        text_fit(cut, sizeof(cut), text, room < LINE_CELL_MAX ? room : LINE_CELL_MAX, TEXT_LINE);
        line_cell(line, cut, width);
}

/* A text that is too long is cut: it must not move the columns behind it. A number is not cut. */
void line_cell_cut(Line *line, const char *text, int width) {
        if (text_is_number(text))
                line_cell(line, text, width);
        else
                line_cell_fit(line, text, width);
}

void line_cell_number(Line *line, uint64_t number, bool known, int width) {
        char text[FORMAT_MAX] = "-";

        if (known)
                snprintf(text, sizeof(text), "%" PRIu64, number);
        line_cell(line, text, width);
}

void line_cell_name(Line *line, const char *comm, bool known, bool stale, int width) {
        char text[TEXT_NAME_MAX];

        if (known)
                text_name(text, sizeof(text), comm, stale);
        if (known && line->cut && width != 0)
                line_cell_fit(line, text, width);
        else
                line_cell(line, known ? text : "-", width);
}

void line_begin(Line *line) {
        line->n = 0;
        line->n_cells = 0;
}

void line_end(Line *line) {
        while (line->n > 0 && line->text[line->n - 1] == ' ')
                --line->n;
        line->text[line->n++] = '\n';
        line->text[line->n] = 0;
}

/* The number of columns that the line takes on a terminal. */
size_t line_columns(const Line *line) {
        const char *at = line->text;
        static char part[LINE_TEXT_MAX];
        size_t n = 0, n_part;

        while (*at) {
                if (*at == '\033')
                        at += strcspn(at, "m") + 1;
                n_part = strcspn(at, "\033");
                memcpy(part, at, n_part);
                part[n_part] = 0;
                n += text_width(part, TEXT_LINE);
                at += n_part;
        }

        return n;
}
