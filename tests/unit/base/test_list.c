/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/* The list: append, unlink, and unlinking while walking. */

#include "broker/base/list.h"
#include "broker/base/util.h"
#include "tests/unit/harness.h"

typedef struct Item Item;

struct Item {
        int value;
        List link;
};

static void check_list(List *list, const int *values, size_t n) {
        size_t i = 0;

        list_for_each(link, safe, list)
                assert(i < n && container_of(link, Item, link)->value == values[i++]);
        assert(i == n);
        assert(list_is_empty(list) == (n == 0));
        if (n > 0)
                assert(container_of(list_first(list), Item, link)->value == values[0]);
        else
                assert(!list_first(list));
        for (const List *link = list->prev; link != list; link = link->prev)
                assert(container_of(link, const Item, link)->value == values[--i]);
        assert(i == 0);
}

static void test_list(void) {
        List list = LIST_INIT(list), other;
        Item items[4];

        list_init(&other);
        for (int i = 0; i < 4; ++i) {
                items[i].value = i;
                list_init(&items[i].link);
        }
        check_list(&list, NULL, 0);

        /* a link that is on no list may be unlinked */
        list_unlink(&items[0].link);
        list_unlink(&items[0].link);

        for (int i = 0; i < 4; ++i)
                list_append(&list, &items[i].link);
        check_list(&list, (int[]){ 0, 1, 2, 3 }, 4);

        list_unlink(&items[2].link);
        list_unlink(&items[2].link);
        check_list(&list, (int[]){ 0, 1, 3 }, 3);
        list_append(&other, &items[2].link);
        check_list(&other, (int[]){ 2 }, 1);
        list_append(&list, &items[2].link);
        assert(items[2].link.prev == &items[3].link);
        check_list(&list, (int[]){ 0, 1, 3, 2 }, 4);
}

static void test_list_unlink_while_walking(void) {
        List list = LIST_INIT(list);
        Item items[8];

        for (int i = 0; i < 8; ++i) {
                items[i].value = i;
                list_append(&list, &items[i].link);
        }
        list_for_each(link, safe, &list) {
                Item *item = container_of(link, Item, link);

                if (item->value % 2 == 0 || item->value == 7)
                        list_unlink(link);
        }
        check_list(&list, (int[]){ 1, 3, 5 }, 3);
        list_for_each(link, safe, &list)
                list_unlink(link);
        check_list(&list, NULL, 0);
}

int main(void) {
        test_list();
        test_list_unlink_while_walking();
        return 0;
}
