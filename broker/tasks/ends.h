/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Ends: how tasks and processes end, told by the connector or concluded. A part of the join. */

#include <stdbool.h>
#include <stdint.h>

#include "broker/tasks/join.h"

void stats_apply_facts(TaskStats *stats, const KernelFacts *facts, const Task *task);
void event_fill(Event *event, const Task *task);

bool ends_take_stray(Join *join, uint32_t tid);
int ends_told(Join *join, Event *event);
int ends_conclude_task(Join *join, Task *task, WaitingRecord *record, uint64_t now_ns);
int ends_conclude_gone(Join *join, Task *task, uint64_t now_ns);
int ends_conclude_process(Join *join, Process *process, uint64_t now_ns);
int ends_conclude_waiting(Join *join, uint64_t before_ns, uint64_t *ret_count);
