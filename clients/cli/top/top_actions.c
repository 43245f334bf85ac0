/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What keys do: to the page, or to the menu or prompt that is open in front of it.
 *
 * Called by top-screen.c with each key, when the table is that of the model's rows.
 * Draws nothing.
 */

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clients/cli/base/clock.h"
#include "clients/cli/base/option.h"
#include "clients/cli/model/interval.h"
#include "clients/cli/top/top_columns.h"
#include "clients/cli/top/top_header.h"
#include "clients/cli/top/top_keys.h"
#include "clients/cli/top/top_pause.h"
#include "clients/cli/top/top_state.h"

/* What is said about a key stays so long. */
#define ACT_MESSAGE_NS UINT64_C(4000000000)

/* Left and right move by so many columns. */
#define ACT_SHIFT 8u

#define ACT_ALL_USERS UINT64_MAX

void top_say(Top *top, enum screen_style style, const char *format, ...) {
        va_list args;

        va_start(args, format);
        vsnprintf(top->message, sizeof(top->message), format, args);
        va_end(args);
        top->message_style = style;
        top->message_until = clock_now_ns() + ACT_MESSAGE_NS;
        top->dirty = true;
}

static void act_changed(Top *top) {
        top->stale = true;
        top->dirty = true;
}

static void act_flag(Top *top, bool *flag, const char *on, const char *off) {
        *flag = !*flag;
        top_say(top, SCREEN_GOOD, "%s", *flag ? on : off);
        act_changed(top);
}

static void act_sort(Top *top, const char *name) {
        const LiveColumn *column = live_column_find(name, strlen(name));

        if (!column)
                return;
        top->settings.sort = column;
        top->settings.inverted = false;
        top->settings.tree = false;
        top_say(top, SCREEN_GOOD, "sorted by %s: %s", column->header, column->help);
        act_changed(top);
}

static void act_open_menu(Top *top, enum top_dialog dialog, const char *title) {
        top->menu.title = title;
        top->menu.n_items = top->menu.cursor = top->menu.first = 0;
        top->dialog = dialog;
        top->dirty = true;
}

static void act_open_sort(Top *top) {
        size_t i = 0;

        act_open_menu(top, TOP_DIALOG_SORT, "Sort by");
        for (const LiveColumn *column = live_column_next(NULL); column; column = live_column_next(column), ++i) {
                top_menu_add(&top->menu, column->header, i);
                if (column == top->settings.sort)
                        top->menu.cursor = i;
        }
}

static void act_open_columns(Top *top) {
        char text[96];
        size_t i = 0;

        act_open_menu(top, TOP_DIALOG_COLUMNS, "Columns (Space, then Esc)");
        for (const LiveColumn *column = live_column_next(NULL); column; column = live_column_next(column), ++i) {
                TopMenuItem *item;

                snprintf(text, sizeof(text), "%-8s %s", column->header, column->help);
                item = top_menu_add(&top->menu, text, i);
                if (item)
                        item->checked = top_settings_has(&top->settings, column);
        }
}

static int act_compare_users(const void *a, const void *b) {
        return strcmp(((const TopMenuItem *)a)->text, ((const TopMenuItem *)b)->text);
}

static void act_open_user(Top *top) {
        const Live *live = top->frozen ? top->frozen : &top->live;
        TopMenu *menu = &top->menu;

        act_open_menu(top, TOP_DIALOG_USER, "Show");
        top_menu_add(menu, "all users", ACT_ALL_USERS);
        for (size_t i = 0; i < live->n_rows; ++i) {
                bool known = false;

                for (size_t k = 0; k < menu->n_items && !known; ++k)
                        known = menu->items[k].value == live->rows[i]->uid;
                if (!known)
                        top_menu_add(menu, users_name(&top->users, live->rows[i]->uid), live->rows[i]->uid);
        }
        qsort(menu->items + 1, menu->n_items - 1, sizeof(*menu->items), act_compare_users);
        for (size_t i = 0; i < menu->n_items; ++i)
                if (top->table.user_only && menu->items[i].value == top->table.user)
                        menu->cursor = i;
}

static const LiveColumn *act_column(uint64_t number) {
        const LiveColumn *column = live_column_next(NULL);

        while (column && number-- > 0)
                column = live_column_next(column);

        return column;
}

static void act_choose(Top *top) {
        TopMenuItem *item = top->menu.items + top->menu.cursor;
        const LiveColumn *column;

        if (top->menu.cursor >= top->menu.n_items)
                return;

        switch (top->dialog) {
        case TOP_DIALOG_SORT:
                top->dialog = TOP_DIALOG_NONE;
                column = act_column(item->value);
                if (column)
                        act_sort(top, column->name);
                break;
        case TOP_DIALOG_COLUMNS:
                column = act_column(item->value);
                if (!column)
                        break;
                top_settings_toggle(&top->settings, column);
                item->checked = top_settings_has(&top->settings, column);
                break;
        default:
                top->dialog = TOP_DIALOG_NONE;
                top->table.user_only = item->value != ACT_ALL_USERS;
                top->table.user = (uint32_t)item->value;
                break;
        }
        act_changed(top);
}

