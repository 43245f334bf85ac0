/* SPDX-License-Identifier: Apache-2.0 */

/*
 * taskbroker top on a terminal: the loop that waits for the broker and the keyboard,
 * and the screen drawn from the page, the last line and the menu or prompt.
 *
 * Owns the state of the screen. Draws after each sample and each key, and at least once
 * a second, because rows that have ended go after a while.
 *
 * To add a page: a file with a TopPage, its row in screen_pages, and a key in top_keys.c
 * that shows it.
 */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "clients/cli/base/clock.h"
#include "clients/cli/base/error.h"
#include "clients/cli/base/exit_status.h"
#include "clients/cli/base/file.h"
#include "clients/cli/base/format.h"
#include "clients/cli/connect/connection.h"
#include "clients/cli/model/live_values.h"
#include "clients/cli/top/top_cell.h"
#include "clients/cli/top/top_keys.h"
#include "clients/cli/top/top_page_command.h"
#include "clients/cli/top/top_page_detail.h"
#include "clients/cli/top/top_page_exited.h"
#include "clients/cli/top/top_page_help.h"
#include "clients/cli/top/top_page_table.h"
#include "clients/cli/top/top_screen.h"

#define TICK_MS 1000

/* The message that the connection is back stays so long. */
#define LINK_MESSAGE_NS UINT64_C(15000000000)

/* On a smaller screen nothing could be read. */
#define SCREEN_ROWS_MIN 8u
#define SCREEN_COLUMNS_MIN 40u

/* All pages. The first is shown when top starts. */
static const TopPage *const screen_pages[] = {
        &top_page_table,
        &top_page_detail,
        &top_page_command,
        &top_page_exited,
        &top_page_help,
};

/* Writes the sums over all tagged rows; "" if no row is tagged. */
static void screen_write_tagged(const TopView *view, char *text, size_t n_text) {
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
                        n += (size_t)snprintf(text + n, n_text - n, ", %s %s", sums[k].name, top_cell_unknown(known));
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

/* The second line: a broken connection first, then a message, then what narrows the table. */
static void screen_make_message(const Top *top, TopView *view, char text[static CONNECTION_TEXT_MAX]) {
        const size_t n_text = CONNECTION_TEXT_MAX;
        size_t n = 0;

        view->message = text;
        view->message_urgent = true;
        if (top->link.down) {
                view->message_style = SCREEN_BAD;
                snprintf(text, n_text, "%s", top->link.down_reason);
                return;
        }
        if (live_link_overdue(&top->link, clock_now_ns(), text)) {
                view->message_style = SCREEN_BAD;
                return;
        }
        if (top->message_until) {
                view->message_style = top->message_style;
                view->message = top->message;
                return;
        }

        view->message_urgent = false;
        view->message_style = SCREEN_TAGGED;
        screen_write_tagged(view, text, n_text);
        n = strlen(text);
        if (top->table.filter[0] && n < n_text)
                n += (size_t)snprintf(text + n, n_text - n, "%sfilter: %s", n ? "; " : "", top->table.filter);
        if (top->table.user_only && n < n_text)
                snprintf(text + n,
                         n_text - n,
                         "%sonly of %s",
                         n ? "; " : "",
                         users_name(view->columns.users, top->table.user));
        if (!text[0])
                view->message = NULL;
}

/* The last line: what the page says, or the keys that have a word for it. */
static void screen_draw_bar(const Top *top, const TopView *view) {
        size_t row = view->screen->rows - 1, width = view->screen->columns, at = 0;
        char name[8];

        screen_fill(view->screen, row, 0, width, SCREEN_BAR);
        if (top->page->bar) {
                screen_put(view->screen, row, 0, width, SCREEN_BAR, top->page->bar);
                return;
        }
        for (size_t i = 0; i < top->n_keys && at < width; ++i) {
                const TopKey *key = top->keys + i;

                if (!key->bar)
                        continue;
                at += screen_put(view->screen, row, at, width - at, SCREEN_BAR_KEY, top_keys_name(key, name));
                if (at < width)
                        at += screen_put(view->screen, row, at, width - at, SCREEN_BAR, key->bar) + 1;
        }
}

static void screen_draw_parts(Top *top) {
        char text[CONNECTION_TEXT_MAX];
        TopView view;
        size_t row;

        top_state_view(top, &view);
        screen_make_message(top, &view, text);
        row = top->page->draw(top, &view);
        screen_draw_bar(top, &view);
        if (top->dialog)
                top->dialog->draw(top, &view, row);
}

static void screen_draw(Top *top) {
        if (top->message_until && clock_now_ns() >= top->message_until)
                top->message_until = 0;
        top_state_refresh(top);
        screen_begin(&top->screen);
        if (top->screen.rows < SCREEN_ROWS_MIN || top->screen.columns < SCREEN_COLUMNS_MIN)
                screen_put(&top->screen, 0, 0, top->screen.columns, SCREEN_BAD, "Too small: 40x8 at least (q quits)");
        else
                screen_draw_parts(top);
        screen_flush(&top->screen);
        top->dirty = false;
}

static int screen_open_link(Top *top) {
        LiveSettings settings = {
                .socket_path = top->options->socket_path,
                .verb = "top",
                .interval_ms = top->settings.interval_ms,
                .scope = top->settings.threads ? TB_SAMPLE_THREADS : TB_SAMPLE_PROCESSES,
                .events = true,
                .programs = true,
                .filter = &top->options->filter.wanted,
        };

        top_state_change(top);
        return live_link_open(&top->link, &top->live, &settings);
}

/* Takes the messages of the broker. Returns 0; -1: top must end, and an error was printed. */
static int screen_take_messages(Top *top) {
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
                        top_state_say(top, SCREEN_WARNING, "%s", top->link.down_reason);
                        top->message_until = clock_now_ns() + LINK_MESSAGE_NS;
                }
                was_down = top->link.down;
        } while (live_link_pending(&top->link));

        return 0;
}

