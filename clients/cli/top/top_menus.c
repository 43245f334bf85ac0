/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The menus of the table: the column to sort by, the columns that are shown, the user
 * whose tasks are shown.
 *
 * Each has a function that opens it, for the table of keys, and a TopDialog that draws
 * it and takes its keys.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clients/cli/top/top_actions.h"
#include "clients/cli/top/top_menus.h"

#define MENUS_ALL_USERS UINT64_MAX

static void menus_open(Top *top, const TopDialog *dialog, const char *title) {
        top->menu.title = title;
        top->menu.n_items = 0;
        top->menu.list = (TopList){ .cursor = 0 };
        top->dialog = dialog;
}

static void menus_draw(Top *top, const TopView *view, size_t row) {
        top_menu_draw(&top->menu, view, row, view->screen->rows - 1 - row);
}

/* Moves in the menu, or closes it. Returns the item that was chosen; NULL: none was. */
static TopMenuItem *menus_key(Top *top, uint32_t code) {
        TopMenu *menu = &top->menu;

        if (top_menu_key(menu, code, top->screen.rows / 2))
                return NULL;
        if (code == SCREEN_KEY_ESCAPE || code == 'q' || code == SCREEN_KEY_F(10))
                top->dialog = NULL;
        if (code != SCREEN_KEY_ENTER || menu->list.cursor >= menu->n_items)
                return NULL;

        top->dialog = NULL;
        return menu->items + menu->list.cursor;
}

static const LiveColumn *menus_column(uint64_t number) {
        const LiveColumn *column = live_column_next(NULL);

        while (column && number-- > 0)
                column = live_column_next(column);

        return column;
}

static void menus_sort_key(Top *top, uint32_t code) {
        const TopMenuItem *item = menus_key(top, code);
        const LiveColumn *column = item ? menus_column(item->value) : NULL;

        if (column)
                top_actions_sort(top, column);
}

static const TopDialog menus_sort = { .draw = menus_draw, .key = menus_sort_key };

void top_menus_sort(Top *top, uint32_t code) {
        size_t i = 0;

        (void)code;
        menus_open(top, &menus_sort, "Sort by");
        for (const LiveColumn *column = live_column_next(NULL); column; column = live_column_next(column), ++i) {
                top_menu_add(&top->menu, column->header, i);
                if (column == top->settings.sort)
                        top->menu.list.cursor = i;
        }
}

/* Space shows or hides the column; Enter only closes the menu. */
static void menus_columns_key(Top *top, uint32_t code) {
        TopMenuItem *item = top->menu.items + top->menu.list.cursor;
        const LiveColumn *column;

        if (code != ' ') {
                (void)menus_key(top, code);
                return;
        }

        column = menus_column(item->value);
        if (!column)
                return;
        top_settings_toggle(&top->settings, column);
        item->checked = top_settings_has(&top->settings, column);
        top_state_change(top);
}

static const TopDialog menus_columns = { .draw = menus_draw, .key = menus_columns_key };

void top_menus_columns(Top *top, uint32_t code) {
        char text[96];
        size_t i = 0;

        (void)code;
        menus_open(top, &menus_columns, "Columns (Space, then Esc)");
        for (const LiveColumn *column = live_column_next(NULL); column; column = live_column_next(column), ++i) {
                TopMenuItem *item;

                snprintf(text, sizeof(text), "%-8s %s", column->header, column->help);
                item = top_menu_add(&top->menu, text, i);
                if (item)
                        item->checked = top_settings_has(&top->settings, column);
        }
}

static void menus_user_key(Top *top, uint32_t code) {
        const TopMenuItem *item = menus_key(top, code);

        if (!item)
                return;
        top->table.user_only = item->value != MENUS_ALL_USERS;
        top->table.user = (uint32_t)item->value;
        top_state_change(top);
}

static const TopDialog menus_user = { .draw = menus_draw, .key = menus_user_key };

static int menus_compare_users(const void *a, const void *b) {
        return strcmp(((const TopMenuItem *)a)->text, ((const TopMenuItem *)b)->text);
}

static bool menus_have(const TopMenu *menu, uint64_t value) {
        for (size_t i = 0; i < menu->n_items; ++i)
                if (menu->items[i].value == value)
                        return true;

        return false;
}

void top_menus_user(Top *top, uint32_t code) {
        const Live *live = top->paused ? top->paused : &top->live;
        TopMenu *menu = &top->menu;

        (void)code;
        menus_open(top, &menus_user, "Show");
        top_menu_add(menu, "all users", MENUS_ALL_USERS);
        for (size_t i = 0; i < live->n_rows; ++i) {
                uint32_t uid = live->rows[i]->uid;

                if (!menus_have(menu, uid))
                        top_menu_add(menu, users_name(&top->users, uid), uid);
        }
        qsort(menu->items + 1, menu->n_items - 1, sizeof(*menu->items), menus_compare_users);
        for (size_t i = 0; i < menu->n_items; ++i)
                if (top->table.user_only && menu->items[i].value == top->table.user)
                        menu->list.cursor = i;
}
