/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A list that is longer than the screen: the keys that move in it, its cursor, and
 * the part that is shown. Pure.
 *
 * Used by the pages that have a cursor or can be scrolled, and by menus.
 */

#include "clients/cli/top/top_list.h"
#include "clients/cli/tui/screen.h"

/* Longer than any list, and far from any overflow. */
#define LIST_ALL ((ptrdiff_t)(SIZE_MAX / 4))

/**
 * top_list_step() - the distance that a key moves by
 * @code:       the key
 * @height:     the distance of Page Up and Page Down
 * @ret_by:     output: lines; negative: up
 *
 * Return: Whether the key moves.
 */
bool top_list_step(uint32_t code, size_t height, ptrdiff_t *ret_by) {
        switch (code) {
        case SCREEN_KEY_UP:
        case SCREEN_KEY_CTRL('p'):
                *ret_by = -1;
                return true;
        case SCREEN_KEY_DOWN:
        case SCREEN_KEY_CTRL('n'):
                *ret_by = 1;
                return true;
        case SCREEN_KEY_PAGE_UP:
                *ret_by = -(ptrdiff_t)height;
                return true;
        case SCREEN_KEY_PAGE_DOWN:
                *ret_by = (ptrdiff_t)height;
                return true;
        case SCREEN_KEY_HOME:
        case SCREEN_KEY_CTRL('a'):
                *ret_by = -LIST_ALL;
                return true;
        case SCREEN_KEY_END:
        case SCREEN_KEY_CTRL('e'):
                *ret_by = LIST_ALL;
                return true;
        default:
                return false;
        }
}

/* Moves a position, and keeps it between 0 and @last. */
size_t top_list_clamp(size_t at, ptrdiff_t by, size_t last) {
        if (by < 0)
                at = (size_t)-by > at ? 0 : at - (size_t)-by;
        else
                at += (size_t)by;

        return at < last ? at : last;
}

void top_list_move(TopList *list, size_t n_items, ptrdiff_t by) {
        list->cursor = top_list_clamp(list->cursor, by, n_items ? n_items - 1 : 0);
}

/* Chooses the part that is shown, so that the cursor is in it and no line stays empty without need. */
void top_list_fit(TopList *list, size_t n_items, size_t n_shown) {
        list->n_shown = n_shown;
        if (list->first + n_shown > n_items)
                list->first = n_items > n_shown ? n_items - n_shown : 0;
        if (list->cursor < list->first)
                list->first = list->cursor;
        if (list->cursor >= list->first + n_shown)
                list->first = list->cursor - n_shown + 1;
}
