/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/*
 * A menu: its items and its cursor.
 */

#include <assert.h>

#include "clients/cli/top/top_menu.h"
#include "clients/cli/tui/screen.h"

static void test_menu(void) {
        static TopMenu menu;

        assert(top_menu_key(&menu, SCREEN_KEY_DOWN, 5) && menu.list.cursor == 0);
        for (unsigned int i = 0; i < TOP_MENU_MAX; ++i)
                assert(top_menu_add(&menu, "item", i));
        assert(!top_menu_add(&menu, "one too many", 0));
        assert(top_menu_key(&menu, SCREEN_KEY_PAGE_DOWN, 5) && menu.list.cursor == 5);
        assert(top_menu_key(&menu, SCREEN_KEY_END, 5) && menu.list.cursor == TOP_MENU_MAX - 1);
        assert(top_menu_key(&menu, SCREEN_KEY_DOWN, 5) && menu.list.cursor == TOP_MENU_MAX - 1);
        assert(top_menu_key(&menu, SCREEN_KEY_HOME, 5) && menu.list.cursor == 0);
        assert(top_menu_key(&menu, SCREEN_KEY_UP, 5) && menu.list.cursor == 0);
        assert(!top_menu_key(&menu, SCREEN_KEY_ENTER, 5));
}

int main(void) {
        test_menu();
        return 0;
}
