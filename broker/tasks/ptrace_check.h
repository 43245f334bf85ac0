/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * PtraceCheck: checks whether /proc shows a live process to its owner at the moment. It is
 * called before live statistics are sent to the owner; other clients need no check. The
 * result holds for statistics that the kernel gave before the check. It is dropped before
 * the next query.
 */

#include <stdbool.h>
#include <stdint.h>

#include "broker/tasks/task_table.h"

typedef struct PtraceCheck PtraceCheck;

struct PtraceCheck {
        int procfs_fd;                  /* not owned */
        const TaskTable *table;         /* not owned */
        uint32_t pid, tid;              /* the task that was checked; 0: none */
        bool in_full;
        bool accessible;
        uint64_t full_ns;               /* processor time of readings in full, since the last query */
};

void ptrace_check_init(PtraceCheck *check, int procfs_fd, const TaskTable *table);
void ptrace_check_forget(PtraceCheck *check);
bool ptrace_check_task(PtraceCheck *check, uint32_t pid, uint32_t tid, bool in_full);
