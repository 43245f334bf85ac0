/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/*
 * Tasks as a forest: parents, rings, threads, and long chains.
 */

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clients/cli/model/tree.h"
#include "tests/unit/task_rig.h"

/* Completes the identity of each parent: the first task with its number, as @younger allows. */
static void find_parents(struct tb_task *tasks, size_t n_tasks, bool younger) {
        for (size_t i = 0; i < n_tasks; ++i) {
                for (size_t k = n_tasks; k-- > 0;) {
                        if (tasks[k].pid == tasks[i].ppid &&
                            (younger || tasks[k].start_boot_ns <= tasks[i].start_boot_ns))
                                tasks[i].parent.start_boot_ns = tasks[k].start_boot_ns;
                }
        }
}

/* Draws the forest of @tasks, one line per task. */
static const char *draw(const struct tb_task *tasks, size_t n_tasks, bool utf8) {
        static char text[16384];
        const struct tb_task **pointers = calloc(n_tasks + 1, sizeof(*pointers));
        char branches[TREE_BRANCHES_MAX];
        size_t n = 0;
        Tree tree;

        assert(pointers);
        for (size_t i = 0; i < n_tasks; ++i)
                pointers[i] = tasks + i;
        assert(tree_init(&tree, pointers, n_tasks) == 0);
        text[0] = 0;
        for (size_t i = 0; i < n_tasks; ++i) {
                tree_branches(tree.order[i], utf8, branches);
                n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%s\n", branches, tree.order[i]->task->comm);
        }
        tree_deinit(&tree);
        free(pointers);
        return text;
}

static void check_drawing(const struct tb_task *tasks, size_t n_tasks, const char *should) {
        const char *is = draw(tasks, n_tasks, false);

        if (strcmp(is, should) != 0)
                fprintf(stderr, "is:\n%sshould be:\n%s", is, should);
        assert(strcmp(is, should) == 0);
}

static void test_tree(void) {
        struct tb_task tasks[] = {
                make_task(1, 0, 100, "init"),      make_task(2, 0, 100, "kthreadd"), make_task(3, 2, 100, "worker"),
                make_task(10, 1, 200, "sh"),       make_task(11, 10, 300, "make"),   make_task(12, 11, 400, "cc"),
                make_task(13, 11, 400, "as"),      make_task(14, 10, 300, "tail"),   make_task(15, 1, 200, "cron"),
        };

        find_parents(tasks, N(tasks), false);
        check_drawing(tasks,
                      N(tasks),
                      "init\n"
                      "|-sh\n"
                      "| |-make\n"
                      "| | |-cc\n"
                      "| | `-as\n"
                      "| `-tail\n"
                      "`-cron\n"
                      "kthreadd\n"
                      "`-worker\n");
        assert(strcmp(draw(tasks + 3, 5, true),
                      "sh\n"
                      "├─make\n"
                      "│ ├─cc\n"
                      "│ └─as\n"
                      "└─tail\n") == 0);
        check_drawing(tasks, 0, "");
}

/* A parent has a number and a start; a later owner of its number is a stranger. */
static void test_tree_parents(void) {
        struct tb_task tasks[] = {
                make_task(1, 0, 100, "init"),
                make_task(20, 30, 200, "old"),
                make_task(21, 99, 200, "orphan"),
                make_task(22, 22, 200, "own"),
                make_task(30, 1, 201, "young"),
                make_task(31, 30, 201, "same"),
        };

        find_parents(tasks, N(tasks), false);
        check_drawing(tasks, N(tasks), "init\n`-young\n  `-same\nold\norphan\nown\n");
        tasks[5].parent.start_boot_ns = 200;
        check_drawing(tasks, N(tasks), "init\n`-young\nold\norphan\nown\nsame\n");
        tasks[4].parent.known = false;
        check_drawing(tasks, N(tasks), "init\nold\norphan\nown\nyoung\nsame\n");
}

/* The number was used again while the former owner is still shown: each has its own children and threads. */
static void test_tree_reused(void) {
        struct tb_task tasks[] = {
                make_task(30, 0, 100, "former"), make_task(40, 30, 150, "its"),   make_task(30, 0, 200, "thread"),
                make_task(30, 0, 300, "later"),  make_task(41, 30, 350, "other"), make_task(30, 0, 400, "new"),
        };

        tasks[2].tid = 31;
        tasks[5].tid = 32;
        tasks[1].parent.start_boot_ns = 100;
        tasks[4].parent.start_boot_ns = 300;
        check_drawing(tasks, N(tasks), "former\n|-thread\n`-its\nlater\n|-new\n`-other\n");
}

static void test_tree_rings(void) {
        struct tb_task tasks[] = {
                make_task(1, 3, 100, "a"),
                make_task(2, 1, 100, "b"),
                make_task(3, 2, 100, "c"),
                make_task(4, 3, 100, "d"),
        };

        find_parents(tasks, N(tasks), true);
        /* Each task is drawn once, wherever the ring is cut. */
        check_drawing(tasks, N(tasks), "a\n`-b\n  `-c\n    `-d\n");
        check_drawing(tasks + 1, 3, "b\n`-c\n  `-d\n");
}

/* Threads come before children, below the task that stands for the process. */
static void test_tree_threads(void) {
        struct tb_task tasks[] = {
                make_task(1, 0, 100, "init"),
                make_task(10, 1, 200, "first"),
                make_task(10, 1, 300, "second"),
                make_task(10, 1, 300, "third"),
                make_task(12, 10, 300, "child"),
        };

        find_parents(tasks, N(tasks), false);
        tasks[2].tid = 11;
        tasks[3].tid = 9;
        check_drawing(tasks, N(tasks), "init\n`-first\n  |-second\n  |-third\n  `-child\n");

        /* The leader has ended. */
        tasks[1].tid = 13;
        check_drawing(tasks, N(tasks), "init\n`-third\n  |-first\n  |-second\n  `-child\n");
}

/* A chain of 200000 tasks needs neither a deep stack nor quadratic time. */
static void test_tree_chain(void) {
        size_t n = 200000;
        struct tb_task *tasks = calloc(n, sizeof(*tasks));
        const struct tb_task **pointers = calloc(n, sizeof(*pointers));
        char branches[TREE_BRANCHES_MAX];
        Tree tree;

        assert(tasks && pointers);
        for (size_t i = 0; i < n; ++i) {
                tasks[i] = make_task((uint32_t)i + 1, (uint32_t)i, i, "x");
                tasks[i].parent.start_boot_ns = i ? i - 1 : 0;
                pointers[n - 1 - i] = tasks + i;
        }
        assert(tree_init(&tree, pointers, n) == 0);
        for (size_t i = 0; i < n; ++i) {
                assert(tree.order[i]->task == tasks + i && tree.order[i]->level == i);
                tree_branches(tree.order[i], true, branches);
        }
        assert(strlen(branches) == 2 * (TREE_LEVELS_MAX - 1) + 6);
        tree_deinit(&tree);
        free(pointers);
        free(tasks);
}

int main(void) {
        test_tree();
        test_tree_parents();
        test_tree_reused();
        test_tree_rings();
        test_tree_threads();
        test_tree_chain();
        return 0;
}
