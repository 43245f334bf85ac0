/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * JoinOwed: reads in /proc what was left out while the kernel's queue had more. A part of
 * the join.
 */

#include "broker/tasks/join_state.h"

enum {
        _JOIN_OWED_E_SUCCESS,
        JOIN_OWED_E_BUSY,       /* the kernel's queue has more, which comes first */
        JOIN_OWED_E_LATER,      /* nothing could be read: it is tried again at the next tick */
};

int join_owed_read(Join *join);
void join_owed_settle(Join *join, Task *task, const char comm[static COMM_SIZE]);
