/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The page of one process: what it is, its graphs, and all its statistics.
 *
 * Owns a copy of the row, so that the last values of a process that has ended can still
 * be read. Has the model keep a history of the row while the page is open.
 */

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "clients/cli/base/format.h"
#include "clients/cli/model/live_values.h"
#include "clients/cli/text/stats_lines.h"
#include "clients/cli/top/top_graph.h"
#include "clients/cli/top/top_page_detail.h"
#include "clients/cli/top/top_page_table.h"

/* The broker sends at most so many bytes of a path. */
#define DETAIL_PATH_MAX 1024u

typedef struct DetailWidths DetailWidths;
typedef struct TopPageDetail TopPageDetail;

struct DetailWidths {
        size_t name;
        size_t value;
        size_t rate;
};

/* A copy, because the model drops the row some seconds after its end. */
struct TopPageDetail {
        LiveRow row;
        LiveHistory history;
        char command[CMDLINE_TEXT_MAX];
        char exe[TEXT_ESCAPED_MAX(DETAIL_PATH_MAX)];
        char cgroup[TEXT_ESCAPED_MAX(DETAIL_PATH_MAX)];
        TopList list;                   /* the lines of statistics */
        size_t n_lines;
};

/* Lines of text above the graphs. */
#define DETAIL_TEXT_ROWS 4u

/* From this width on, statistics are in two columns. */
#define DETAIL_WIDE 160u

/* The columns of names, values and rates, unless a number needs more. */
#define DETAIL_NAME 31u
#define DETAIL_VALUE_MIN 19u
#define DETAIL_RATE_MIN 9u

/* A narrow screen shows so much of each name; if that leaves no room for the rates, they are left out. */
#define DETAIL_NAME_MIN 20u

static const enum live_graph detail_graphs[] = {
        LIVE_GRAPH_CPU,
        LIVE_GRAPH_CPU_DELAY,
        LIVE_GRAPH_READ,
        LIVE_GRAPH_WRITE,
};

#define N_DETAIL_GRAPHS (sizeof(detail_graphs) / sizeof(*detail_graphs))

static void detail_copy(TopPageDetail *detail, const LiveRow *row) {
        detail->row = *row;
        detail->row.program = NULL;
        detail->row.history = NULL;
        if (row->history)
                (void)live_history_copy(&detail->history, row->history);

        live_name(row, detail->command, sizeof(detail->command));
        detail->exe[0] = detail->cgroup[0] = 0;
        if (!row->program)
                return;
        cmdline_text(detail->command, row->program);
        if (!detail->command[0])
                live_name(row, detail->command, sizeof(detail->command));
        text_escape(detail->exe, sizeof(detail->exe), row->program->exe, TEXT_FOR_TERMINAL);
        text_escape(detail->cgroup, sizeof(detail->cgroup), row->program->cgroup, TEXT_FOR_TERMINAL);
        if (row->program->exe_withheld)
                strcpy(detail->exe, "hidden");
}

static void detail_scroll(TopPageDetail *detail, ptrdiff_t by) {
        size_t n_shown = detail->list.n_shown;

        detail->list.first =
                top_list_clamp(detail->list.first, by, detail->n_lines > n_shown ? detail->n_lines - n_shown : 0);
}