static void act_menu(Top *top, uint32_t key) {
        top->dirty = true;
        if (top_menu_key(&top->menu, key, top->screen.rows / 2))
                return;
        if (key == SCREEN_KEY_ENTER && top->dialog == TOP_DIALOG_COLUMNS)
                top->dialog = TOP_DIALOG_NONE;
        else if (key == SCREEN_KEY_ENTER || (key == ' ' && top->dialog == TOP_DIALOG_COLUMNS))
                act_choose(top);
        else if (key == SCREEN_KEY_ESCAPE || key == 'q' || key == SCREEN_KEY_F(10))
                top->dialog = TOP_DIALOG_NONE;
}

static void act_open_prompt(Top *top, enum top_dialog dialog, const char *label, const char *text) {
        top->prompt.label = label;
        snprintf(top->prompt.text, sizeof(top->prompt.text), "%s", text);
        top->search_failed = false;
        top->dialog = dialog;
        top->dirty = true;
}

static void act_search(Top *top, bool next) {
        TopView view;

        top_view(top, &view);
        snprintf(top->table.search, sizeof(top->table.search), "%s", top->prompt.text);
        top->search_failed = !top_page_table_search(&top->table, &view, next);
}

static void act_filter(Top *top, const char *text) {
        snprintf(top->table.filter, sizeof(top->table.filter), "%s", text);
        act_changed(top);
}

static void act_interval(Top *top) {
        uint64_t ns;

        if (!option_read_seconds(top->prompt.text, &ns) || ns < INTERVAL_MS_MIN * UINT64_C(1000000) ||
            ns > INTERVAL_MS_MAX * UINT64_C(1000000)) {
                top_say(top, SCREEN_BAD, "\"%s\" is not a number of seconds from 0.1 to 60.", top->prompt.text);
                return;
        }
        top->settings.interval_ms = (uint32_t)(ns / 1000000);
        top->reopen = true;
}

static void act_prompt(Top *top, uint32_t key) {
        int r = top_prompt_key(&top->prompt, key);

        top->dirty = true;
        if (r == TOP_PROMPT_OTHER && top->dialog == TOP_DIALOG_SEARCH && key == SCREEN_KEY_F(3)) {
                act_search(top, true);
                return;
        }
        if (r == TOP_PROMPT_OTHER)
                return;

        if (top->dialog == TOP_DIALOG_SEARCH && r == TOP_PROMPT_ON)
                act_search(top, false);
        if (top->dialog == TOP_DIALOG_FILTER)
                act_filter(top, r == TOP_PROMPT_CANCELLED ? "" : top->prompt.text);
        if (top->dialog == TOP_DIALOG_INTERVAL && r == TOP_PROMPT_DONE)
                act_interval(top);
        if (r != TOP_PROMPT_ON)
                top->dialog = TOP_DIALOG_NONE;
}

/* To the next row too, so that several are tagged by several strokes. */
static void act_tag(Top *top) {
        LiveRow *row = top_page_table_row(&top->table);

        if (!row)
                return;
        row->marks ^= TOP_ROW_TAGGED;
        top_page_table_move(&top->table, 1);
}

static void act_untag(Top *top) {
        const Live *live = top->frozen ? top->frozen : &top->live;

        for (size_t i = 0; i < live->n_rows; ++i)
                live->rows[i]->marks &= ~(uint32_t)TOP_ROW_TAGGED;
}

static void act_fold(Top *top, bool fold, bool either) {
        LiveRow *row = top_page_table_row(&top->table);

        if (!row)
                return;
        if (!top->settings.tree) {
                top_say(top, SCREEN_WARNING, "Only a tree can be folded: F5 makes one.");
                return;
        }
        if (either)
                row->marks ^= TOP_ROW_FOLDED;
        else if (fold)
                row->marks |= TOP_ROW_FOLDED;
        else
                row->marks &= ~(uint32_t)TOP_ROW_FOLDED;
        act_changed(top);
}

static void act_pause(Top *top) {
        if (top->frozen) {
                top->frozen = top_resume(top->frozen, &top->live);
        } else {
                top->frozen = top_pause(&top->live);
                if (!top->frozen)
                        top_say(top, SCREEN_BAD, "There is too little memory to pause.");
        }
        act_changed(top);
}

static void act_threads(Top *top) {
        top->settings.threads = !top->settings.threads;
        top->frozen = top_resume(top->frozen, &top->live);
        top->reopen = true;
        top_say(top, SCREEN_GOOD, top->settings.threads ? "each thread by itself" : "processes, with all their threads");
}

