/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The screen of taskbroker iotop, with the keys of iotop.
 *
 * Owns the model, its connections and the screen; iotop_rows.c writes the rows. Draws
 * after each sample and after each key. Changes nothing on the machine: priorities are
 * shown, not set.
 */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "clients/cli/base/clock.h"
#include "clients/cli/base/error.h"
#include "clients/cli/base/exit_status.h"
#include "clients/cli/iotop/iotop_rows.h"
#include "clients/cli/iotop/iotop_screen.h"
#include "clients/cli/tui/screen.h"

/* At the latest after this time the screen shows that a sample is overdue. */
#define IOTOP_TICK_MS 1000

/* On a narrower screen the sums are in a short form: a number is not cut. */
#define IOTOP_SUMMARY_COLUMNS 70u

typedef struct IotopScreen IotopScreen;

struct IotopScreen {
        IotopOptions *options;
        Screen screen;
        Live live;
        LiveLink link;
        IotopRows rows;
        Users users;
        size_t top; /* the first line on the screen */
        bool overdue; /* a sample is overdue, as overdue_reason says */
        char overdue_reason[CONNECTION_TEXT_MAX];
        uint64_t n_samples;
        bool quit;
};

static int iotop_open(IotopScreen *iotop) {
        LiveSettings settings;

        iotop_options_settings(iotop->options, &settings);
        iotop->rows.processes = iotop->options->processes;
        iotop->top = 0;
        return live_link_open(&iotop->link, &iotop->live, &settings);
}

static bool iotop_has_note(const IotopScreen *iotop) {
        return iotop->rows.uncounted || iotop->link.down || iotop->overdue;
}

static size_t iotop_page(const IotopScreen *iotop) {
        size_t others = 3 + iotop->options->help + iotop_has_note(iotop);

        return iotop->screen.rows > others ? iotop->screen.rows - others : 0;
}

static void iotop_scroll(IotopScreen *iotop, bool down, size_t n) {
        size_t page = iotop_page(iotop), max = iotop->rows.n_lines > page ? iotop->rows.n_lines - page : 0;

        if (down)
                iotop->top = iotop->top + n < max ? iotop->top + n : max;
        else
                iotop->top = iotop->top > n ? iotop->top - n : 0;
}

/* Each title ends with its column, so that the sign of the order stands behind it. */
static void iotop_draw_titles(IotopScreen *iotop, size_t row) {
        Screen *screen = &iotop->screen;
        char title[32];
        size_t at = 0;

        screen_fill(screen, row, 0, screen->columns, SCREEN_HEADER);
        for (enum iotop_column i = 0; i < N_IOTOP_COLUMNS && at < screen->columns; ++i) {
                bool sorted = i == iotop->rows.sort;
                enum screen_style style = sorted ? SCREEN_HEADER_SORT : SCREEN_HEADER;
                size_t width = iotop->rows.widths[i];

                if (!iotop_rows_shows(&iotop->rows, i))
                        continue;
                snprintf(title, sizeof(title), "%s%s", iotop_rows_title(&iotop->rows, i),
                         !sorted                 ? ""
                         : iotop->rows.ascending ? "<"
                                                 : ">");
                if (i == IOTOP_COMMAND)
                        screen_put(screen, row, at + 1, screen->columns - at, style, title);
                else if (i == IOTOP_USER)
                        screen_put(screen, row, at, width, style, title);
                else
                        screen_put_right(screen, row, at, width, style, title);
                at += width + 1;
        }
}

static void iotop_draw_bar(IotopScreen *iotop, size_t row) {
        const struct {
                const char *key;
                const char *text;
        } keys[] = {
                {"q", "quit"},
                {"o", iotop->rows.only ? "all" : "active"},
                {"p", iotop->options->processes ? "threads" : "processes"},
                {"a", iotop->rows.accumulated ? "rate" : "accumulated"},
                {"k", iotop->rows.kilobytes ? "units" : "kilobytes"},
                {"r", iotop->rows.ascending ? "descending" : "ascending"},
                {"left, right", "sort"},
        };
        Screen *screen = &iotop->screen;
        size_t column = 0;

        screen_fill(screen, row, 0, screen->columns, SCREEN_BAR);
        for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); ++i) {
                column += screen_put(screen, row, column, screen->columns, SCREEN_BAR_KEY, keys[i].key);
                column += screen_put(screen, row, column, screen->columns, SCREEN_BAR, " ");
                column += screen_put(screen, row, column, screen->columns, SCREEN_BAR, keys[i].text);
                column += screen_put(screen, row, column, screen->columns, SCREEN_BAR, "  ");
        }
}

