/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Whose a task is: see owner.c. */

#include "broker/model/owner.h"
#include "broker/model/taskstats.h"
#include "broker/tasks/task_table.h"

Owner task_owner(const Task *task);
Owner task_owner_live(const Task *task, const TaskStats *stats);
void owner_restrict(Owner *owner, const Owner *other);
void task_note_birth(Task *task);
void owner_mark_all_stale(TaskTable *table);
void task_note_record(const Task *task, const TaskStats *stats);