static void detail_draw_title(const TopPageDetail *detail, const TopView *view) {
        const LiveRow *row = &detail->row;
        char text[256], time[FORMAT_MAX], life[FORMAT_MAX];
        uint64_t end = row->end_time_ns ? row->end_time_ns : view->now_ns;
        size_t width = view->screen->columns, at;

        screen_fill(view->screen, 0, 0, width, SCREEN_HEADER);
        screen_put(view->screen, 0, 0, width, SCREEN_HEADER, detail->command);

        at = screen_put(view->screen, 1, 0, width, SCREEN_PLAIN, row->pid == row->tid ? "process " : "thread ");
        snprintf(text, sizeof(text), "%" PRIu32, row->tid);
        at += screen_put(view->screen, 1, at, width - at, SCREEN_STRONG, text);
        if (row->pid != row->tid) {
                snprintf(text, sizeof(text), " of process %" PRIu32, row->pid);
                at += screen_put(view->screen, 1, at, width - at, SCREEN_PLAIN, text);
        }
        if (row->parent.pid) {
                snprintf(text, sizeof(text), ", child of %" PRIu32, row->parent.pid);
                at += screen_put(view->screen, 1, at, width - at, SCREEN_PLAIN, text);
        }
        if (row->maker.pid && row->maker.pid != row->parent.pid) {
                snprintf(text, sizeof(text), ", made by %" PRIu32, row->maker.pid);
                at += screen_put(view->screen, 1, at, width - at, SCREEN_PLAIN, text);
        }
        snprintf(text, sizeof(text), ", of %s", live_user(row, view->columns.users));
        at += screen_put(view->screen, 1, at, width - at, SCREEN_PLAIN, text);
        if (row->tasks) {
                snprintf(text, sizeof(text), ", %" PRIu32 " thread%s", row->tasks, row->tasks == 1 ? "" : "s");
                at += screen_put(view->screen, 1, at, width - at, SCREEN_PLAIN, text);
        }
        if (row->start_time_ns) {
                format_begin(time, row->start_time_ns, view->now_ns);
                time[strcspn(time, ".")] = 0;
                snprintf(text,
                         sizeof(text),
                         ", began %s, %s %s",
                         time,
                         row->ended || row->exited ? "lived" : "lives",
                         format_duration(life, end > row->start_time_ns ? end - row->start_time_ns : 0));
                screen_put(view->screen, 1, at, width - at, SCREEN_PLAIN, text);
        }

        at = screen_put(view->screen, 2, 0, width, SCREEN_DIM, detail->exe);
        if (detail->cgroup[0]) {
                at += screen_put(view->screen, 2, at, width - at, SCREEN_DIM, at ? ", in " : "in ");
                screen_put(view->screen, 2, at, width - at, SCREEN_DIM, detail->cgroup);
        }

        if (row->ended || row->exited) {
                format_clock(time, row->end_time_ns);
                time[strcspn(time, ".")] = 0;
                snprintf(text,
                         sizeof(text),
                         "It ended at %s: %s",
                         time,
                         row->termination.known ? format_termination(life, &row->termination) : "how is not known");
                screen_put(view->screen, 3, 0, width, SCREEN_WARNING, text);
        }
}

static size_t detail_graph_rows(const TopView *view) {
        size_t rows = view->screen->rows / 6;

        if (view->screen->rows < 16 || view->screen->columns < 60)
                return 0;

        return rows < 4 ? 4 : rows > 10 ? 10 : rows;
}

/* The widths of values and rates: as wide as the widest, because a number is not cut. Names get the rest. */
static void detail_measure(const StatsLine *lines, size_t n_lines, size_t n_columns, DetailWidths *widths) {
        bool narrow = n_columns < DETAIL_NAME + DETAIL_VALUE_MIN + 1 + DETAIL_RATE_MIN + 1;
        size_t needed;

        *widths = (DetailWidths){ .name = DETAIL_NAME };
        if (!narrow) {
                widths->value = DETAIL_VALUE_MIN;
                widths->rate = DETAIL_RATE_MIN;
        }
        for (size_t i = 0; i < n_lines; ++i) {
                if (strlen(lines[i].value) > widths->value)
                        widths->value = strlen(lines[i].value);
                if (strlen(lines[i].rate) > widths->rate)
                        widths->rate = strlen(lines[i].rate);
        }
        if (!narrow)
                return;

        if (DETAIL_NAME_MIN + widths->value + 1 + widths->rate + 1 > n_columns)
                widths->rate = 0;
        needed = 1 + widths->value + (widths->rate ? widths->rate + 1 : 0);
        widths->name = n_columns > needed + DETAIL_NAME ? DETAIL_NAME : n_columns > needed ? n_columns - needed : 0;
}

static void detail_draw_stat(const TopView *view,
                             const StatsLine *stat,
                             const DetailWidths *widths,
                             size_t row,
                             size_t column,
                             size_t n_columns) {
        size_t at, value = widths->name, rate = value + widths->value + 1, note = rate + widths->rate + 2;

        if (stat->heading) {
                at = screen_put(view->screen, row, column, n_columns, SCREEN_NAME, stat->heading);
                if (stat->note[0])
                        screen_put(view->screen, row, column + at + 2, n_columns - at - 2, SCREEN_WARNING, stat->note);
                return;
        }

        screen_put(view->screen, row, column + 2, value > 2 ? value - 2 : 0, SCREEN_PLAIN, stat->name);
        screen_put_right(view->screen, row, column + value, widths->value, SCREEN_STRONG, stat->value);
        screen_put_right(view->screen, row, column + rate, widths->rate, SCREEN_GOOD, stat->rate);
        if (n_columns > note)
                screen_put(view->screen, row, column + note, n_columns - note, SCREEN_DIM, stat->note);
}

