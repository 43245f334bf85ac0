/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "clients/cli/model/live.h"
#include "clients/cli/model/tree.h"

struct TopView;

typedef struct TopEntry TopEntry;
typedef struct TopPageTable TopPageTable;

#define TOP_TEXT_MAX 128u

/* A row as it is shown. */
struct TopEntry {
        LiveRow *row;
        const TreeNode *node;           /* its place in the tree; NULL: there is none */
        bool folded;                    /* it has children that are not shown */
};

struct TopPageTable {
        TopEntry *entries;              /* as they are shown, from the top */
        size_t n_entries;
        LiveRow **rows;                 /* that are shown, in their order, without the tree's */
        size_t n_room;
        Tree tree;
        struct tb_task *tasks;          /* that the tree is made of */

        size_t cursor;
        size_t first;                   /* the one at the top of the screen */
        size_t n_shown;                 /* so many fit */
        size_t shift;                   /* columns of the command that are left out on its left */
        bool follow;
        uint32_t followed;              /* the task under the cursor */
        uint64_t followed_start_ns;

        char filter[TOP_TEXT_MAX];      /* "": none */
        char search[TOP_TEXT_MAX];
        bool user_only;
        uint32_t user;
};

#define TOP_PAGE_TABLE_NULL { 0 }

void top_page_table_deinit(TopPageTable *table);
int top_page_table_refresh(TopPageTable *table, const struct TopView *view);
void top_page_table_draw(TopPageTable *table, const struct TopView *view, size_t row, size_t n_rows);
LiveRow *top_page_table_row(const TopPageTable *table);
void top_page_table_move(TopPageTable *table, ptrdiff_t by);
bool top_page_table_search(TopPageTable *table, const struct TopView *view, bool next);
void top_page_table_follow(TopPageTable *table, bool follow);
