/* SPDX-License-Identifier: Apache-2.0 */

/*
 * One process on the whole screen: what it is, its graphs, and all its statistics.
 *
 * Owns a copy of what is shown, so that the last of a process that has ended stays
 * to be read; and the history that the model keeps of its row as long as it lives.
 */

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "clients/cli/base/format.h"
#include "clients/cli/text/stats_lines.h"
#include "clients/cli/top/top_graph.h"
#include "clients/cli/top/top_page_detail.h"
#include "clients/cli/top/top_pause.h"
#include "clients/cli/top/top_view.h"


/* Lines of text above the graphs. */
#define DETAIL_TEXT_ROWS 4u

/* A second column of statistics where there is so much room. */
#define DETAIL_WIDE 160u

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
                top_history_copy(&detail->history, row->history);

        text_escape(detail->command, sizeof(detail->command), row->comm, TEXT_FOR_TERMINAL);
        detail->exe[0] = detail->cgroup[0] = 0;
        if (!row->program)
                return;
        cmdline_text(detail->command, row->program);
        if (!detail->command[0])
                text_escape(detail->command, sizeof(detail->command), row->comm, TEXT_FOR_TERMINAL);
        text_escape(detail->exe, sizeof(detail->exe), row->program->exe, TEXT_FOR_TERMINAL);
        text_escape(detail->cgroup, sizeof(detail->cgroup), row->program->cgroup, TEXT_FOR_TERMINAL);
        if (row->program->exe_withheld)
                strcpy(detail->exe, "hidden");
}

/* @row is the model's, or a copy of one. */
void top_page_detail_open(TopPageDetail *detail, Live *live, LiveRow *row) {
        LiveRow *tracked = live_find_started(live, row->tid, row->start_time_ns);

        *detail = (TopPageDetail)TOP_PAGE_DETAIL_NULL;
        /* Without it there are no graphs, and all else is as it should be. */
        if (tracked)
                (void)live_track(live, tracked);
        detail_copy(detail, row);
}

void top_page_detail_close(TopPageDetail *detail, Live *live) {
        LiveRow *row = live_find_started(live, detail->row.tid, detail->row.start_time_ns);

        if (row)
                live_untrack(live, row);
        live_history_deinit(&detail->history);
}

/* Takes what the last sample brought. */
void top_page_detail_refresh(TopPageDetail *detail, const Live *live) {
        const LiveRow *row = live_find_started(live, detail->row.tid, detail->row.start_time_ns);

        if (row)
                detail_copy(detail, row);
}

void top_page_detail_scroll(TopPageDetail *detail, ptrdiff_t by) {
        size_t last = detail->n_lines > detail->n_shown ? detail->n_lines - detail->n_shown : 0;

        if (by < 0)
                detail->first = (size_t)-by > detail->first ? 0 : detail->first - (size_t)-by;
        else
                detail->first += (size_t)by;
        if (detail->first > last)
                detail->first = last;
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
        if (row->ppid) {
                snprintf(text, sizeof(text), ", made by %" PRIu32, row->ppid);
                at += screen_put(view->screen, 1, at, width - at, SCREEN_PLAIN, text);
        }
        snprintf(text, sizeof(text), ", of %s", users_name(view->columns.users, row->uid));
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
                         row->termination.known ? format_termination(life, &row->termination) : "how is not told");
                screen_put(view->screen, 3, 0, width, SCREEN_WARNING, text);
        }
}

static size_t detail_graph_rows(const TopView *view) {
        size_t rows = view->screen->rows / 6;

        if (view->screen->rows < 16 || view->screen->columns < 60)
                return 0;

        return rows < 4 ? 4 : rows > 10 ? 10 : rows;
}

static void detail_draw_stat(const TopView *view, const StatsLine *stat, size_t row, size_t column, size_t n_columns) {
        size_t at;

        if (stat->heading) {
                at = screen_put(view->screen, row, column, n_columns, SCREEN_NAME, stat->heading);
                if (stat->note[0])
                        screen_put(view->screen, row, column + at + 2, n_columns - at - 2, SCREEN_WARNING, stat->note);
                return;
        }

        screen_put(view->screen, row, column + 2, 29, SCREEN_PLAIN, stat->name);
        screen_put_right(view->screen, row, column + 31, 19, SCREEN_STRONG, stat->value);
        screen_put_right(view->screen, row, column + 51, 9, SCREEN_GOOD, stat->rate);
        if (n_columns > 62)
                screen_put(view->screen, row, column + 62, n_columns - 62, SCREEN_DIM, stat->note);
}

static void detail_draw_stats(TopPageDetail *detail, const TopView *view, size_t row, size_t n_rows) {
        const LiveRow *task = &detail->row;
        static StatsLine lines[STATS_LINES_MAX];
        size_t n, width = view->screen->columns, n_columns = width >= DETAIL_WIDE ? 2 : 1;
        MetricRates rates;

        live_rates(view->live, task, &rates);
        n = stats_lines(task->sampled ? &task->stats : NULL, &rates, task->ended, lines);
        detail->n_lines = n;
        detail->n_shown = n_rows * n_columns;
        top_page_detail_scroll(detail, 0);
        for (size_t i = 0; i < detail->n_shown && detail->first + i < n; ++i)
                detail_draw_stat(view,
                                 lines + detail->first + i,
                                 row + i % n_rows,
                                 i / n_rows * (width / n_columns),
                                 width / n_columns - (n_columns > 1));
}

/* Draws all of the screen but its last line. */
void top_page_detail_draw(TopPageDetail *detail, const TopView *view) {
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
