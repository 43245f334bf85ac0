/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* JoinChange: changes of a task's name, ids, session and program. A part of the join. */

#include "broker/tasks/join_state.h"

void join_change(Join *join, Event *event);
int join_change_read_programs(Join *join);
Event join_change_event(const Join *join, const Task *task);
