/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Tables, JSON lines and CSV. Called by the verbs of history.
 *
 * JSON and CSV have each column of a statement under its name, so that a verb has one
 * statement for both. A failure to write is kept, and ends the verb.
 */

#include <json-c/json.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clients/cli/base/text.h"
#include "clients/cli/base/text_width.h"
#include "clients/cli/history/history_output.h"
#include "clients/cli/json/json.h"

#define CELL_MAX 256

/* A longer text is cut in CSV and tables: more than a command line has. */
#define TEXT_MAX 65536

static void output_bytes(HistoryOutput *output, const char *bytes, size_t n) {
        int r;

        if (output->error)
                return;
        r = output_write(&output->output, bytes, n);
        if (r < 0)
                output->error = r;
}

void history_output_print(HistoryOutput *output, const char *format, ...) {
        char text[1024];
        va_list arguments;
        int n;

        va_start(arguments, format);
        n = vsnprintf(text, sizeof(text), format, arguments);
        va_end(arguments);
        output_bytes(output, text, (size_t)n < sizeof(text) ? (size_t)n : sizeof(text) - 1);
}

/* Prints a text from the database: a character that controls the terminal is escaped. */
void history_output_text(HistoryOutput *output, const char *text) {
        static char escaped[TEXT_MAX];

        output_bytes(output, escaped, text_escape(escaped, sizeof(escaped), text, TEXT_FOR_TERMINAL));
}

static void output_spaces(HistoryOutput *output, size_t n) {
        for (; n > 0; --n)
                output_bytes(output, " ", 1);
}

/* A number is never cut: it widens its column. */
static void output_cell(HistoryOutput *output, const char *text, int width) {
        size_t columns = (size_t)abs(width), n = text_width(text, TEXT_LINE), n_space;
        char fitted[TEXT_FIT_MAX(CELL_MAX)];

        if (width < 0 && n > columns) {
                text_fit(fitted, sizeof(fitted), text, columns, TEXT_LINE);
                text = fitted;
                n = columns;
        }
        n_space = n < columns ? columns - n : 0;
        if (width > 0)
                output_spaces(output, n_space);
        output_bytes(output, text, strlen(text));
        if (width < 0)
                output_spaces(output, n_space);
}

/* Prints a line of cells, which are texts for a terminal. */
void history_output_cells(HistoryOutput *output, const HistoryColumn *columns, size_t n_columns,
                          const char *const *cells) {
        for (size_t i = 0; i < n_columns; ++i) {
                if (i > 0)
                        output_bytes(output, "  ", 2);
                output_cell(output, cells[i], columns[i].width);
        }
        output_bytes(output, "\n", 1);
}

void history_output_header(HistoryOutput *output, const HistoryColumn *columns, size_t n_columns) {
        const char *titles[16];

        for (size_t i = 0; i < n_columns && i < sizeof(titles) / sizeof(*titles); ++i)
                titles[i] = columns[i].title;
        if (output->output.colour)
                history_output_print(output, "\033[1m");
        history_output_cells(output, columns, n_columns, titles);
        if (output->output.colour)
                history_output_print(output, "\033[0m");
}

static struct json_object *column_value(struct sqlite3_stmt *row, int column) {
        switch (db_type(row, column)) {
        case DB_NUMBER:
                return json_object_new_int64((int64_t)db_number(row, column));
        case DB_REAL:
                return json_object_new_double(db_real(row, column));
        default:
                return NULL;
        }
}

/* Prints the row as an object on a line, with the member "kind" in front. */
void history_output_json(HistoryOutput *output, struct sqlite3_stmt *row, const char *kind) {
        struct json_object *object = json_object_new_object();
        int r;

        json_add_text(object, "kind", kind);
        for (int i = 0; i < db_n_columns(row); ++i) {
                if (db_type(row, i) == DB_TEXT)
                        json_add_text(object, db_column_name(row, i), db_text(row, i).bytes);
                else
                        json_add(object, db_column_name(row, i), column_value(row, i));
        }
        r = json_write(object, &output->output);
        if (r < 0 && !output->error)
                output->error = r;
}

static void csv_text(HistoryOutput *output, const char *text) {
        static char escaped[TEXT_MAX];

        if (!text_is_utf8(text)) {
                text_escape(escaped, sizeof(escaped), text, TEXT_FOR_TERMINAL);
                text = escaped;
        }
        if (!strpbrk(text, ",\"\r\n")) {
                output_bytes(output, text, strlen(text));
                return;
        }
        output_bytes(output, "\"", 1);
        while (*text) {
                size_t n = strcspn(text, "\"");

                output_bytes(output, text, n);
                text += n;
                if (*text) {
                        output_bytes(output, "\"\"", 2);
                        ++text;
                }
        }
        output_bytes(output, "\"", 1);
}

void history_output_csv_header(HistoryOutput *output, struct sqlite3_stmt *row) {
        for (int i = 0; i < db_n_columns(row); ++i)
                history_output_print(output, "%s%s", i ? "," : "", db_column_name(row, i));
        output_bytes(output, "\r\n", 2);
}

/* Prints the row as a line of CSV (RFC 4180). A value that is not known is empty. */
void history_output_csv(HistoryOutput *output, struct sqlite3_stmt *row) {
        for (int i = 0; i < db_n_columns(row); ++i) {
                if (i)
                        output_bytes(output, ",", 1);
                if (!db_is_null(row, i))
                        csv_text(output, db_text(row, i).bytes);
        }
        output_bytes(output, "\r\n", 2);
}
