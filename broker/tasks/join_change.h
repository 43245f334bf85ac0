/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* JoinChange: changes of a task's name, ids, session and program. A part of the join. */

#include "broker/tasks/join_state.h"

void join_change(Join *join, Event *event);
Event join_change_event(const Join *join, const Task *task);
void join_change_program(Join *join, Task *task, Program *program);
int join_change_read_programs(Join *join);
