/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * OwedQueue: the tasks of which something is still to be read in /proc, because the broker
 * was too busy when it happened: TASK_OWED bits. The table owns the queue. The links stand
 * in the tasks, so that the queue has room for each task, and no event allocates memory.
 */

#include <stddef.h>
#include <stdint.h>

#include "broker/base/list.h"
#include "broker/model/task.h"

typedef struct OwedQueue OwedQueue;

struct OwedQueue {
        List tasks;             /* the task that waits longest is the first */
        size_t n;
        uint64_t n_read;        /* tasks of which all was read later */
        uint64_t n_ended;       /* tasks that ended before */
};

void owed_queue_init(OwedQueue *queue);
void owed_queue_update(OwedQueue *queue, Task *task);
void owed_queue_forget(OwedQueue *queue, Task *task);
Task *owed_queue_first(OwedQueue *queue);
void owed_queue_postpone(OwedQueue *queue, Task *task);