static void act_detail(Top *top) {
        LiveRow *row = top_page_table_row(&top->table);

        if (!row)
                return;
        top_page_detail_open(&top->detail, &top->live, row);
        top->page = TOP_PAGE_DETAIL;
}

static void act_span(Top *top, bool more) {
        static const uint32_t spans[] = { 30, 60, 180, 300, 600, 900 };
        const size_t n = sizeof(spans) / sizeof(*spans);
        size_t i = 0;

        while (i + 1 < n && spans[i] < top->settings.span_s)
                i++;
        if (more && i + 1 < n && spans[i] <= top->settings.span_s)
                i++;
        else if (!more && i > 0)
                i--;
        top->settings.span_s = spans[i];
}

static void act_write_settings(Top *top) {
        int r;

        if (!top->settings_path[0]) {
                top_say(top, SCREEN_BAD, "There is no place for the settings: neither XDG_CONFIG_HOME nor HOME is set.");
                return;
        }
        r = top_settings_write(&top->settings, top->settings_path);
        if (r < 0) {
                top_say(top, SCREEN_BAD, "The settings cannot be written to %s: %s.", top->settings_path, strerror(-r));
                return;
        }
        top->settings_written = top->settings;
        top_say(top, SCREEN_GOOD, "The settings are in %s.", top->settings_path);
}

/* One step back: what narrows the table goes first, and only a q leaves. */
static void act_back(Top *top) {
        if (top->table.filter[0])
                act_filter(top, "");
        else if (top->table.user_only)
                top->table.user_only = false;
        else
                top->table.follow = false;
        act_changed(top);
}

/* Moving, for whatever page there is; the screen's height is a page. */
static bool act_move(Top *top, enum top_action action) {
        ptrdiff_t page = (ptrdiff_t)top->screen.rows / 2, by;

        if (top->page == TOP_PAGE_TABLE && top->table.n_shown > 1)
                page = (ptrdiff_t)top->table.n_shown - 1;
        switch (action) {
        case TOP_UP:
                by = -1;
                break;
        case TOP_DOWN:
                by = 1;
                break;
        case TOP_PAGE_UP:
                by = -page;
                break;
        case TOP_PAGE_DOWN:
                by = page;
                break;
        case TOP_HOME:
                by = -(ptrdiff_t)(SIZE_MAX / 4);
                break;
        case TOP_END:
                by = (ptrdiff_t)(SIZE_MAX / 4);
                break;
        default:
                return false;
        }

        switch (top->page) {
        case TOP_PAGE_TABLE:
                top_page_table_move(&top->table, by);
                break;
        case TOP_PAGE_DETAIL:
                top_page_detail_scroll(&top->detail, by);
                break;
        case TOP_PAGE_SHORT_LIVED:
                top_page_exited_move(&top->ended, by);
                break;
        case TOP_PAGE_HELP:
                if (by < 0)
                        top->help_first = (size_t)-by > top->help_first ? 0 : top->help_first - (size_t)-by;
                else
                        top->help_first += (size_t)by;
                if (top->help_first + top->screen.rows > top->help_lines + 1)
                        top->help_first =
                                top->help_lines + 1 > top->screen.rows ? top->help_lines + 1 - top->screen.rows : 0;
                break;
        }

        return true;
}

/* What means the same on every page. */
static bool act_anywhere(Top *top, enum top_action action) {
        switch (action) {
        case TOP_REDRAW:
                screen_redraw(&top->screen);
                return true;
        case TOP_HELP:
                if (top->page != TOP_PAGE_HELP)
                        top->page_before = top->page;
                top->page = TOP_PAGE_HELP;
                top->help_first = 0;
                return true;
        case TOP_PAUSE:
                act_pause(top);
                return true;
        case TOP_SPAN_LESS:
        case TOP_SPAN_MORE:
                act_span(top, action == TOP_SPAN_MORE);
                return true;
        case TOP_INTERVAL:
                act_open_prompt(top, TOP_DIALOG_INTERVAL, "Seconds between samples (0.1 to 60): ", "");
                return true;
        case TOP_WRITE_SETTINGS:
                act_write_settings(top);
                return true;
        case TOP_GRAPHS:
                top->settings.graphs = !top->settings.graphs;
                return true;
        case TOP_READ_ONLY:
                top_say(top, SCREEN_WARNING, "taskbroker top only looks: it sends no signals and sets no nice values.");
                return true;
        default:
                return act_move(top, action);
        }
}

static void act_help(Top *top) {
        top->page = top->page_before;
}

static void act_on_detail(Top *top, enum top_action action) {
        if (action != TOP_BACK && action != TOP_QUIT && action != TOP_DETAIL)
                return;
        top_page_detail_close(&top->detail, &top->live);
        top->page = TOP_PAGE_TABLE;
}

