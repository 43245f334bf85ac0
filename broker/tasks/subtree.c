/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Each process is looked at once, however the tree is shaped: a climb from child to
 * parent ends at the first that an earlier climb has seen. A chain of ten
 * thousand processes is no more work than as many children of one.
 */

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "broker/base/memory.h"
#include "broker/tasks/parents.h"
#include "broker/tasks/subtree.h"

typedef struct Seen Seen;

/* A bit a number. */
struct Seen {
        uint64_t words[(1u << 22) / 64];
};

static bool seen_has(const Seen *seen, uint32_t pid) {
        return seen->words[pid / 64] >> (pid % 64) & 1;
}

static void seen_add(Seen *seen, uint32_t pid) {
        seen->words[pid / 64] |= 1ull << (pid % 64);
}

static void subtree_climb(const TaskTable *table, Seen *seen, uint64_t mark, Process *from) {
        uint64_t marked = 0;
        Process *process = from;

        while (process && !seen_has(seen, process->pid)) {
                seen_add(seen, process->pid);
                process = parents_get(table, process);
        }
        if (process)
                marked = process->marks & mark;
        if (!marked)
                return;
        for (Process *below = from; below != process; below = parents_get(table, below)) {
                /* the way up that was just taken */
                assert(below);
                below->marks |= mark;
        }
}

/**
 * subtree_mark() - mark a set of processes and all their descendants
 * @table:    the table
 * @mark:     the bit, which all others lose
 * @roots:    numbers of live processes
 * @n_roots:  how many
 *
 * Return: 0; SUBTREE_E_MEMORY.
 */
int subtree_mark(TaskTable *table, uint64_t mark, const uint32_t *roots, size_t n_roots) {
        Seen *seen = memory_alloc_optional(NULL, sizeof(*seen));

        if (!seen)
                return SUBTREE_E_MEMORY;
        memset(seen, 0, sizeof(*seen));
        for (const Task *task = task_table_next_leader(table, 1); task;
             task = task_table_next_leader(table, task->tid + 1))
                task->process->marks &= ~mark;
        for (size_t i = 0; i < n_roots; ++i) {
                task_table_get_process(table, roots[i])->marks |= mark;
                seen_add(seen, roots[i]);
        }
        for (const Task *task = task_table_next_leader(table, 1); task;
             task = task_table_next_leader(table, task->tid + 1))
                subtree_climb(table, seen, mark, task->process);
        free(seen);
        return 0;
}
