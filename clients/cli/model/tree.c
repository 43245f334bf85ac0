/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Tasks as a forest: each process under its parent, threads under their process.
 *
 * A process is found as parent by its identity, as pids are used again. A task whose parent
 * is not known, or not among the tasks, is a root. Pure.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "clients/cli/model/tree.h"

/*
 * Sorts by process. The first task of a process is its leader, or another thread if the
 * leader has ended. If two processes had the same number, the older one is the first.
 */
static int tree_compare_pids(const void *a, const void *b) {
        const struct tb_task *one = (*(TreeNode *const *)a)->task, *other = (*(TreeNode *const *)b)->task;

        if (one->pid != other->pid)
                return one->pid < other->pid ? -1 : 1;
        if ((one->tid == one->pid) != (other->tid == other->pid))
                return one->tid == one->pid ? -1 : 1;
        if (one->tid != other->tid)
                return one->tid < other->tid ? -1 : 1;

        return (one->start_boot_ns > other->start_boot_ns) - (one->start_boot_ns < other->start_boot_ns);
}

/* Finds the first node of a number in the sorted array. Returns @n if no node has it. */
static size_t tree_find_number(TreeNode *const *by_pid, size_t n, uint32_t pid) {
        size_t from = 0, to = n;

        while (from < to) {
                size_t middle = from + (to - from) / 2;

                if (by_pid[middle]->task->pid < pid)
                        from = middle + 1;
                else
                        to = middle;
        }

        return from < n && by_pid[from]->task->pid == pid ? from : n;
}

/* Finds the node of the process of a thread: the last leader with the number that is not younger. */
static TreeNode *tree_find_head(TreeNode *const *by_pid, size_t n, TreeNode *node) {
        size_t i = tree_find_number(by_pid, n, node->task->pid);
        TreeNode *head = by_pid[i];

        if (node->task->tid == node->task->pid)
                return node;
        for (; i < n && by_pid[i]->task->pid == node->task->pid && by_pid[i]->task->tid == node->task->pid; ++i)
                if (by_pid[i]->task->start_boot_ns <= node->task->start_boot_ns)
                        head = by_pid[i];

        return head;
}

/*
 * Finds a process by its identity. A thread stands for a process whose leader has ended;
 * it does not have the start of the process.
 */
static TreeNode *tree_find_process(TreeNode *const *by_pid, size_t n, const struct tb_process_id *id) {
        size_t i = tree_find_number(by_pid, n, id->pid);

        if (i < n && by_pid[i]->task->tid != id->pid)
                return by_pid[i];
        for (; i < n && by_pid[i]->task->pid == id->pid && by_pid[i]->task->tid == id->pid; ++i)
                if (by_pid[i]->task->start_boot_ns == id->start_boot_ns)
                        return by_pid[i];

        return NULL;
}

static void tree_find_parents(Tree *tree, TreeNode *const *by_pid) {
        for (size_t i = 0; i < tree->n_nodes; ++i) {
                TreeNode *node = tree->nodes + i, *head;
                const struct tb_process_id *parent = &node->task->parent;

                head = tree_find_head(by_pid, tree->n_nodes, node);
                if (head != node)
                        node->parent = head;
                else if (parent->known && parent->pid && parent->pid != node->task->pid)
                        node->parent = tree_find_process(by_pid, tree->n_nodes, parent);
        }
}

/*
 * Cuts rings of parents. The broker sends none, but nothing here depends on that. A path
 * of parents that is longer than the number of nodes is a ring, and is cut where it was
 * found. Paths that end are marked by their level, so that they are not followed again.
 */
static void tree_cut_rings(Tree *tree) {
        for (size_t i = 0; i < tree->n_nodes; ++i) {
                TreeNode *node = tree->nodes + i, *at;

                for (at = node; at && at->level == 0; at = at->parent)
                        at->level = (uint32_t)i + 1;
                if (at && at->level == (uint32_t)i + 1)
                        at->parent = NULL;
        }
}

/* Goes backwards, so that children keep the order of the tasks. Threads stand before child processes. */
static TreeNode *tree_link_children(Tree *tree) {
        TreeNode *roots = NULL;

        for (int threads = 0; threads <= 1; ++threads) {
                for (size_t i = tree->n_nodes; i-- > 0;) {
                        TreeNode *node = tree->nodes + i, **list;
                        bool thread = node->parent && node->parent->task->pid == node->task->pid;

                        if (thread != (threads == 1))
                                continue;
                        list = node->parent ? &node->parent->first_child : &roots;
                        node->next = *list;
                        *list = node;
                }
        }

        return roots;
}

/* Depth first, without recursion: a chain of tasks can be as long as there are pids. */
static void tree_put_in_order(Tree *tree, TreeNode *roots) {
        TreeNode *node = roots;
        size_t n = 0;

        while (node) {
                node->level = node->parent ? node->parent->level + 1 : 0;
                tree->order[n++] = node;

                if (node->first_child) {
                        node = node->first_child;
                        continue;
                }
                while (node && !node->next)
                        node = node->parent;
                if (node)
                        node = node->next;
        }
}

/**
 * tree_init() - make a forest
 * @tree:       output
 * @tasks:      the tasks, in the order of children of one parent; the tree points to them
 * @n_tasks:    their number
 *
 * Return: 0, or -ENOMEM.
 */
int tree_init(Tree *tree, const struct tb_task *const *tasks, size_t n_tasks) {
        TreeNode **by_pid;

        *tree = (Tree)TREE_NULL;
        tree->nodes = calloc(n_tasks + 1, sizeof(*tree->nodes));
        tree->order = calloc(n_tasks + 1, sizeof(*tree->order));
        by_pid = calloc(n_tasks + 1, sizeof(*by_pid));
        if (!tree->nodes || !tree->order || !by_pid) {
                free(by_pid);
                tree_deinit(tree);
                return -ENOMEM;
        }

        tree->n_nodes = n_tasks;
        for (size_t i = 0; i < n_tasks; ++i) {
                tree->nodes[i].task = tasks[i];
                by_pid[i] = tree->nodes + i;
        }
        qsort(by_pid, n_tasks, sizeof(*by_pid), tree_compare_pids);

        tree_find_parents(tree, by_pid);
        tree_cut_rings(tree);
        tree_put_in_order(tree, tree_link_children(tree));
        free(by_pid);

        return 0;
}

void tree_deinit(Tree *tree) {
        free(tree->nodes);
        free(tree->order);
        *tree = (Tree)TREE_NULL;
}

/**
 * tree_branches() - write the branches before a task
 * @node:       the node of the task
 * @utf8:       use lines instead of ASCII signs
 * @branches:   output
 */
void tree_branches(const TreeNode *node, bool utf8, char branches[static TREE_BRANCHES_MAX]) {
        const char *signs[TREE_LEVELS_MAX];
        uint32_t level = node->level < TREE_LEVELS_MAX ? node->level : TREE_LEVELS_MAX;
        char *at = branches;

        for (uint32_t i = level; i-- > 0; node = node->parent) {
                if (i == level - 1)
                        signs[i] = node->next ? utf8 ? "├─" : "|-" : utf8 ? "└─" : "`-";
                else
                        signs[i] = node->next ? utf8 ? "│ " : "| " : "  ";
        }
        for (uint32_t i = 0; i < level; ++i)
                at = stpcpy(at, signs[i]);
        *at = 0;
}
