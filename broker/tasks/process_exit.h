/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * ProcessExit: what a process has used when it ends, its wait status, and whether it has
 * ended at all. Called by join_exit.c for each exit; emits nothing.
 */

#include <stdbool.h>

#include "broker/tasks/join_state.h"

void process_exit_note_mark(Process *process, const ExitRecord *record);
void process_exit_note_leader(Process *process, const Event *event);
bool process_exit_may_lack_tasks(const Join *join, const Process *process);
bool process_exit_record_has_status(const ExitRecord *record, bool leader);
bool process_exit_may_have_more(const Join *join, const Process *process, const ExitRecord *record);
int process_exit_add_task(Join *join, Process *process, const ExitRecord *record);
int process_exit_finish(Join *join, Process *process, const ExitRecord *record, Event *event);
