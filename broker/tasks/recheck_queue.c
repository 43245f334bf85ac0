/* SPDX-License-Identifier: Apache-2.0 */

#include "broker/tasks/recheck_queue.h"

/**
 * recheck_queue_add() - queue a process to be checked
 * @queue:  the queue
 * @pid:    its number
 */
void recheck_queue_add(RecheckQueue *queue, uint32_t pid) {
        queue->pids[queue->n++ % RECHECK_QUEUE_MAX] = pid;
        if (queue->n - queue->n_done > RECHECK_QUEUE_MAX)
                ++queue->n_done;
}

/**
 * recheck_queue_next() - take out the next process
 * @queue:  the queue
 * @table:  the tasks
 *
 * Return: Its leader; NULL: all were taken.
 */
Task *recheck_queue_next(RecheckQueue *queue, const TaskTable *table) {
        while (queue->n_done < queue->n) {
                Task *task = task_table_get(table, queue->pids[queue->n_done++ % RECHECK_QUEUE_MAX]);

                if (!task || !(task->flags & TASK_RECHECK))
                        continue;
                task->flags &= (uint16_t)~TASK_RECHECK;
                return task;
        }
        return NULL;
}
