/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What has ended since the screen began, by command: how many, how they ended, and
 * what they used in all their lives. Processes that are too short-lived to be seen
 * in any table are seen here.
 */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clients/cli/base/format.h"
#include "clients/cli/base/text.h"
#include "clients/cli/model/metrics.h"
#include "clients/cli/top/top_columns.h"
#include "clients/cli/top/top_page_exited.h"
#include "clients/cli/top/top_view.h"

enum {
        FORM_COUNT,
        FORM_BYTES,
        FORM_DURATION,
};

typedef struct EndedColumn EndedColumn;

struct EndedColumn {
        const char *header;
        size_t width;
        int form;
        enum metric_known (*value)(const EndedColumn *column, const LiveCommand *command, double *ret_value);
        unsigned int metric;
};

static enum metric_known value_ended(const EndedColumn *column, const LiveCommand *command, double *ret_value) {
        (void)column;
        *ret_value = (double)command->n_ended;
        return METRIC_KNOWN;
}

/* Of some nobody may tell how they ended: then there may be more. */
static enum metric_known value_failed(const EndedColumn *column, const LiveCommand *command, double *ret_value) {
        (void)column;
        *ret_value = (double)command->n_failed;
        return command->n_status_unknown == command->n_ended ? METRIC_WITHHELD : METRIC_KNOWN;
}

static enum metric_known value_longest(const EndedColumn *column, const LiveCommand *command, double *ret_value) {
        (void)column;
        *ret_value = (double)command->longest_ns;
        return METRIC_KNOWN;
}

/* Why there is none is not kept for each command: the last sample has the reason. */
static enum metric_known value_sum(const EndedColumn *column, const LiveCommand *command, double *ret_value) {
        *ret_value = (double)command->used[column->metric];
        return command->n_known[column->metric] ? METRIC_KNOWN : METRIC_NOT_YET;
}

static enum metric_known value_mean(const EndedColumn *column, const LiveCommand *command, double *ret_value) {
        uint64_t n = command->n_known[column->metric];

        *ret_value = n ? (double)command->used[column->metric] / (double)n : 0;
        return n ? METRIC_KNOWN : METRIC_NOT_YET;
}

static const EndedColumn ended_columns[] = {
        { "ENDED", 8, FORM_COUNT, value_ended, 0 },
        { "FAILED", 7, FORM_COUNT, value_failed, 0 },
        { "LONGEST", 7, FORM_DURATION, value_longest, 0 },
        { "CPU", 7, FORM_DURATION, value_sum, METRIC_CPU },
        { "CPU/RUN", 7, FORM_DURATION, value_mean, METRIC_CPU },
        { "WAIT", 7, FORM_DURATION, value_sum, METRIC_CPU_DELAY },
        { "READ", 6, FORM_BYTES, value_sum, METRIC_READ },
        { "WRITTEN", 7, FORM_BYTES, value_sum, METRIC_WRITE },
        { "FAULTS", 8, FORM_COUNT, value_sum, METRIC_ac_minflt },
        { "IO WAIT", 7, FORM_DURATION, value_sum, METRIC_IO_DELAY },
        { "READ CALLS", 10, FORM_COUNT, value_sum, METRIC_read_syscalls },
        { "WRITE CALLS", 11, FORM_COUNT, value_sum, METRIC_write_syscalls },
};

#define N_ENDED_COLUMNS (sizeof(ended_columns) / sizeof(*ended_columns))
#define ENDED_COLUMN_CPU 3u

void top_page_exited_deinit(TopPageExited *ended) {
        free(ended->commands);
        *ended = (TopPageExited)TOP_PAGE_EXITED_NULL;
}

static int ended_compare(const void *a, const void *b, void *closure) {
        const LiveCommand *one = *(const LiveCommand *const *)a, *other = *(const LiveCommand *const *)b;
        const TopPageExited *ended = closure;
        const EndedColumn *column = ended_columns + ended->sort;
        double value_one, value_other;
        bool known_one = column->value(column, one, &value_one) == METRIC_KNOWN;
        bool known_other = column->value(column, other, &value_other) == METRIC_KNOWN;

        if (known_one != known_other)
                return known_one ? -1 : 1;
        if (known_one && value_one != value_other)
                return (value_one < value_other) == ended->inverted ? -1 : 1;

        return strcmp(one->comm, other->comm);
}

/* Return: 0, or -ENOMEM. */
int top_page_exited_refresh(TopPageExited *ended, const LiveExited *ranking) {
        size_t n = ranking->n_commands;

        ended->n_commands = 0;
        if (n > ended->n_room) {
                free(ended->commands);
                ended->n_room = n + n / 2;
                ended->commands = calloc(ended->n_room, sizeof(*ended->commands));
                if (!ended->commands) {
                        ended->n_room = 0;
                        return -ENOMEM;
                }
        }
        for (size_t i = 0; i < n; ++i)
                ended->commands[i] = ranking->commands[i];
        ended->n_commands = n;
        if (n > 0)
                qsort_r(ended->commands, n, sizeof(*ended->commands), ended_compare, ended);
        top_page_exited_move(ended, 0);

        return 0;
}

