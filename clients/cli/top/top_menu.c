/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A list to choose from, at the left of the screen. Does not know what is chosen:
 * top_menus.c has the menus.
 */

#include <string.h>

#include "clients/cli/base/text_width.h"
#include "clients/cli/top/top_menu.h"
#include "clients/cli/top/top_view.h"

/* Returns NULL if the menu is full. */
TopMenuItem *top_menu_add(TopMenu *menu, const char *text, uint64_t value) {
        TopMenuItem *item;

        if (menu->n_items == TOP_MENU_MAX)
                return NULL;

        item = menu->items + menu->n_items++;
        *item = (TopMenuItem){ .checked = -1, .value = value };
        text_fit(item->text, sizeof(item->text), text, sizeof(item->text), TEXT_LINE);
        return item;
}

/* Moves the cursor. Returns false for keys that do not move. */
bool top_menu_key(TopMenu *menu, uint32_t code, size_t height) {
        ptrdiff_t by;

        if (!top_list_step(code, height, &by))
                return false;

        top_list_move(&menu->list, menu->n_items, by);
        return true;
}

static size_t menu_width(const TopMenu *menu, const TopView *view) {
        size_t most = text_width(menu->title, screen_form(view->screen)) + 1, n;

        for (size_t i = 0; i < menu->n_items; ++i) {
                n = text_width(menu->items[i].text, screen_form(view->screen)) + (menu->items[i].checked < 0 ? 1 : 5);
                if (n > most)
                        most = n;
        }

        return most < view->screen->columns ? most : view->screen->columns;
}

void top_menu_draw(TopMenu *menu, const TopView *view, size_t row, size_t n_rows) {
        size_t width = menu_width(menu, view);

        if (n_rows < 2)
                return;

        top_list_fit(&menu->list, menu->n_items, n_rows - 1);
        screen_fill(view->screen, row, 0, width, SCREEN_HEADER_SORT);
        screen_put(view->screen, row, 0, width, SCREEN_HEADER_SORT, menu->title);
        for (size_t i = 0; i < menu->list.n_shown; ++i) {
                size_t number = menu->list.first + i, at = 0;
                enum screen_style style = number == menu->list.cursor ? SCREEN_CURSOR : SCREEN_PLAIN;
                const TopMenuItem *item = menu->items + number;

                screen_fill(view->screen, row + 1 + i, 0, width, style);
                if (number >= menu->n_items)
                        continue;
                if (item->checked >= 0)
                        at = screen_put(view->screen, row + 1 + i, 0, width, style, item->checked ? "[x] " : "[ ] ");
                screen_put(view->screen, row + 1 + i, at, width - at, style, item->text);
        }
}
