/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The peaks of memory of a process over its life. The kernel keeps them for an address
 * space: an exec begins with a new one, and a write to /proc/PID/clear_refs sets them back.
 * So the largest peak that any answer of the kernel had stays with the process. A peak
 * between the last answer and the exec is unknown.
 */

#include <stdbool.h>

#include "broker/tasks/task_table.h"

int process_peaks_note(TaskTable *table, Process *process, const TaskStats *stats);
bool process_peaks_exceed(const Process *process, const TaskStats *stats);
void process_peaks_raise(const Process *process, TaskStats *totals);
