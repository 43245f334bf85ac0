/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* /proc: the task table's beginning, and what it is compared with after a loss. */

#include <stdbool.h>
#include <stdint.h>

#include "broker/base/util.h"
#include "broker/tasks/table.h"

typedef struct ProcfsTask ProcfsTask;

/* What /proc says of a live task. */
struct ProcfsTask {
        char comm[COMM_SIZE];
        uint32_t ppid;
        uint64_t start_time_ns; /* since the epoch, to the tick of 10 ms */
        uint32_t ruid, euid, rgid, egid;
};

/* How far a start that /proc tells and one that the connector told can be apart. */
#define PROCFS_START_TOLERANCE_NS (20 * NSEC_PER_MSEC)

int procfs_seed(int procfs_fd, TaskTable *table);
bool procfs_read_task(int procfs_fd, uint32_t pid, uint32_t tid, ProcfsTask *ret_found);
Task *procfs_add_task(TaskTable *table, uint32_t pid, uint32_t tid, const ProcfsTask *found);
uint32_t procfs_number(const char *name);
