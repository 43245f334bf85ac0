/* SPDX-License-Identifier: Apache-2.0 */

#include "broker/base/util.h"
#include "broker/tasks/recheck_queue.h"

void recheck_queue_init(RecheckQueue *queue) {
        *queue = (RecheckQueue){};
        list_init(&queue->tasks);
}

static bool recheck_queue_has(const Task *task) {
        return !list_is_empty(&task->recheck_link);
}

static void recheck_queue_remove(RecheckQueue *queue, Task *task) {
        list_unlink(&task->recheck_link);
        --queue->n;
}

/**
 * recheck_queue_update() - queue a stale task, or take out a task that was read
 * @queue:  the queue
 * @task:   a task of the table, whose flags may have changed
 */
void recheck_queue_update(RecheckQueue *queue, Task *task) {
        if (task->flags & TASK_STALE) {
                if (recheck_queue_has(task))
                        return;
                list_append(&queue->tasks, &task->recheck_link);
                ++queue->n;
        } else if (recheck_queue_has(task)) {
                recheck_queue_remove(queue, task);
                ++queue->n_read;
        }
}

/**
 * recheck_queue_drop() - take out a task that has ended
 * @queue:  the queue
 * @task:   the task, queued or not
 */
void recheck_queue_drop(RecheckQueue *queue, Task *task) {
        if (!recheck_queue_has(task))
                return;
        recheck_queue_remove(queue, task);
        ++queue->n_ended;
}

/* The task that waits longest; NULL: the queue is empty. */
Task *recheck_queue_first(RecheckQueue *queue) {
        List *link = list_first(&queue->tasks);

        return link ? container_of(link, Task, recheck_link) : NULL;
}

/* Makes a queued task the last. */
void recheck_queue_postpone(RecheckQueue *queue, Task *task) {
        list_unlink(&task->recheck_link);
        list_append(&queue->tasks, &task->recheck_link);
}
