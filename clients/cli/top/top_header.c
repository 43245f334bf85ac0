/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The lines above a table: how many tasks there are, how many events were lost, what
 * this client may see, and the graphs of the machine.
 */

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "clients/cli/base/format.h"
#include "clients/cli/top/top_graph.h"
#include "clients/cli/top/top_header.h"
#include "clients/cli/top/top_view.h"

/* Lines of text above the graphs. */
#define HEADER_TEXT_ROWS 2u

#define HEADER_GRAPH_COLUMNS 4u

/* On a narrower screen the counts are in a short form, the losses first. */
#define HEADER_NARROW 60u

static const enum live_graph header_graphs[] = {
        LIVE_GRAPH_CPU,
        LIVE_GRAPH_CPU_DELAY,
        LIVE_GRAPH_READ,
        LIVE_GRAPH_WRITE,
        LIVE_GRAPH_FORKS,
        LIVE_GRAPH_EXITS,
        LIVE_GRAPH_LOST,
        LIVE_GRAPH_IO_DELAY,
};

#define N_HEADER_GRAPHS (sizeof(header_graphs) / sizeof(*header_graphs))

/* The height of each graph, with its title. All graphs together take a quarter of the screen, or a little more. */
static size_t header_graph_rows(const TopView *view) {
        size_t rows = view->screen->rows / 8;

        if (!view->settings->graphs || view->screen->rows < 20 || view->screen->columns < 60)
                return 0;

        return rows < 3 ? 3 : rows > 9 ? 9 : rows;
}

size_t top_header_rows(const TopView *view) {
        return HEADER_TEXT_ROWS + header_graph_rows(view) * (N_HEADER_GRAPHS / HEADER_GRAPH_COLUMNS);
}

static size_t header_put(const TopView *view, size_t row, size_t at, enum screen_style style, const char *text) {
        if (at >= view->screen->columns)
                return at;

        return at + screen_put(view->screen, row, at, view->screen->columns - at, style, text);
}

/* A process that was forked since the last sample has one thread at least. Samples alone have the number. */
static uint64_t header_threads(const TopView *view) {
        uint64_t n = 0;

        for (size_t i = 0; i < view->live->n_rows; ++i) {
                const LiveRow *row = view->live->rows[i];

                if (!row->ended && !row->exited)
                        n += row->tasks ? row->tasks : 1;
        }

        return n;
}

/* Writes a part of the short form, if the whole part has room: a number is not cut. */
static size_t header_put_count(const TopView *view, size_t row, size_t at, const char *before, uint64_t number,
                               const char *after) {
        char text[FORMAT_MAX + 32], count[FORMAT_MAX];

        snprintf(text, sizeof(text), "%s%s%s", before, format_count(count, number), after);
        if (at + text_width(text, screen_form(view->screen)) > view->screen->columns)
                return view->screen->columns;

        return header_put(view, row, at, SCREEN_PLAIN, text);
}

static void header_draw_short_counts(const TopView *view, size_t row) {
        const Live *live = view->live;
        char count[FORMAT_MAX];
        bool lost = live->n_lost || live->lost_at_least;
        size_t at = 0;

        if (view->paused)
                at = header_put(view, row, at, SCREEN_WARNING, "PAUSED ");
        at = header_put(view, row, at, lost ? SCREEN_BAD : SCREEN_GOOD, "lost ");
        at = header_put(view, row, at, lost ? SCREEN_BAD : SCREEN_GOOD,
                        lost && !live->n_lost ? "?" : format_count(count, live->n_lost));
        if (live->n_samples_lost)
                at = header_put_count(view, row, at, ", ", live->n_samples_lost, " missed");
        if (!live->threads)
                at = header_put_count(view, row, at, ", ", live->n_alive,
                                      live->n_alive == 1 ? " process" : " processes");
        at = header_put_count(view, row, at, ", ", live->threads ? live->n_alive : header_threads(view), " thr");
        header_put_count(view, row, at, ", ", live->n_exits, " ended");
}

