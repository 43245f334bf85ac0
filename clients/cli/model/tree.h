/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "taskbroker/taskbroker.h"

typedef struct Tree Tree;
typedef struct TreeNode TreeNode;

/* A deeper task is drawn at this level. */
#define TREE_LEVELS_MAX 64u

/* Room for the branches before a task: two signs a level, of three bytes in UTF-8. */
#define TREE_BRANCHES_MAX (TREE_LEVELS_MAX * 6u + 1u)

struct TreeNode {
        const struct tb_task *task;
        TreeNode *parent;               /* NULL: a root */
        TreeNode *first_child;
        TreeNode *next;                 /* the next child of the same parent, or the next root */
        uint32_t level;                 /* 0: a root */
};

struct Tree {
        TreeNode *nodes;
        size_t n_nodes;
        TreeNode **order;               /* in the order to show: each node before its children */
};

#define TREE_NULL { 0 }

int tree_init(Tree *tree, const struct tb_task *const *tasks, size_t n_tasks);
void tree_deinit(Tree *tree);
void tree_branches(const TreeNode *node, bool utf8, char branches[static TREE_BRANCHES_MAX]);
