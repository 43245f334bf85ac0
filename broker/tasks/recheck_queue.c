/* SPDX-License-Identifier: Apache-2.0 */

#include "broker/tasks/recheck_queue.h"

/**
 * recheck_queue_add() - a process is to be looked at
 * @recheck_queue:  the list
 * @pid:    its number
 */
void recheck_queue_add(RecheckQueue *recheck_queue, uint32_t pid) {
        recheck_queue->pids[recheck_queue->n++ % RECHECK_QUEUE_MAX] = pid;
        if (recheck_queue->n - recheck_queue->n_done > RECHECK_QUEUE_MAX)
                ++recheck_queue->n_done;
}

/**
 * recheck_queue_next() - look at those that are due, up to one that is its owner's
 * @recheck_queue:      the list
 * @table:      the tasks
 * @procfs_fd:  /proc
 *
 * Return: The leader of a process that /proc keeps from its owner no more, still
 *         marked as if it did; NULL: all were looked at.
 */
Task *recheck_queue_next(RecheckQueue *recheck_queue, const TaskTable *table, int procfs_fd) {
        while (recheck_queue->n_done < recheck_queue->n) {
                Task *task = task_table_get(table, recheck_queue->pids[recheck_queue->n_done++ % RECHECK_QUEUE_MAX]);
                ProcfsTask found;

                if (!task || !(task->flags & TASK_RECHECK))
                        continue;
                task->flags &= (uint16_t)~TASK_RECHECK;
                if (procfs_read_task(procfs_fd, task->process->pid, task->tid, &found) && !found.exiting && !found.nondumpable &&
                    procfs_starts_agree(found.start_time_ns, task->start_time_ns) && found.ruid == task->ruid &&
                    found.euid == task->euid && found.rgid == task->rgid && found.egid == task->egid)
                        return task;
        }
        return NULL;
}
