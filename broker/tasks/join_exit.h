/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * JoinExit: the exits of tasks and processes, reported by the connector or synthesised. A
 * part of the join.
 */

#include <stdint.h>

#include "broker/tasks/join_state.h"

int join_exit_reported(Join *join, Event *event);
int join_exit_synthesise_task(Join *join, Task *task, PendingRecord *record, uint64_t now_ns);
int join_exit_synthesise_gone(Join *join, Task *task, uint64_t now_ns);
int join_exit_synthesise_process(Join *join, Process *process, uint64_t now_ns);
int join_exit_synthesise_overdue(Join *join, uint64_t before_ns, uint64_t *ret_count);
