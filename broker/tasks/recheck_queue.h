/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * RecheckQueue: processes that changed owner and called exec while the join was too busy to
 * check the new owner. They are checked later; until then they have no owner. Bounded:
 * beyond it the oldest have no owner until their next exec.
 */

#include <stddef.h>
#include <stdint.h>

#include "broker/tasks/task_table.h"

typedef struct RecheckQueue RecheckQueue;

#define RECHECK_QUEUE_MAX 64u

struct RecheckQueue {
        uint32_t pids[RECHECK_QUEUE_MAX];
        size_t n;               /* queued in all */
        size_t n_done;          /* checked or given up */
};

void recheck_queue_add(RecheckQueue *queue, uint32_t pid);
Task *recheck_queue_next(RecheckQueue *queue, const TaskTable *table);
