/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * PtraceCheck: whether /proc shows a live process to its owner, now. For whoever is about to
 * tell him what it has used; others need none. The answer is good for statistics that
 * the kernel has given before the glance, and for those that it is asked for next it is
 * forgotten.
 */

#include <stdbool.h>
#include <stdint.h>

#include "broker/tasks/task_table.h"

typedef struct PtraceCheck PtraceCheck;

struct PtraceCheck {
        int procfs_fd;                  /* not owned */
        const TaskTable *table;         /* not owned */
        uint32_t pid;                   /* whom it was at; 0: nobody */
        bool shown;
};

void ptrace_check_init(PtraceCheck *glance, int procfs_fd, const TaskTable *table);
void ptrace_check_forget(PtraceCheck *glance);
bool ptrace_check_task(PtraceCheck *glance, uint32_t pid);
