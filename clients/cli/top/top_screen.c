/* SPDX-License-Identifier: Apache-2.0 */

/*
 * taskbroker top on a terminal: the loop that waits for the broker and the
 * keyboard, and the picture made of the parts.
 *
 * Owns everything that the parts look at. Draws after each sample and each key, and
 * else once a second, for those that ended to fade.
 */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "clients/cli/base/clock.h"
#include "clients/cli/base/error.h"
#include "clients/cli/base/exit_status.h"
#include "clients/cli/base/format.h"
#include "clients/cli/connect/connection.h"
#include "clients/cli/top/top_columns.h"
#include "clients/cli/top/top_header.h"
#include "clients/cli/top/top_keys.h"
#include "clients/cli/top/top_page_help.h"
#include "clients/cli/top/top_pause.h"
#include "clients/cli/top/top_screen.h"
#include "clients/cli/top/top_state.h"

#define TICK_MS 1000

/* That the connection came back stays to be read. */
#define LINK_MESSAGE_NS UINT64_C(15000000000)

/* Smaller, and nothing could be read. */
#define SCREEN_ROWS_MIN 8u
#define SCREEN_COLUMNS_MIN 40u

void top_view(const Top *top, TopView *view) {
        const Live *live = top->frozen ? top->frozen : &top->live;

        *view = (TopView){
                .screen = (Screen *)(uintptr_t)&top->screen,
                .live = live,
                .columns =
                        {
                                .live = live,
                                .users = (Users *)(uintptr_t)&top->users,
                                .arguments = top->settings.command_lines,
                        },
                .settings = &top->settings,
                .welcome = top->link.samples ? live_link_welcome(&top->link) : NULL,
                .now_ns = clock_now_realtime_ns(),
                .down = top->link.down,
                .paused = top->frozen,
        };
}

/* The table as the model's rows are now. */
void top_refresh(Top *top) {
        TopView view;

        top_view(top, &view);
        if (!top->frozen)
                live_expire(&top->live, view.now_ns);
        if (top_page_table_refresh(&top->table, &view) < 0)
                top_say(top, SCREEN_BAD, "There is too little memory for the table.");
        top->stale = false;
}

/* The sums of what is tagged; "" where nothing is. */
static void top_write_tagged(const TopView *view, char *text, size_t n_text) {
        static const struct {
                const char *name;
                unsigned int metric;
                bool bytes;
        } sums[] = {
                { "CPU", METRIC_CPU, false },
                { "CPU wait", METRIC_CPU_DELAY, false },
                { "read", METRIC_READ, true },
                { "written", METRIC_WRITE, true },
        };
        char bytes[FORMAT_MAX];
        size_t n_tagged = 0, n;

        text[0] = 0;
        for (size_t i = 0; i < view->live->n_rows; ++i)
                n_tagged += (view->live->rows[i]->marks & TOP_ROW_TAGGED) != 0;
        if (n_tagged == 0)
                return;

        n = (size_t)snprintf(text, n_text, "%zu tagged", n_tagged);
        for (size_t k = 0; k < sizeof(sums) / sizeof(*sums) && n < n_text; ++k) {
                enum metric_known known = METRIC_KNOWN;
                double sum = 0, rate;

                for (size_t i = 0; i < view->live->n_rows && known == METRIC_KNOWN; ++i) {
                        const LiveRow *row = view->live->rows[i];

                        if (!(row->marks & TOP_ROW_TAGGED))
                                continue;
                        known = live_rate(view->live, row, sums[k].metric, &rate);
                        sum += rate;
                }
                if (known != METRIC_KNOWN)
                        n += (size_t)snprintf(text + n, n_text - n, ", %s %s", sums[k].name, top_unknown(known));
                else if (sums[k].bytes)
                        n += (size_t)snprintf(text + n,
                                              n_text - n,
                                              ", %s %s/s",
                                              sums[k].name,
                                              format_bytes(bytes, (uint64_t)(sum + 0.5)));
                else
                        n += (size_t)snprintf(text + n, n_text - n, ", %s %.1f%%", sums[k].name, sum / 1e7);
        }
}

/* What stands in the line below the first: what is wrong goes first. NULL: nothing. */
static const char *top_message(const Top *top, const TopView *view, char *text, size_t n_text, enum screen_style *style) {
        size_t n = 0;

        if (top->link.down) {
                *style = SCREEN_BAD;
                snprintf(text, n_text, "%s", top->link.down_reason);
                return text;
        }
        if (top->message_until) {
                *style = top->message_style;
                return top->message;
        }

        *style = SCREEN_TAGGED;
        top_write_tagged(view, text, n_text);
        n = strlen(text);
        if (top->table.filter[0] && n < n_text)
                n += (size_t)snprintf(text + n, n_text - n, "%sfilter: %s", n ? "; " : "", top->table.filter);
        if (top->table.user_only && n < n_text)
                snprintf(text + n,
                         n_text - n,
                         "%sonly of %s",
                         n ? "; " : "",
                         users_name(view->columns.users, top->table.user));

        return text[0] ? text : NULL;
}

