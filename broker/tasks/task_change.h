/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * TaskChange: a task and its process as they will be. The join changes these copies while
 * the table still has the former state, and stores them after the event was emitted. The
 * links of the copies are not valid.
 */

#include "broker/tasks/task_table.h"

typedef struct TaskChange TaskChange;

struct TaskChange {
        Task task;                      /* task.process is &process */
        Process process;
};

void task_change_begin(TaskChange *change, const Task *task);
void task_change_store(TaskTable *table, Task *task, const TaskChange *change);
