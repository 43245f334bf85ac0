/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Ends: how tasks and processes end, told by the connector or concluded. A part of the join. */

#include <stdbool.h>
#include <stdint.h>

#include "broker/tasks/join.h"

void stats_apply_facts(TaskStats *stats, const KernelFeatures *features, const Task *task);
void event_fill(Event *event, const Task *task);

bool join_exit_take_late(Join *join, uint32_t tid);
int join_exit_reported(Join *join, Event *event);
int join_exit_synthesise_task(Join *join, Task *task, PendingRecord *record, uint64_t now_ns);
int join_exit_synthesise_gone(Join *join, Task *task, uint64_t now_ns);
int join_exit_synthesise_process(Join *join, Process *process, uint64_t now_ns);
int join_exit_synthesise_overdue(Join *join, uint64_t before_ns, uint64_t *ret_count);
