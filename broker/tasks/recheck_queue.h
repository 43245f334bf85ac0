/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * RecheckQueue: the stale tasks. Their name or owner (TASK_STALE) is still to be read in /proc,
 * because the broker was too busy at an exec. The table owns the queue. The links stand in
 * the tasks, so that the queue has room for each task, and no event allocates memory.
 */

#include <stddef.h>
#include <stdint.h>

#include "broker/base/list.h"
#include "broker/model/task.h"

typedef struct RecheckQueue RecheckQueue;

struct RecheckQueue {
        List tasks;             /* the task that waits longest is the first */
        size_t n;
        uint64_t n_read;        /* stale tasks that were read */
        uint64_t n_ended;       /* stale tasks that ended before */
};

void recheck_queue_init(RecheckQueue *queue);
void recheck_queue_update(RecheckQueue *queue, Task *task);
void recheck_queue_drop(RecheckQueue *queue, Task *task);
Task *recheck_queue_first(RecheckQueue *queue);
void recheck_queue_postpone(RecheckQueue *queue, Task *task);