static void act_on_short_lived(Top *top, enum top_action action, uint32_t key) {
        switch (action) {
        case TOP_BACK:
        case TOP_QUIT:
        case TOP_SHORT_LIVED:
                top->page = TOP_PAGE_TABLE;
                break;
        case TOP_SORT:
                top_page_exited_sort(&top->ended, key == '<' ? -1 : 1);
                break;
        case TOP_LEFT:
        case TOP_RIGHT:
                top_page_exited_sort(&top->ended, action == TOP_LEFT ? -1 : 1);
                break;
        case TOP_SORT_CPU:
                top_page_exited_sort_cpu(&top->ended);
                break;
        case TOP_INVERT:
                top->ended.inverted = !top->ended.inverted;
                break;
        case TOP_RESET:
                top->ended.n_commands = 0;
                live_exited_reset(&top->live.ranking);
                break;
        default:
                break;
        }
}

static void act_on_table(Top *top, enum top_action action) {
        TopSettings *settings = &top->settings;

        switch (action) {
        case TOP_QUIT:
                top->quit = true;
                break;
        case TOP_BACK:
                act_back(top);
                break;
        case TOP_COLUMNS:
                act_open_columns(top);
                break;
        case TOP_SORT:
                act_open_sort(top);
                break;
        case TOP_USER:
                act_open_user(top);
                break;
        case TOP_SEARCH:
                act_open_prompt(top, TOP_DIALOG_SEARCH, "Search: ", "");
                break;
        case TOP_SEARCH_NEXT:
                snprintf(top->prompt.text, sizeof(top->prompt.text), "%s", top->table.search);
                act_search(top, true);
                break;
        case TOP_FILTER:
                act_open_prompt(top, TOP_DIALOG_FILTER, "Filter: ", top->table.filter);
                break;
        case TOP_TREE:
                act_flag(top, &settings->tree, "a tree: each under the process that made it", "a list");
                break;
        case TOP_SORT_CPU:
                act_sort(top, "cpu");
                break;
        case TOP_SORT_MEMORY:
                act_sort(top, "peak");
                break;
        case TOP_SORT_TIME:
                act_sort(top, "time");
                break;
        case TOP_SORT_PID:
                act_sort(top, "pid");
                break;
        case TOP_SORT_READ:
                act_sort(top, "read");
                break;
        case TOP_SORT_WRITE:
                act_sort(top, "write");
                break;
        case TOP_INVERT:
                settings->inverted = !settings->inverted;
                act_changed(top);
                break;
        case TOP_KERNEL_THREADS:
                act_flag(top, &settings->kernel_threads, "with the kernel's threads", "without the kernel's threads");
                break;
        case TOP_COMMAND_LINES:
                act_flag(top, &settings->command_lines, "command lines", "names");
                break;
        case TOP_THREADS:
                act_threads(top);
                break;
        case TOP_TAG:
                act_tag(top);
                break;
        case TOP_UNTAG:
                act_untag(top);
                break;
        case TOP_FOLD:
        case TOP_UNFOLD:
        case TOP_FOLD_SWITCH:
                act_fold(top, action == TOP_FOLD, action == TOP_FOLD_SWITCH);
                break;
        case TOP_FOLLOW:
                top_page_table_follow(&top->table, !top->table.follow);
                break;
        case TOP_LEFT:
                top->table.shift -= top->table.shift < ACT_SHIFT ? top->table.shift : ACT_SHIFT;
                break;
        case TOP_RIGHT:
                top->table.shift += ACT_SHIFT;
                break;
        case TOP_DETAIL:
                act_detail(top);
                break;
        case TOP_SHORT_LIVED:
                top->page = TOP_PAGE_SHORT_LIVED;
                break;
        default:
                break;
        }
}

/* Does what a key means. */
void top_actions_apply(Top *top, uint32_t key) {
        enum top_action action = top_key_action(key);

        if (key == SCREEN_KEY_RESIZE) {
                top->dirty = true;
                return;
        }
        if (top->dialog >= TOP_DIALOG_SEARCH) {
                act_prompt(top, key);
                return;
        }
        if (top->dialog != TOP_DIALOG_NONE) {
                act_menu(top, key);
                return;
        }
        if (action == TOP_NOTHING && top->page != TOP_PAGE_HELP)
                return;

        top->dirty = true;
        if (act_anywhere(top, action))
                return;
        switch (top->page) {
        case TOP_PAGE_TABLE:
                act_on_table(top, action);
                break;
        case TOP_PAGE_DETAIL:
                act_on_detail(top, action);
                break;
        case TOP_PAGE_SHORT_LIVED:
                act_on_short_lived(top, action, key);
                break;
        case TOP_PAGE_HELP:
                act_help(top);
                break;
        }
}