void top_page_exited_move(TopPageExited *ended, ptrdiff_t by) {
        size_t last = ended->n_commands ? ended->n_commands - 1 : 0;

        if (by < 0)
                ended->cursor = (size_t)-by > ended->cursor ? 0 : ended->cursor - (size_t)-by;
        else
                ended->cursor += (size_t)by;
        if (ended->cursor > last)
                ended->cursor = last;
}

/* By the column beside the one that it is sorted by. */
void top_page_exited_sort(TopPageExited *ended, int by) {
        ended->sort = (ended->sort + N_ENDED_COLUMNS + (unsigned int)by) % N_ENDED_COLUMNS;
}

void top_page_exited_sort_cpu(TopPageExited *ended) {
        ended->sort = ENDED_COLUMN_CPU;
}

static void ended_write(const TopView *view, const EndedColumn *column, const LiveCommand *command, TopCell *cell) {
        uint32_t bit = 0;
        char text[FORMAT_MAX];
        enum metric_known known;
        double value;

        cell->style = SCREEN_PLAIN;
        known = column->value(column, command, &value);
        if (known == METRIC_NOT_YET) {
                bit = TB_STATS_BIT(metrics[column->metric].group);
                if (view->live->sample.withheld_groups & bit)
                        known = METRIC_WITHHELD;
                else if ((view->live->sample.uncounted_groups & bit) ||
                         (bit == TB_STATS_BIT(TB_STATS_DELAYS) && view->welcome &&
                          view->welcome->delay_accounting == TB_DELAY_ACCOUNTING_OFF))
                        known = METRIC_UNCOUNTED;
        }
        if (known != METRIC_KNOWN) {
                strcpy(cell->text, top_unknown(known));
                cell->style = SCREEN_DIM;
                return;
        }

        switch (column->form) {
        case FORM_BYTES:
                format_bytes(text, (uint64_t)value);
                break;
        case FORM_DURATION:
                format_duration(text, (uint64_t)value);
                break;
        default:
                format_count(text, (uint64_t)value);
                break;
        }
        strcpy(cell->text, text);
        if (strcmp(text, "0") == 0)
                cell->style = SCREEN_DIM;
}

/* A line: the name first, then the columns that there is room for. */
static void ended_draw_line(const TopPageExited *ended,
                            const TopView *view,
                            const LiveCommand *command,
                            const char *name,
                            size_t row,
                            enum screen_style style) {
        static TopCell cell;
        size_t at = TB_COMM_SIZE / 2 + 2, width = view->screen->columns;

        if (style != SCREEN_PLAIN)
                screen_fill(view->screen, row, 0, width, style);
        screen_put(view->screen, row, 0, at - 1, style, name);
        for (size_t i = 0; i < N_ENDED_COLUMNS; ++i) {
                const EndedColumn *column = ended_columns + i;
                bool sorted = !command && i == ended->sort;

                if (at + column->width > width)
                        break;
                if (sorted)
                        screen_fill(view->screen, row, at, column->width, SCREEN_HEADER_SORT);
                if (command)
                        ended_write(view, column, command, &cell);
                screen_put_right(view->screen,
                                 row,
                                 at,
                                 column->width,
                                 sorted                  ? SCREEN_HEADER_SORT :
                                 style != SCREEN_PLAIN   ? style :
                                 command                 ? cell.style :
                                                           style,
                                 command ? cell.text : column->header);
                at += column->width + 1;
        }
}

void top_page_exited_draw(TopPageExited *ended, const TopView *view, size_t row, size_t n_rows) {
        const LiveExited *ranking = &view->live->ranking;
        char name[TEXT_ESCAPED_MAX(TB_COMM_SIZE)];

        if (n_rows < 3)
                return;

        ended_draw_line(ended, view, NULL, "COMMAND", row, SCREEN_HEADER);
        ended_draw_line(ended, view, &ranking->total, "(all that ended)", row + 1, SCREEN_STRONG);
        ended->n_shown = n_rows - 2;
        if (ended->first + ended->n_shown > ended->n_commands)
                ended->first = ended->n_commands > ended->n_shown ? ended->n_commands - ended->n_shown : 0;
        if (ended->cursor < ended->first)
                ended->first = ended->cursor;
        if (ended->cursor >= ended->first + ended->n_shown)
                ended->first = ended->cursor - ended->n_shown + 1;

        for (size_t i = 0; i < ended->n_shown && ended->first + i < ended->n_commands; ++i) {
                const LiveCommand *command = ended->commands[ended->first + i];

                text_escape(name, sizeof(name), command->comm, TEXT_FOR_TERMINAL);
                ended_draw_line(ended,
                                view,
                                command,
                                name,
                                row + 2 + i,
                                ended->first + i == ended->cursor ? SCREEN_CURSOR : SCREEN_PLAIN);
        }
        if (ended->n_commands == 0)
                screen_put(view->screen, row + 2, 0, view->screen->columns, SCREEN_DIM, "Nothing has ended yet.");
}