static void top_draw_bar(const Top *top, const TopView *view) {
        size_t row = view->screen->rows - 1, width = view->screen->columns, at = 0;
        const char *page = top->page == TOP_PAGE_HELP   ? "any key: back; arrows: more" :
                           top->page == TOP_PAGE_DETAIL ? "Esc: back; arrows: more; ( ): time" :
                                                          NULL;
        char name[8];

        screen_fill(view->screen, row, 0, width, SCREEN_BAR);
        if (page) {
                screen_put(view->screen, row, 0, width, SCREEN_BAR, page);
                return;
        }
        if (top->page == TOP_PAGE_SHORT_LIVED) {
                screen_put(view->screen,
                           row,
                           0,
                           width,
                           SCREEN_BAR,
                           "S: back; left, right: sort by; P: by CPU; I: invert; 0: begin anew");
                return;
        }
        for (const TopKey *key = top_key_next(NULL); key && at < width; key = top_key_next(key)) {
                if (!key->bar)
                        continue;
                at += screen_put(view->screen, row, at, width - at, SCREEN_BAR_KEY, top_key_name(key, name));
                if (at < width)
                        at += screen_put(view->screen, row, at, width - at, SCREEN_BAR, key->bar) + 1;
        }
}

static void top_draw_dialog(Top *top, const TopView *view, size_t row) {
        switch (top->dialog) {
        case TOP_DIALOG_NONE:
                break;
        case TOP_DIALOG_SORT:
        case TOP_DIALOG_COLUMNS:
        case TOP_DIALOG_USER:
                top_menu_draw(&top->menu, view, row, view->screen->rows - 1 - row);
                break;
        case TOP_DIALOG_SEARCH:
                top_prompt_draw(&top->prompt, view, top->search_failed ? "(not found)" : "(F3: next)");
                break;
        default:
                top_prompt_draw(&top->prompt, view, NULL);
                break;
        }
}

static void top_draw_page(Top *top, TopView *view, size_t *row) {
        enum screen_style style = SCREEN_PLAIN;
        char text[CONNECTION_TEXT_MAX];
        const char *message = top_message(top, view, text, sizeof(text), &style);

        *row = 0;
        switch (top->page) {
        case TOP_PAGE_DETAIL:
                if (!top->frozen)
                        top_page_detail_refresh(&top->detail, &top->live);
                top_page_detail_draw(&top->detail, view);
                if (message && (top->link.down || top->message_until))
                        screen_put(view->screen, 3, 0, view->screen->columns, style, message);
                return;
        case TOP_PAGE_HELP:
                top->help_lines = top_page_help_draw(view, top->help_first);
                return;
        case TOP_PAGE_SHORT_LIVED:
                top_header_draw(view, style, message);
                *row = top_header_rows(view);
                /* The ranking is of all that ended, and goes on in a pause. */
                view->live = &top->live;
                if (top_page_exited_refresh(&top->ended, &top->live.ranking) >= 0)
                        top_page_exited_draw(&top->ended, view, *row, view->screen->rows - 1 - *row);
                return;
        case TOP_PAGE_TABLE:
                top_header_draw(view, style, message);
                *row = top_header_rows(view);
                top_page_table_draw(&top->table, view, *row, view->screen->rows - 1 - *row);
                return;
        }
}

static void top_draw(Top *top) {
        TopView view;
        size_t row;

        if (top->message_until && clock_now_ns() >= top->message_until)
                top->message_until = 0;
        top_refresh(top);
        top_view(top, &view);
        screen_begin(&top->screen);
        if (top->screen.rows < SCREEN_ROWS_MIN || top->screen.columns < SCREEN_COLUMNS_MIN) {
                screen_put(&top->screen, 0, 0, top->screen.columns, SCREEN_BAD, "Too small: 40x8 at least (q quits)");
        } else {
                top_draw_page(top, &view, &row);
                top_draw_bar(top, &view);
                top_draw_dialog(top, &view, row);
        }
        screen_flush(&top->screen);
        top->dirty = false;
}

static int top_open(Top *top) {
        LiveSettings settings = {
                .socket_path = top->options->socket_path,
                .interval_ms = top->settings.interval_ms,
                .scope = top->settings.threads ? TB_SAMPLE_THREADS : TB_SAMPLE_PROCESSES,
                .events = true,
                .programs = true,
                .filter = &top->options->filter.wanted,
        };

        top->stale = true;
        top->dirty = true;
        return live_link_open(&top->link, &top->live, &settings);
}

