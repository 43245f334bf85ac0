/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/*
 * The pages of the task table: random numbers are put and cleared, and each look-up and each walk agrees with a plain
 * array. Memory follows the pages that have tasks, also after the numbers have come round.
 */

#include <assert.h>
#include <stdlib.h>

#include "broker/tasks/task_pages.h"

#define N_TASKS 600u

static Task tasks[N_TASKS];
static uint32_t seed = 1;

static uint32_t random_next(uint32_t n) {
        seed = seed * 1664525u + 1013904223u;
        return (seed >> 8) % n;
}

/* Numbers at the ends of pages, of words and of the range come often. */
static uint32_t random_tid(void) {
        static const uint32_t edges[] = { 0, 1, 62, 63, 64, 65, 1022, 1023 };
        uint32_t page = random_next(4) ? random_next(4096) : random_next(2) * 4095;

        return page * 1024 + (random_next(2) ? edges[random_next(8)] : random_next(1024));
}

static int compare(const void *a, const void *b) {
        const Task *const *x = a, *const *y = b;

        return ((*x)->tid > (*y)->tid) - ((*x)->tid < (*y)->tid);
}

/* Walks from a random number on. */
static void check_walk(const TaskPages *pages) {
        const Task *sorted[N_TASKS];
        uint32_t from = random_next(8) ? random_tid() : 0;
        size_t n = 0, i = 0;

        for (size_t k = 0; k < N_TASKS; ++k)
                if (tasks[k].flags && tasks[k].tid >= from)
                        sorted[n++] = &tasks[k];
        qsort(sorted, n, sizeof(*sorted), compare);
        for (const Task *task = task_pages_next(pages, from); task; task = task_pages_next(pages, task->tid + 1)) {
                assert(i < n && task == sorted[i]);
                ++i;
        }
        assert(i == n);
        assert(!task_pages_next(pages, TASK_PAGES_LIMIT) && !task_pages_next(pages, UINT32_MAX));
        assert(!task_pages_get(pages, TASK_PAGES_LIMIT) && !task_pages_get(pages, UINT32_MAX));
}

static void test_random(void) {
        static TaskPages pages;
        size_t n_empty = task_pages_bytes(&pages);

        for (unsigned int round = 0; round < 60000; ++round) {
                Task *task = &tasks[random_next(N_TASKS)];

                if (task->flags) {
                        assert(task_pages_get(&pages, task->tid) == task);
                        task_pages_clear(&pages, task->tid);
                        assert(!task_pages_get(&pages, task->tid));
                        task->flags = 0;
                        continue;
                }
                task->tid = random_tid();
                if (task_pages_get(&pages, task->tid))
                        continue;
                assert(task_pages_put(&pages, task, task->tid));
                task->flags = 1;
                assert(task_pages_get(&pages, task->tid) == task);
                if (round % 500 == 0)
                        check_walk(&pages);
        }
        for (size_t i = 0; i < N_TASKS; ++i)
                if (tasks[i].flags)
                        task_pages_clear(&pages, tasks[i].tid);
        assert(!task_pages_next(&pages, 0));
        /* the spare pages stay */
        assert(pages.n_made == pages.n_spare);
        assert(task_pages_bytes(&pages) < n_empty + 100 * 1024);
        task_pages_deinit(&pages);
        assert(pages.n_made == 0);
}

/* All numbers come round one after the other: no more pages are made than tasks live. */
static void test_numbers_come_round(void) {
        static TaskPages pages;
        Task task = {}, old = { .tid = 5 };

        assert(task_pages_put(&pages, &old, 5));
        for (task.tid = 6; task.tid < TASK_PAGES_LIMIT; ++task.tid) {
                assert(task_pages_put(&pages, &task, task.tid));
                task_pages_clear(&pages, task.tid);
        }
        assert(pages.n_made <= 2);
        assert(task_pages_next(&pages, 0) == &old && !task_pages_next(&pages, 6));
        task_pages_deinit(&pages);
}

int main(void) {
        test_random();
        test_numbers_come_round();
        return 0;
}
