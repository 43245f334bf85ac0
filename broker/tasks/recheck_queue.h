/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * RecheckQueue: processes that were another's and called exec while there was no time to look
 * whose they are now. That is made up for when there is; until then they are nobody's.
 * Bounded: beyond it the oldest stay so until their next exec.
 */

#include <stddef.h>
#include <stdint.h>

#include "broker/tasks/procfs.h"
#include "broker/tasks/task_table.h"

typedef struct RecheckQueue RecheckQueue;

#define RECHECK_QUEUE_MAX 64u

struct RecheckQueue {
        uint32_t pids[RECHECK_QUEUE_MAX];
        size_t n;               /* noted in all */
        size_t n_done;          /* of those, done or given up */
};

void recheck_queue_add(RecheckQueue *recheck_queue, uint32_t pid);
Task *recheck_queue_next(RecheckQueue *recheck_queue, const TaskTable *table, int procfs_fd);
