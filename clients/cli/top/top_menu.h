/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "clients/cli/top/top_list.h"

struct TopView;

typedef struct TopMenu TopMenu;
typedef struct TopMenuItem TopMenuItem;

#define TOP_MENU_MAX 256u

struct TopMenuItem {
        char text[96];
        int checked;                    /* -1: nothing to check */
        uint64_t value;
};

/* A list to choose from, at the left of the screen. */
struct TopMenu {
        const char *title;
        TopMenuItem items[TOP_MENU_MAX];
        size_t n_items;
        TopList list;
};

TopMenuItem *top_menu_add(TopMenu *menu, const char *text, uint64_t value);
bool top_menu_key(TopMenu *menu, uint32_t code, size_t height);
void top_menu_draw(TopMenu *menu, const struct TopView *view, size_t row, size_t n_rows);
