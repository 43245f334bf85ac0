/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The page of tasks that have ended since top was started, by command: how many of them,
 * how many of them failed, and what they used in all their lives. Also processes that
 * lived too short for the table are counted here.
 *
 * Owns the order of the commands; the model owns the commands.
 */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clients/cli/base/format.h"
#include "clients/cli/base/text.h"
#include "clients/cli/model/metrics.h"
#include "clients/cli/top/top_cell.h"
#include "clients/cli/top/top_header.h"
#include "clients/cli/top/top_page_exited.h"

enum {
        FORM_COUNT,
        FORM_BYTES,
        FORM_DURATION,
};

typedef struct ExitedColumn ExitedColumn;

struct ExitedColumn {
        const char *header;
        size_t width;
        int form;
        enum metric_known (*value)(const ExitedColumn *column, const LiveCommand *command, double *ret_value);
        unsigned int metric;
};

static enum metric_known value_ended(const ExitedColumn *column, const LiveCommand *command, double *ret_value) {
        (void)column;
        *ret_value = (double)command->n_ended;
        return METRIC_KNOWN;
}

/* Not known only if no status is known. With some unknown, more may have failed. */
static enum metric_known value_failed(const ExitedColumn *column, const LiveCommand *command, double *ret_value) {
        (void)column;
        *ret_value = (double)command->n_failed;
        return command->n_status_unknown == command->n_ended ? METRIC_WITHHELD : METRIC_KNOWN;
}

static enum metric_known value_longest(const ExitedColumn *column, const LiveCommand *command, double *ret_value) {
        (void)column;
        *ret_value = (double)command->longest_ns;
        return command->longest_ns ? METRIC_KNOWN : METRIC_NOT_YET;
}

/* Not known: the model keeps no reason per command. exited_write_cell() takes the reason of the last sample. */
static enum metric_known value_sum(const ExitedColumn *column, const LiveCommand *command, double *ret_value) {
        *ret_value = (double)command->used[column->metric];
        return command->n_known[column->metric] ? METRIC_KNOWN : METRIC_NOT_YET;
}

static enum metric_known value_mean(const ExitedColumn *column, const LiveCommand *command, double *ret_value) {
        uint64_t n = command->n_known[column->metric];

        *ret_value = n ? (double)command->used[column->metric] / (double)n : 0;
        return n ? METRIC_KNOWN : METRIC_NOT_YET;
}

