/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * TaskTable: the live tasks, by number, and the processes they make up. Knows no
 * source and no socket; the join and the /proc reader keep it.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "broker/base/pool.h"
#include "broker/model/task.h"
#include "broker/tasks/recheck_queue.h"
#include "broker/tasks/start_store.h"
#include "broker/tasks/task_pages.h"

typedef struct TaskTable TaskTable;

struct TaskTable {
        TaskPages pages;
        Pool tasks;
        Pool processes;
        Pool totals;
        StartStore *starts;             /* not owned; NULL: no store */
        size_t n_live_tasks;
        size_t n_live_processes;
        size_t n_program_bytes;
        RecheckQueue recheck_queue;     /* stale tasks: something is still to be read in /proc */
        uint32_t last_serial;           /* see Process */
        bool has_orphans;               /* a process may have no present parent that is known; others clear it */
};

void task_table_init(TaskTable *table);
void task_table_deinit(TaskTable *table);

Task *task_table_get(const TaskTable *table, uint32_t tid);
Task *task_table_next(const TaskTable *table, uint32_t from_tid);
Task *task_table_next_kept(const TaskTable *table, uint32_t from_tid);
Task *task_table_next_leader(const TaskTable *table, uint32_t from_pid);
Task *task_table_get_leader(const TaskTable *table, uint32_t pid);
Process *task_table_get_process(const TaskTable *table, uint32_t pid);
Task *task_table_first_live(const Process *process);
bool task_table_leader_is_unseen(const Task *leader);
bool task_table_is_free(const TaskTable *table, uint32_t pid, uint32_t tid);
Task *task_table_add(TaskTable *table, uint32_t pid, uint32_t tid);
void task_table_end_task(TaskTable *table, Task *task);
void task_table_end_process(TaskTable *table, Process *process);
void task_table_revive(TaskTable *table, Task *leader);
TaskStats *task_table_totals(TaskTable *table, Process *process);
void task_table_set_program(TaskTable *table, Process *process, Program *program);
void task_table_inherit(TaskTable *table, Process *process, const Process *parent);
bool task_table_is_compared(const TaskTable *table, uint32_t n_acks);
void task_table_forget_compared(TaskTable *table, uint32_t n_acks);
void task_table_mark_creds_stale(TaskTable *table);
size_t task_table_bytes(const TaskTable *table);