static void detail_draw_stats(TopPageDetail *detail, const TopView *view, size_t row, size_t n_rows) {
        const LiveRow *task = &detail->row;
        static StatsLine lines[STATS_LINES_MAX];
        size_t n, width = view->screen->columns, n_columns = width >= DETAIL_WIDE ? 2 : 1;
        DetailWidths widths;
        MetricRates rates;

        live_rates(view->live, task, &rates);
        n = stats_lines(task->sampled ? &task->stats : NULL, &rates, task->ended, lines);
        detail_measure(lines, n, width / n_columns - (n_columns > 1), &widths);
        detail->n_lines = n;
        detail->list.n_shown = n_rows * n_columns;
        detail_scroll(detail, 0);
        for (size_t i = 0; i < detail->list.n_shown && detail->list.first + i < n; ++i)
                detail_draw_stat(view,
                                 lines + detail->list.first + i,
                                 &widths,
                                 row + i % n_rows,
                                 i / n_rows * (width / n_columns),
                                 width / n_columns - (n_columns > 1));
}

static void detail_draw(TopPageDetail *detail, const TopView *view) {
        size_t n_rows = detail_graph_rows(view), row = DETAIL_TEXT_ROWS;

        detail_draw_title(detail, view);
        for (size_t i = 0; i < N_DETAIL_GRAPHS && n_rows; ++i) {
                size_t column = i * (view->screen->columns + 1) / N_DETAIL_GRAPHS;
                size_t next = (i + 1) * (view->screen->columns + 1) / N_DETAIL_GRAPHS;

                top_graph_draw(view, &detail->history, detail_graphs[i], row, column, n_rows, next - column - 1);
        }
        row += n_rows;
        if (view->screen->rows > row + 1)
                detail_draw_stats(detail, view, row, view->screen->rows - 1 - row);
}

/* Copies the values of the last sample. */
static int page_detail_refresh(Top *top, const TopView *view) {
        TopPageDetail *detail = top_state_page(top, &top_page_detail);
        const LiveRow *row = live_find_task(&top->live, detail->row.tid, detail->row.start_boot_ns);

        if (row && !view->paused)
                detail_copy(detail, row);

        return 0;
}

static size_t page_detail_draw(Top *top, TopView *view) {
        detail_draw(top_state_page(top, &top_page_detail), view);
        if (view->message && view->message_urgent)
                screen_put(view->screen, 3, 0, view->screen->columns, view->message_style, view->message);

        return 0;
}

static void page_detail_move(Top *top, ptrdiff_t by) { detail_scroll(top_state_page(top, &top_page_detail), by); }

static void page_detail_deinit(Top *top) {
        TopPageDetail *detail = top_state_page(top, &top_page_detail);

        live_history_deinit(&detail->history);
}

const TopPage top_page_detail = {
        .n_state = sizeof(TopPageDetail),
        .deinit = page_detail_deinit,
        .refresh = page_detail_refresh,
        .draw = page_detail_draw,
        .move = page_detail_move,
        .bar = "Esc: back; arrows: more; ( ): time",
};

/* Shows the process under the cursor of the table. */
void top_page_detail_show(Top *top, uint32_t code) {
        TopPageDetail *detail = top_state_page(top, &top_page_detail);
        LiveRow *row = top_table_row(&top->table), *tracked;

        (void)code;
        if (!row)
                return;

        /* While paused, the table has copies: the model keeps the history of its own row. */
        *detail = (TopPageDetail){ .n_lines = 0 };
        tracked = live_find_task(&top->live, row->tid, row->start_boot_ns);
        if (tracked)
                (void)live_track(&top->live, tracked);
        detail_copy(detail, row);
        top_state_show(top, &top_page_detail);
}

/* Back to the table. */
void top_page_detail_close(Top *top, uint32_t code) {
        TopPageDetail *detail = top_state_page(top, &top_page_detail);
        LiveRow *row = live_find_task(&top->live, detail->row.tid, detail->row.start_boot_ns);

        if (row)
                live_untrack(&top->live, row);
        live_history_deinit(&detail->history);
        top_page_table_show(top, code);
}
