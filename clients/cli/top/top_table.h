/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "clients/cli/model/live.h"
#include "clients/cli/model/tree.h"
#include "clients/cli/top/top_list.h"

struct TopView;

typedef struct TopTableEntry TopTableEntry;
typedef struct TopTable TopTable;

#define TOP_TABLE_TEXT_MAX 128u

/* A row as it is shown. */
struct TopTableEntry {
        LiveRow *row;
        const TreeNode *node;           /* its place in the tree; NULL: no tree is shown */
        bool folded;                    /* it has children that are not shown */
};

struct TopTable {
        TopTableEntry *entries;              /* as they are shown, from the top */
        size_t n_entries;
        LiveRow **rows;                 /* the same in their order outside of the tree */
        size_t n_room;
        Tree tree;
        struct tb_task *tasks;          /* input of the tree */

        TopList list;                   /* the entries on the screen, and the cursor */
        size_t shift;                   /* so many columns of the command are scrolled away on the left */
        bool follow;                    /* the cursor follows the task: */
        uint32_t followed;              /* its tid */
        uint64_t followed_start_ns;

        char filter[TOP_TABLE_TEXT_MAX];      /* only rows that have this text; "": all rows */
        char search[TOP_TABLE_TEXT_MAX];
        bool user_only;                 /* only rows of this user: */
        uint32_t user;
};

#define TOP_TABLE_NULL { 0 }

void top_table_deinit(TopTable *table);
int top_table_refresh(TopTable *table, const struct TopView *view);
LiveRow *top_table_row(const TopTable *table);
void top_table_move(TopTable *table, ptrdiff_t by);
bool top_table_search(TopTable *table, bool next);
void top_table_follow(TopTable *table, bool follow);