/* Asks for other samples if the settings want them. If the broker is away, tries again a second later. */
static void screen_reopen_link(Top *top) {
        uint64_t now = clock_now_ns();

        if (!top->reopen || now < top->reopen_at)
                return;

        top->reopen = screen_open_link(top) < 0;
        if (!top->reopen)
                return;
        top->reopen_at = now + TICK_MS * UINT64_C(1000000);
        top_state_say(top, SCREEN_BAD, "%s", top->link.error);
}

static int screen_loop(Top *top) {
        struct pollfd fds[LIVE_LINK_FDS + 1];
        uint64_t ticked = clock_now_ns(), now;
        uint32_t key;
        int n;

        while (!top->quit && !screen_stopped()) {
                screen_reopen_link(top);
                if (top->dirty)
                        screen_draw(top);

                n = top->link.samples ? live_link_poll(&top->link, fds) : 0;
                if (screen_wait(&top->screen, fds, (size_t)n, TICK_MS) < 0) {
                        screen_deinit(&top->screen);
                        error_print("Cannot wait for the broker and the keyboard: %s.", strerror(errno));
                        return EXIT_STATUS_ERROR;
                }
                if (top->link.samples && screen_take_messages(top) < 0)
                        return EXIT_STATUS_ERROR;

                while ((key = screen_key(&top->screen)) != SCREEN_KEY_NONE) {
                        if (top->stale)
                                top_state_refresh(top);
                        top_keys_press(top, key);
                }
                now = clock_now_ns();
                if (now - ticked >= TICK_MS * UINT64_C(1000000)) {
                        ticked = now;
                        top->dirty = true;
                }
        }

        return EXIT_STATUS_OK;
}

/* Takes the settings of the file; options of the command line override them. */
static void screen_read_settings(Top *top) {
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
        if (options->arguments)
                settings->command_lines = true;
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

/* Writes settings that have changed. Returns the exit status of top. */
static int screen_keep_settings(Top *top) {
        char now[4096], written[4096];
        size_t n = top_settings_print(&top->settings, now, sizeof(now));
        size_t n_written = top_settings_print(&top->settings_written, written, sizeof(written));
        int r;

        if (!top->settings_path[0] || (n == n_written && memcmp(now, written, n) == 0))
                return EXIT_STATUS_OK;

        r = top_settings_write(&top->settings, top->settings_path);
        if (r == 0)
                return EXIT_STATUS_OK;

        error_print("The settings cannot be written to %s: %s.", top->settings_path, file_error(r));
        return EXIT_STATUS_ERROR;
}

int top_screen(const TopOptions *options) {
        static Top top;
        int r = EXIT_STATUS_ERROR;

        top.options = options;
        top.users.numeric = options->numeric;
        top.users.background = true;
        top.keys = top_keys_all(&top.n_keys);
        screen_read_settings(&top);
        if (top_state_init(&top, screen_pages, sizeof(screen_pages) / sizeof(*screen_pages)) < 0) {
                error_print("There is too little memory for the screen.");
        } else if (screen_open_link(&top) < 0) {
                error_print("%s", top.link.error);
        } else if (screen_init(&top.screen) >= 0) {
                top.screen.utf8 = top.screen.utf8 && !options->ascii;
                r = screen_loop(&top);
                screen_deinit(&top.screen);
                if (r == EXIT_STATUS_OK)
                        r = screen_keep_settings(&top);
        }

        live_link_close(&top.link);
        top_state_deinit(&top);

        return r;
}