/* Takes what the broker sent. Return: 0; -1: there is no going on, and it was told why. */
static int top_take(Top *top) {
        bool was_down = top->link.down;
        int r;

        do {
                r = live_link_process(&top->link);
                if (r < 0) {
                        screen_deinit(&top->screen);
                        error_print("%s", top->link.error);
                        return -1;
                }
                if (r)
                        top->stale = true;
                if (r & (LIVE_LINK_SAMPLE | LIVE_LINK_STATE))
                        top->dirty = true;
                if ((r & LIVE_LINK_STATE) && !top->link.down && was_down) {
                        top_say(top, SCREEN_WARNING, "%s", top->link.down_reason);
                        top->message_until = clock_now_ns() + LINK_MESSAGE_NS;
                }
                was_down = top->link.down;
        } while (live_link_pending(&top->link));

        return 0;
}

/* Asks for other samples, where the settings want such. If the broker is away just then, again a little later. */
static void top_reopen(Top *top) {
        uint64_t now = clock_now_ns();

        if (!top->reopen || now < top->reopen_at)
                return;

        top->reopen = top_open(top) < 0;
        if (!top->reopen)
                return;
        top->reopen_at = now + TICK_MS * UINT64_C(1000000);
        top_say(top, SCREEN_BAD, "%s", top->link.error);
}

static int top_loop(Top *top) {
        struct pollfd fds[LIVE_LINK_FDS + 1];
        uint64_t ticked = clock_now_ns(), now;
        uint32_t key;
        int n;

        while (!top->quit && !screen_stopped()) {
                top_reopen(top);
                if (top->dirty)
                        top_draw(top);

                n = top->link.samples ? live_link_poll(&top->link, fds) : 0;
                if (screen_wait(&top->screen, fds, (size_t)n, TICK_MS) < 0) {
                        screen_deinit(&top->screen);
                        error_print("Cannot wait for the broker and the keyboard: %s.", strerror(errno));
                        return EXIT_STATUS_ERROR;
                }
                if (top->link.samples && top_take(top) < 0)
                        return EXIT_STATUS_ERROR;

                while ((key = screen_key(&top->screen)) != SCREEN_KEY_NONE) {
                        if (top->stale)
                                top_refresh(top);
                        top_actions_apply(top, key);
                }
                now = clock_now_ns();
                if (now - ticked >= TICK_MS * UINT64_C(1000000)) {
                        ticked = now;
                        top->dirty = true;
                }
        }

        return EXIT_STATUS_OK;
}

/* What the file says, and then what the command line says. */
static void top_read_settings(Top *top) {
        const TopOptions *options = top->options;
        TopSettings *settings = &top->settings;

        top_settings_init(settings);
        if (top_settings_path(top->settings_path, sizeof(top->settings_path)) < 0)
                top->settings_path[0] = 0;
        else
                (void)top_settings_read(settings, top->settings_path);

        if (options->interval_ms)
                settings->interval_ms = options->interval_ms;
        if (options->threads)
                settings->threads = true;
        if (options->tree)
                settings->tree = true;
        if (options->sort) {
                settings->sort = options->sort;
                settings->inverted = options->reverse;
        }
        if (options->n_columns) {
                settings->n_columns = options->n_columns;
                memcpy(settings->columns, options->columns, options->n_columns * sizeof(*options->columns));
        }
        top->settings_written = *settings;
}

/* What was changed is kept; that it cannot be is no reason to complain at the end. */
static void top_keep_settings(Top *top) {
        char now[4096], written[4096];
        size_t n = top_settings_print(&top->settings, now, sizeof(now));
        size_t n_written = top_settings_print(&top->settings_written, written, sizeof(written));

        if (top->settings_path[0] && (n != n_written || memcmp(now, written, n) != 0))
                (void)top_settings_write(&top->settings, top->settings_path);
}

int top_screen(const TopOptions *options) {
        static Top top;
        int r = EXIT_STATUS_ERROR;

        top.options = options;
        top.table = (TopPageTable)TOP_PAGE_TABLE_NULL;
        top.ended = (TopPageExited)TOP_PAGE_EXITED_NULL;
        live_init(&top.live);
        top_read_settings(&top);
        if (top_open(&top) < 0) {
                error_print("%s", top.link.error);
        } else if (screen_init(&top.screen) >= 0) {
                top.screen.utf8 = top.screen.utf8 && !options->ascii;
                r = top_loop(&top);
                screen_deinit(&top.screen);
                if (r == EXIT_STATUS_OK)
                        top_keep_settings(&top);
        }

        live_link_close(&top.link);
        if (top.page == TOP_PAGE_DETAIL)
                top_page_detail_close(&top.detail, &top.live);
        top.frozen = top_resume(top.frozen, &top.live);
        top_page_table_deinit(&top.table);
        top_page_exited_deinit(&top.ended);
        live_deinit(&top.live);

        return r;
}
