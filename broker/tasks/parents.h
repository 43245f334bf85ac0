/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Parents: the two relations of a process to others. Its origin is the first parent that is
 * known, and stays. Its present parent changes when the parent ends. The join, /proc's
 * readers and the encoders of tasks call it; it reads no /proc itself.
 */

#include <stdbool.h>
#include <stdint.h>

#include "broker/tasks/task_table.h"

Process *parents_get(const TaskTable *table, const Process *process);
bool parents_is_known(const TaskTable *table, const Process *process);
ProcessId parents_session(const TaskTable *table, const Process *process);
ProcessId parents_present(const TaskTable *table, const Process *process);
ProcessId parents_find(const TaskTable *table, const Process *process, uint32_t parent_pid);
bool parents_set(TaskTable *table, Process *process, uint32_t parent_pid);
void parents_set_origin(TaskTable *table, Process *process, uint32_t parent_pid, bool is_maker);
void parents_note_end(TaskTable *table, Process *process);
void parents_bind(TaskTable *table);