static const ExitedColumn exited_columns[] = {
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

#define N_EXITED_COLUMNS (sizeof(exited_columns) / sizeof(*exited_columns))
#define EXITED_COLUMN_CPU 3u

void top_page_exited_deinit(TopPageExited *exited) {
        free(exited->commands);
        *exited = (TopPageExited)TOP_PAGE_EXITED_NULL;
}

static int exited_compare(const void *a, const void *b, void *closure) {
        const LiveCommand *one = *(const LiveCommand *const *)a, *other = *(const LiveCommand *const *)b;
        const TopPageExited *exited = closure;
        const ExitedColumn *column = exited_columns + exited->sort;
        double value_one, value_other;
        bool known_one = column->value(column, one, &value_one) == METRIC_KNOWN;
        bool known_other = column->value(column, other, &value_other) == METRIC_KNOWN;

        if (known_one != known_other)
                return known_one ? -1 : 1;
        if (known_one && value_one != value_other)
                return (value_one < value_other) == exited->inverted ? -1 : 1;

        return strcmp(one->comm, other->comm);
}

/* Return: 0, or -ENOMEM. */
int top_page_exited_refresh(TopPageExited *exited, const LiveExited *model) {
        size_t n = model->n_commands;

        exited->n_commands = 0;
        if (n > exited->n_room) {
                free(exited->commands);
                exited->n_room = n + n / 2;
                exited->commands = calloc(exited->n_room, sizeof(*exited->commands));
                if (!exited->commands) {
                        exited->n_room = 0;
                        return -ENOMEM;
                }
        }
        for (size_t i = 0; i < n; ++i)
                exited->commands[i] = model->commands[i];
        exited->n_commands = n;
        if (n > 0)
                qsort_r(exited->commands, n, sizeof(*exited->commands), exited_compare, exited);
        top_list_move(&exited->list, n, 0);

        return 0;
}

/* Sorts by the column beside the present one. */
void top_page_exited_sort(TopPageExited *exited, int by) {
        exited->sort = (exited->sort + N_EXITED_COLUMNS + (unsigned int)by) % N_EXITED_COLUMNS;
}

static void exited_write_cell(const TopView *view,
                              const ExitedColumn *column,
                              const LiveCommand *command,
                              TopCell *cell) {
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
                strcpy(cell->text, top_cell_unknown(known));
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

static size_t exited_last_shown(const TopPageExited *exited) {
        size_t end = exited->list.first + exited->list.n_shown;

        return end < exited->n_commands ? end : exited->n_commands;
}

/* A number on the screen that is wider than its column widens it. */
static void exited_measure(const TopPageExited *exited, const TopView *view, size_t widths[static N_EXITED_COLUMNS]) {
        static TopCell cell;

        for (size_t i = 0; i < N_EXITED_COLUMNS; ++i) {
                exited_write_cell(view, exited_columns + i, &view->live->exited.total, &cell);
                widths[i] = exited_columns[i].width;
                for (size_t row = exited->list.first;; ++row) {
                        if (strlen(cell.text) > widths[i])
                                widths[i] = strlen(cell.text);
                        if (row >= exited_last_shown(exited))
                                break;
                        exited_write_cell(view, exited_columns + i, exited->commands[row], &cell);
                }
        }
}

/* Draws a line: the name, then the columns for which there is room. @command NULL: the headers. */
static void exited_draw_line(const TopPageExited *exited,
                             const TopView *view,
                             const size_t *widths,
                             const LiveCommand *command,
                             const char *name,
                             size_t row,
                             enum screen_style style) {
        static TopCell cell;
        size_t at = TB_COMM_SIZE / 2 + 2, width = view->screen->columns;

        if (style != SCREEN_PLAIN)
                screen_fill(view->screen, row, 0, width, style);
        screen_put(view->screen, row, 0, at - 1, style, name);
        for (size_t i = 0; i < N_EXITED_COLUMNS; ++i) {
                const ExitedColumn *column = exited_columns + i;
                bool sorted = !command && i == exited->sort;

                if (at + widths[i] > width)
                        break;
                if (sorted)
                        screen_fill(view->screen, row, at, widths[i], SCREEN_HEADER_SORT);
                if (command)
                        exited_write_cell(view, column, command, &cell);
                screen_put_right(view->screen,
                                 row,
                                 at,
                                 widths[i],
                                 sorted                  ? SCREEN_HEADER_SORT :
                                 style != SCREEN_PLAIN   ? style :
                                 command                 ? cell.style :
                                                           style,
                                 command ? cell.text : column->header);
                at += widths[i] + 1;
        }
}

static void exited_draw(TopPageExited *exited, const TopView *view, size_t row, size_t n_rows) {
        const LiveCommand *total = &view->live->exited.total;
        char name[TEXT_ESCAPED_MAX(TB_COMM_SIZE)];
        size_t widths[N_EXITED_COLUMNS];

        if (n_rows < 3)
                return;

        top_list_fit(&exited->list, exited->n_commands, n_rows - 2);
        exited_measure(exited, view, widths);
        exited_draw_line(exited, view, widths, NULL, "COMMAND", row, SCREEN_HEADER);
        exited_draw_line(exited, view, widths, total, "(all that ended)", row + 1, SCREEN_STRONG);
        for (size_t i = exited->list.first; i < exited_last_shown(exited); ++i) {
                const LiveCommand *command = exited->commands[i];

                text_escape(name, sizeof(name), command->comm, TEXT_FOR_TERMINAL);
                exited_draw_line(exited,
                                 view,
                                 widths,
                                 command,
                                 name,
                                 row + 2 + i - exited->list.first,
                                 i == exited->list.cursor ? SCREEN_CURSOR : SCREEN_PLAIN);
        }
        if (exited->n_commands == 0)
                screen_put(view->screen, row + 2, 0, view->screen->columns, SCREEN_DIM, "Nothing has ended yet.");
}

static void page_exited_init(void *state) { *(TopPageExited *)state = (TopPageExited)TOP_PAGE_EXITED_NULL; }

static void page_exited_deinit(Top *top) { top_page_exited_deinit(top_state_page(top, &top_page_exited)); }

/* Reads the model also during a pause: this page shows all tasks that have ended. */
static int page_exited_refresh(Top *top, const TopView *view) {
        (void)view;
        return top_page_exited_refresh(top_state_page(top, &top_page_exited), &top->live.exited);
}

static size_t page_exited_draw(Top *top, TopView *view) {
        size_t row = top_header_rows(view);

        top_header_draw(view);
        view->live = &top->live;
        exited_draw(top_state_page(top, &top_page_exited), view, row, view->screen->rows - 1 - row);
        return row;
}

static void page_exited_move(Top *top, ptrdiff_t by) {
        TopPageExited *exited = top_state_page(top, &top_page_exited);

        top_list_move(&exited->list, exited->n_commands, by);
}

const TopPage top_page_exited = {
        .n_state = sizeof(TopPageExited),
        .init = page_exited_init,
        .deinit = page_exited_deinit,
        .refresh = page_exited_refresh,
        .draw = page_exited_draw,
        .move = page_exited_move,
        .bar = "S: back; left, right: sort by; P: by CPU; I: invert; 0: begin anew",
};

void top_page_exited_show(Top *top, uint32_t code) {
        (void)code;
        top_state_show(top, &top_page_exited);
}

void top_page_exited_sort_next(Top *top, uint32_t code) {
        (void)code;
        top_page_exited_sort(top_state_page(top, &top_page_exited), 1);
}

void top_page_exited_sort_previous(Top *top, uint32_t code) {
        (void)code;
        top_page_exited_sort(top_state_page(top, &top_page_exited), -1);
}

void top_page_exited_sort_cpu(Top *top, uint32_t code) {
        TopPageExited *exited = top_state_page(top, &top_page_exited);

        (void)code;
        exited->sort = EXITED_COLUMN_CPU;
}

void top_page_exited_invert(Top *top, uint32_t code) {
        TopPageExited *exited = top_state_page(top, &top_page_exited);

        (void)code;
        exited->inverted = !exited->inverted;
}

/* Forgets what has ended up to now. */
void top_page_exited_reset(Top *top, uint32_t code) {
        TopPageExited *exited = top_state_page(top, &top_page_exited);

        (void)code;
        exited->n_commands = 0;
        live_exited_reset(&top->live.exited);
}
