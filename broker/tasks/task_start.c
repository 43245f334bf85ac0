/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The start of a task is a part of its identity. It is set once, when the table gets the
 * task, and goes to the store (start_store.h), which survives the broker.
 */

#include "broker/tasks/task_start.h"

/**
 * task_start_set() - store when a task started
 * @table:          the table
 * @task:           the task
 * @start_time_ns:  from its fork event
 */
void task_start_set(TaskTable *table, Task *task, uint64_t start_time_ns) {
        task->start_time_ns = start_time_ns;
        if (table->starts)
                start_store_set(table->starts, task->tid, start_time_ns);
}

/**
 * task_start_find() - store when a task started that was found in /proc
 * @table:     the table
 * @task:      the task
 * @found_ns:  the start in /proc, rounded down to a tick
 *
 * If a former broker of this boot knew the task, the task keeps that start: a later owner of
 * the number would have a later start in /proc.
 */
void task_start_find(TaskTable *table, Task *task, uint64_t found_ns) {
        uint64_t stored_ns = table->starts ? start_store_get(table->starts, task->tid) : 0;

        task_start_set(table, task, found_ns <= stored_ns ? stored_ns : found_ns);
}

/**
 * task_start_prune() - remove the stored starts of tasks that ended while no broker ran
 * @table:  the table, just filled
 */
void task_start_prune(TaskTable *table) {
        uint32_t tid = 0;

        while (table->starts && (tid = start_store_next(table->starts, tid + 1)) > 0)
                if (!task_table_get(table, tid) && !task_table_get_leader(table, tid))
                        start_store_clear(table->starts, tid);
}
