/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct TopList TopList;

/* The part of a long list that is on the screen, and the cursor. */
struct TopList {
        size_t cursor;
        size_t first;                   /* the item at the top of the screen */
        size_t n_shown;                 /* so many fit */
};

bool top_list_step(uint32_t code, size_t height, ptrdiff_t *ret_by);
size_t top_list_clamp(size_t at, ptrdiff_t by, size_t last);
void top_list_move(TopList *list, size_t n_items, ptrdiff_t by);
void top_list_fit(TopList *list, size_t n_items, size_t n_shown);