/* Why SWAPIN and IO have no numbers. */
static const char *iotop_delay_note(const struct tb_welcome *welcome) {
        switch (welcome ? welcome->delay_accounting : TB_DELAY_ACCOUNTING_UNKNOWN) {
        case TB_DELAY_ACCOUNTING_OFF:
                return "Delay accounting is off: SWAPIN and IO are not known (kernel.task_delayacct).";
        case TB_DELAY_ACCOUNTING_UNSUPPORTED:
                return "This kernel has no delay accounting: SWAPIN and IO are not known.";
        default:
                return "Delay accounting may be off: SWAPIN and IO are known above 0 only.";
        }
}

/* Shows why numbers are missing. */
static void iotop_draw_note(IotopScreen *iotop, size_t row) {
        Screen *screen = &iotop->screen;

        if (iotop->link.down)
                screen_put(screen, row, 0, screen->columns, SCREEN_BAD, iotop->link.down_reason);
        else if (iotop->overdue)
                screen_put(screen, row, 0, screen->columns, SCREEN_BAD, iotop->overdue_reason);
        else if (iotop->rows.uncounted)
                screen_put(screen, row, 0, screen->columns, SCREEN_WARNING,
                           iotop_delay_note(live_link_welcome(&iotop->link)));
}

static void iotop_draw(IotopScreen *iotop) {
        char total[IOTOP_SUMMARY_MAX], current[IOTOP_SUMMARY_MAX];
        static char text[IOTOP_LINE_MAX];
        Screen *screen = &iotop->screen;
        size_t page = iotop_page(iotop), row = 3;

        iotop_scroll(iotop, true, 0);
        screen_begin(screen);
        iotop_rows_summary(&iotop->rows, screen->columns < IOTOP_SUMMARY_COLUMNS, total, current);
        screen_put(screen, 0, 0, screen->columns, SCREEN_PLAIN, total);
        screen_put(screen, 1, 0, screen->columns, SCREEN_PLAIN, current);
        iotop_rows_fit(&iotop->rows, screen->columns);
        iotop_draw_titles(iotop, 2);

        for (size_t i = iotop->top; i < iotop->rows.n_lines && row < 3 + page; i++, ++row) {
                const IotopLine *line = iotop->rows.lines + i;
                bool gone = line->row->ended || line->row->exited;

                iotop_rows_line(&iotop->rows, line, false, text);
                screen_put(screen, row, 0, screen->columns, gone ? SCREEN_DIM : SCREEN_PLAIN, text);
        }
        if (!iotop->live.sample.span_ns)
                screen_put(screen, 3, 0, screen->columns, SCREEN_DIM, "Rates are known from the second sample on.");

        row = 3 + page;
        if (iotop_has_note(iotop))
                iotop_draw_note(iotop, row++);
        if (iotop->options->help)
                iotop_draw_bar(iotop, row);
        screen_flush(screen);
}

static int iotop_update(IotopScreen *iotop) {
        const struct tb_welcome *welcome = live_link_welcome(&iotop->link);

        iotop->rows.uncounted = welcome && welcome->delay_accounting != TB_DELAY_ACCOUNTING_ON;
        live_expire(&iotop->live, clock_now_time_ns());
        return iotop_rows_make(&iotop->rows);
}

static void iotop_sort_by(IotopScreen *iotop, int step) {
        int column = (int)iotop->rows.sort + step;

        if (column < 0)
                column = 0;
        if (column >= N_IOTOP_COLUMNS)
                column = N_IOTOP_COLUMNS - 1;
        iotop->rows.sort = (enum iotop_column)column;
}