static void header_draw_counts(const TopView *view, size_t row) {
        const Live *live = view->live;
        char text[160], count[FORMAT_MAX];
        uint64_t n_lost = live->n_lost, n_threads = live->n_alive;
        bool lost = n_lost || live->lost_at_least;
        size_t at = 0;

        if (view->screen->columns < HEADER_NARROW) {
                header_draw_short_counts(view, row);
                return;
        }

        at = header_put(view, row, at, SCREEN_STRONG, format_count(count, live->n_alive));
        if (!live->threads) {
                n_threads = header_threads(view);
                at = header_put(view, row, at, SCREEN_PLAIN, live->n_alive == 1 ? " process, " : " processes, ");
                at = header_put(view, row, at, SCREEN_STRONG, format_count(count, n_threads));
        }
        at = header_put(view, row, at, SCREEN_PLAIN, n_threads == 1 ? " thread" : " threads");

        at = header_put(view, row, at, SCREEN_PLAIN, "; ended: ");
        at = header_put(view, row, at, SCREEN_STRONG, format_count(count, live->n_exits));
        at = header_put(view, row, at, SCREEN_PLAIN, "; lost: ");
        at = header_put(view, row, at, lost ? SCREEN_BAD : SCREEN_GOOD,
                        lost && !n_lost ? "unknown" : format_count(count, n_lost));
        at = header_put(view, row, at, SCREEN_PLAIN, lost ? " machine-wide!" : " events");
        if (live->n_samples_lost) {
                at = header_put(view, row, at, SCREEN_BAD, "; missed samples: ");
                at = header_put(view, row, at, SCREEN_BAD, format_count(count, live->n_samples_lost));
        }

        snprintf(text,
                 sizeof(text),
                 view->settings->span_s < 120 ? "%severy %gs, graphs %us" : "%severy %gs, graphs %um",
                 view->paused ? "PAUSED  " : "",
                 view->settings->interval_ms / 1000.0,
                 view->settings->span_s < 120 ? view->settings->span_s : view->settings->span_s / 60);
        if (at + 2 < view->screen->columns)
                screen_put_right(view->screen,
                                 row,
                                 at + 2,
                                 view->screen->columns - at - 2,
                                 view->paused ? SCREEN_WARNING : SCREEN_DIM,
                                 text);
}

static const char *header_access(const struct tb_welcome *welcome) {
        switch (welcome->access) {
        case TB_ACCESS_OWN:
                return "you see your tasks in full, of others what /proc shows";
        case TB_ACCESS_OWN_ONLY:
                return "you see your own tasks only";
        default:
                return "you see everything";
        }
}

static const char *header_accounting(const struct tb_welcome *welcome) {
        switch (welcome->delay_accounting) {
        case TB_DELAY_ACCOUNTING_OFF:
                return "delay accounting off";
        case TB_DELAY_ACCOUNTING_ON:
                return "delay accounting on";
        case TB_DELAY_ACCOUNTING_UNSUPPORTED:
                return "no delay accounting in this kernel";
        default:
                return "delay accounting: not known";
        }
}

static void header_draw_state(const TopView *view, size_t row) {
        const struct tb_welcome *welcome = view->welcome;
        size_t at = 0;

        if (!welcome) {
                header_put(view, row, 0, SCREEN_DIM, "waiting for the broker");
                return;
        }

        at = header_put(view, row, at, SCREEN_PLAIN, header_access(welcome));
        at = header_put(view, row, at, SCREEN_DIM, "; ");
        at = header_put(view,
                        row,
                        at,
                        welcome->delay_accounting == TB_DELAY_ACCOUNTING_OFF ? SCREEN_WARNING : SCREEN_PLAIN,
                        header_accounting(welcome));
        at = header_put(view, row, at, SCREEN_DIM, "; broker ");
        at = header_put(view, row, at, SCREEN_DIM, welcome->broker_version);
        at = header_put(view, row, at, SCREEN_DIM, " on Linux ");
        header_put(view, row, at, SCREEN_DIM, welcome->kernel_release);
}

/* Draws the header in the first top_header_rows() lines; the message of the view in place of the second. */
void top_header_draw(const TopView *view) {
        size_t n_rows = header_graph_rows(view), column = 0, next;

        header_draw_counts(view, 0);
        if (view->message)
                screen_put(view->screen, 1, 0, view->screen->columns, view->message_style, view->message);
        else
                header_draw_state(view, 1);
        if (n_rows == 0)
                return;

        for (size_t i = 0; i < N_HEADER_GRAPHS; ++i) {
                size_t place = i % HEADER_GRAPH_COLUMNS, line = i / HEADER_GRAPH_COLUMNS;

                column = place * (view->screen->columns + 1) / HEADER_GRAPH_COLUMNS;
                next = (place + 1) * (view->screen->columns + 1) / HEADER_GRAPH_COLUMNS;
                top_graph_draw(view,
                               &view->live->history,
                               header_graphs[i],
                               HEADER_TEXT_ROWS + line * n_rows,
                               column,
                               n_rows,
                               next - column - 1);
        }
}
