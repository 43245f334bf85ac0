/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A list to choose from: columns to sort by, columns to show, users.
 */

#include <stdio.h>
#include <string.h>

#include "clients/cli/base/text_width.h"
#include "clients/cli/top/top_keys.h"
#include "clients/cli/top/top_menu.h"
#include "clients/cli/top/top_view.h"

/* What is beyond the room is left out; returns NULL then. */
TopMenuItem *top_menu_add(TopMenu *menu, const char *text, uint64_t value) {
        TopMenuItem *item;

        if (menu->n_items == TOP_MENU_MAX)
                return NULL;

        item = menu->items + menu->n_items++;
        *item = (TopMenuItem){ .checked = -1, .value = value };
        snprintf(item->text, sizeof(item->text), "%s", text);
        return item;
}

/* Moves its cursor; false: the key is for another purpose. */
bool top_menu_key(TopMenu *menu, uint32_t key, size_t page) {
        size_t last = menu->n_items ? menu->n_items - 1 : 0;

        switch (top_key_action(key)) {
        case TOP_UP:
                menu->cursor -= menu->cursor > 0;
                return true;
        case TOP_DOWN:
                menu->cursor += menu->cursor < last;
                return true;
        case TOP_PAGE_UP:
                menu->cursor = menu->cursor > page ? menu->cursor - page : 0;
                return true;
        case TOP_PAGE_DOWN:
                menu->cursor = menu->cursor + page < last ? menu->cursor + page : last;
                return true;
        case TOP_HOME:
                menu->cursor = 0;
                return true;
        case TOP_END:
                menu->cursor = last;
                return true;
        default:
                return false;
        }
}

static size_t menu_width(const TopMenu *menu, const TopView *view) {
        size_t most = text_width(menu->title, view->screen->utf8) + 1, n;

        for (size_t i = 0; i < menu->n_items; ++i) {
                n = text_width(menu->items[i].text, view->screen->utf8) + (menu->items[i].checked < 0 ? 1 : 5);
                if (n > most)
                        most = n;
        }

        return most < view->screen->columns ? most : view->screen->columns;
}

void top_menu_draw(TopMenu *menu, const TopView *view, size_t row, size_t n_rows) {
        size_t width = menu_width(menu, view), n_shown;

        if (n_rows < 2)
                return;

        n_shown = n_rows - 1;
        if (menu->cursor < menu->first)
                menu->first = menu->cursor;
        if (menu->cursor >= menu->first + n_shown)
                menu->first = menu->cursor - n_shown + 1;

        screen_fill(view->screen, row, 0, width, SCREEN_HEADER_SORT);
        screen_put(view->screen, row, 0, width, SCREEN_HEADER_SORT, menu->title);
        for (size_t i = 0; i < n_shown; ++i) {
                enum screen_style style = menu->first + i == menu->cursor ? SCREEN_CURSOR : SCREEN_PLAIN;
                const TopMenuItem *item = menu->items + menu->first + i;
                size_t at = 0;

                screen_fill(view->screen, row + 1 + i, 0, width, style);
                if (menu->first + i >= menu->n_items)
                        continue;
                if (item->checked >= 0)
                        at = screen_put(view->screen, row + 1 + i, 0, width, style, item->checked ? "[x] " : "[ ] ");
                screen_put(view->screen, row + 1 + i, at, width - at, style, item->text);
        }
}
