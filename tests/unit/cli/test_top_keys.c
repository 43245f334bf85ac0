/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/*
 * The table of keys: each key has one function on a page, and the help has a text for it.
 */

#include <assert.h>
#include <string.h>

#include "clients/cli/top/top_keys.h"
#include "clients/cli/top/top_page_exited.h"
#include "clients/cli/top/top_page_table.h"

/* A key has one function on a page. A key with a name has a help text, and every key of the last line has a name. */
static void test_keys(void) {
        char name[8];
        size_t n;
        const TopKey *keys = top_keys_all(&n);

        for (size_t i = 0; i < n; ++i) {
                assert(keys[i].codes[0] != SCREEN_KEY_NONE && keys[i].run);
                assert(!keys[i].names == !keys[i].help);
                assert(!keys[i].bar || keys[i].names);
                if (keys[i].bar)
                        assert(strlen(top_keys_name(keys + i, name)) > 0);
                for (size_t k = 0; k < TOP_KEY_CODES_MAX; ++k)
                        if (keys[i].codes[k])
                                assert(top_keys_find(keys[i].page, keys[i].codes[k]) == keys + i);
        }
        assert(!top_keys_find(NULL, SCREEN_KEY_NONE) && !top_keys_find(NULL, 0x1f600));
        assert(top_keys_find(NULL, SCREEN_KEY_F(1)) &&
               top_keys_find(NULL, SCREEN_KEY_F(1)) == top_keys_find(NULL, 'h'));
        assert(!top_keys_find(NULL, 'S') && top_keys_find(&top_page_table, 'S')->run == top_page_exited_show);
        assert(top_keys_find(&top_page_exited, 'S')->run == top_page_table_show);
}

int main(void) {
        test_keys();
        return 0;
}
