/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * ProcTask: the state of a task in /proc, and whether a number still names the task that it named.
 */

#include <stdbool.h>
#include <stdint.h>

typedef struct ProcTask ProcTask;

struct ProcTask {
        char state;
        int n_threads;                  /* number of threads of the process */
        uint64_t start_boot_ns;         /* rounded down to a tick */
};

bool proc_task_read(uint32_t tid, ProcTask *ret_task);
bool proc_task_is(uint32_t tid, uint64_t start_boot_ns);
