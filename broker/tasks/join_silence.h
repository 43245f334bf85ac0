/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * JoinSilence: notices what the connector did not report, by its consequences. A part of the
 * join.
 */

#include "broker/tasks/join_state.h"

void join_silence_check_record(Join *join, Task *task, const Event *event, const TaskStats *stats);
void join_silence_forget(Join *join);
void join_silence_check_parent(Join *join, const Event *event);
void join_silence_check_change(Join *join, const Event *event);
void join_silence_check_unknown_exit(Join *join, const Event *event, Process *process, const ExitRecord *record);
void join_silence_note_unknown(Join *join, const Event *event, Process *process);
