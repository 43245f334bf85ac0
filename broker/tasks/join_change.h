/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* JoinChange: changes of a task's name, ids, session and program. A part of the join. */

#include "broker/tasks/join_state.h"

void join_change(Join *join, Event *event);
void join_change_program(Join *join, Task *task, Program *program);
void join_change_recheck(Join *join);
