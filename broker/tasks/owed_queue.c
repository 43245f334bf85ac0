/* SPDX-License-Identifier: Apache-2.0 */

#include "broker/base/util.h"
#include "broker/tasks/owed_queue.h"

void owed_queue_init(OwedQueue *queue) {
        *queue = (OwedQueue){};
        list_init(&queue->tasks);
}

static bool owed_queue_has(const Task *task) {
        return !list_is_empty(&task->owed_link);
}

static void owed_queue_remove(OwedQueue *queue, Task *task) {
        list_unlink(&task->owed_link);
        --queue->n;
}

/**
 * owed_queue_update() - queue a task that owes something, or take it out
 * @queue:  the queue
 * @task:   a task of the table, whose flags may have changed
 */
void owed_queue_update(OwedQueue *queue, Task *task) {
        if (task->flags & TASK_OWED) {
                if (owed_queue_has(task))
                        return;
                list_append(&queue->tasks, &task->owed_link);
                ++queue->n;
        } else if (owed_queue_has(task)) {
                owed_queue_remove(queue, task);
                ++queue->n_read;
        }
}

/**
 * owed_queue_forget() - take out a task that has ended
 * @queue:  the queue
 * @task:   the task, queued or not
 */
void owed_queue_forget(OwedQueue *queue, Task *task) {
        if (!owed_queue_has(task))
                return;
        owed_queue_remove(queue, task);
        ++queue->n_ended;
}

/* The task that waits longest; NULL: the queue is empty. */
Task *owed_queue_first(OwedQueue *queue) {
        List *link = list_first(&queue->tasks);

        return link ? container_of(link, Task, owed_link) : NULL;
}

/* Makes a queued task the last. */
void owed_queue_postpone(OwedQueue *queue, Task *task) {
        list_unlink(&task->owed_link);
        list_append(&queue->tasks, &task->owed_link);
}