/* Takes a key. Returns 0, or a negative errno: the connections could not be opened again. */
static int iotop_key(IotopScreen *iotop, uint32_t key) {
        IotopRows *rows = &iotop->rows;

        switch (key) {
        case 'q':
        case 'Q':
                iotop->quit = true;
                return 0;
        case 'o':
        case 'O':
                rows->only = !rows->only;
                return 0;
        case 'a':
        case 'A':
                rows->accumulated = !rows->accumulated;
                return 0;
        case 'k':
                rows->kilobytes = !rows->kilobytes;
                return 0;
        case 'r':
        case 'R':
        case ' ':
                rows->ascending = !rows->ascending;
                return 0;
        case 'p':
        case 'P':
                iotop->options->processes = !iotop->options->processes;
                return iotop_open(iotop);
        case SCREEN_KEY_LEFT:
                iotop_sort_by(iotop, -1);
                return 0;
        case SCREEN_KEY_RIGHT:
                iotop_sort_by(iotop, 1);
                return 0;
        case SCREEN_KEY_HOME:
                iotop->top = 0;
                return 0;
        case SCREEN_KEY_END:
                iotop_scroll(iotop, true, rows->n_lines);
                return 0;
        case SCREEN_KEY_UP:
        case SCREEN_KEY_DOWN:
                iotop_scroll(iotop, key == SCREEN_KEY_DOWN, 1);
                return 0;
        case SCREEN_KEY_PAGE_UP:
        case SCREEN_KEY_PAGE_DOWN:
                iotop_scroll(iotop, key == SCREEN_KEY_PAGE_DOWN, iotop_page(iotop));
                return 0;
        case SCREEN_KEY_CTRL('L'):
                screen_redraw(&iotop->screen);
                return 0;
        default:
                return 0;
        }
}

/* Waits for a key or the broker. Returns 0, or a negative errno. */
static int iotop_wait(IotopScreen *iotop) {
        struct pollfd pfds[LIVE_LINK_FDS + 1];
        int n, timeout_ms = IOTOP_TICK_MS;

        if (iotop->link.answer.deadline)
                timeout_ms = answer_timeout_ms(&iotop->link.answer);
        if (live_link_pending(&iotop->link))
                timeout_ms = 0;
        n = live_link_poll(&iotop->link, pfds);

        return screen_wait(&iotop->screen, pfds, (size_t)n, timeout_ms);
}

/* One step: takes messages, then keys, then draws if there was any. Returns 0, or a negative errno. */
static int iotop_step(IotopScreen *iotop) {
        bool changed, was_overdue = iotop->overdue;
        uint32_t key;
        int bits, r;

        r = iotop_wait(iotop);
        if (r < 0)
                return r;

        bits = live_link_process(&iotop->link);
        if (bits < 0)
                return bits;
        if (bits & LIVE_LINK_SAMPLE) {
                iotop_rows_sample(&iotop->rows, IOTOP_DISKS, clock_now_ns());
                iotop->n_samples += iotop->live.sample.span_ns != 0;
                iotop->quit = iotop->options->iterations && iotop->n_samples >= iotop->options->iterations;
        }

        iotop->overdue = live_link_overdue(&iotop->link, clock_now_ns(), iotop->overdue_reason);
        changed = iotop->overdue || was_overdue;
        while (r >= 0 && (key = screen_key(&iotop->screen)) != SCREEN_KEY_NONE) {
                r = iotop_key(iotop, key);
                changed = true;
        }
        if (r >= 0 && (changed || bits & (LIVE_LINK_SAMPLE | LIVE_LINK_STATE))) {
                r = iotop_update(iotop);
                if (r >= 0)
                        iotop_draw(iotop);
        }

        return r;
}

int iotop_screen(IotopOptions *options) {
        static IotopScreen iotop;
        int r;

        iotop.options = options;
        iotop.users.numeric = options->numeric;
        iotop.users.background = true;
        iotop.rows = (IotopRows){
                .live = &iotop.live,
                .users = &iotop.users,
                .only = options->only,
                .accumulated = options->accumulated,
                .kilobytes = options->kilobytes,
                .ended = true,
                .sort = IOTOP_IO,
        };
        live_init(&iotop.live);
        live_only_set(&iotop.live.only, options->pids, options->n_pids);
        if (iotop_open(&iotop) < 0) {
                error_print("%s", iotop.link.error);
                return EXIT_STATUS_ERROR;
        }

        /* It has printed why it failed. */
        r = screen_init(&iotop.screen);
        if (r >= 0) {
                while (r >= 0 && !iotop.quit && !screen_stopped())
                        r = iotop_step(&iotop);
                screen_deinit(&iotop.screen);
                if (r < 0)
                        error_print("%s", iotop.link.error[0] ? iotop.link.error : strerror(-r));
        }

        live_link_close(&iotop.link);
        iotop_rows_deinit(&iotop.rows);
        live_deinit(&iotop.live);
        return r < 0 ? EXIT_STATUS_ERROR : EXIT_STATUS_OK;
}
