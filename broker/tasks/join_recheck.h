/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * JoinRecheck: reads tasks in /proc again, while the kernel's queue is empty. Stale tasks are
 * read once, in the order of the table's queue. Processes that /proc hides from their owners
 * are read again and again. A part of the join.
 */

#include "broker/tasks/join_state.h"

enum {
        _JOIN_RECHECK_E_SUCCESS,
        JOIN_RECHECK_E_BUSY,    /* the kernel's queue has more, which comes first */
        JOIN_RECHECK_E_LATER,   /* nothing could be read: it is tried again at the next tick */
};

int join_recheck_queue(Join *join);
void join_recheck_hidden(Join *join);
void join_recheck_store_comm(Join *join, Task *task, const char comm[static COMM_SIZE]);
void join_recheck_report_exec(Join *join, Task *task, const Event *named, const TaskChange *change);
