/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* TaskStart: sets the start of a task, in the table and in the store that survives the broker. */

#include "broker/tasks/task_table.h"

void task_start_set(TaskTable *table, Task *task, uint64_t start_time_ns);
void task_start_find(TaskTable *table, Task *task, uint64_t found_ns);
void task_start_prune(TaskTable *table);
