/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Measures the thread's own processor time: a pause while another program has the processor does not count.
 * Interrupts do count. So the table is filled several times: a pause that growing makes occurs each time.
 */

#include <stdint.h>
#include <time.h>

#include "broker/tasks/task_table.h"
#include "tests/bench/table_growth.h"

#define N_ROUNDS 10

static uint64_t cpu_ns(void) {
        struct timespec t;

        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
        return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* @n_per_process: tasks of a process. The numbers are those that a kernel gives: one after the other. */
static int growth_fill(size_t n_tasks, size_t n_per_process, GrowthFigures *f, double *ret_bytes) {
        uint64_t begin = cpu_ns(), before = begin, now = begin;
        TaskTable table;
        size_t empty;

        task_table_init(&table);
        empty = task_table_bytes(&table);
        for (uint32_t i = 0; i < n_tasks; ++i) {
                uint32_t tid = 300 + i;

                if (!task_table_add(&table, tid - i % (uint32_t)n_per_process, tid)) {
                        task_table_deinit(&table);
                        return -1;
                }
                now = cpu_ns();
                if ((double)(now - before) / 1e3 > f->max_us)
                        f->max_us = (double)(now - before) / 1e3;
                before = now;
        }
        f->mean_us = (double)(now - begin) / 1e3 / (double)n_tasks;
        *ret_bytes = (double)(task_table_bytes(&table) - empty) / (double)n_tasks;
        task_table_deinit(&table);
        return 0;
}

int growth_measure(size_t n_tasks, GrowthFigures *ret) {
        *ret = (GrowthFigures){ .n_tasks = n_tasks };
        for (int round = 0; round < N_ROUNDS; ++round) {
                GrowthFigures f = {};

                if (growth_fill(n_tasks, n_tasks, &f, &ret->bytes_per_task) < 0 ||
                    growth_fill(n_tasks, 1, &f, &ret->bytes_per_process) < 0)
                        return -1;
                if (round == 0 || f.mean_us < ret->mean_us)
                        ret->mean_us = f.mean_us;
                if (round == 0 || f.max_us < ret->max_us)
                        ret->max_us = f.max_us;
        }
        return 0;
}
