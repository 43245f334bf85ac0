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
 * recheck_queue_next() - check processes until one is dumpable
 * @queue:      the queue
 * @table:      the tasks
 * @procfs_fd:  /proc
 *
 * Return: The leader of a process that is dumpable, still marked as non-dumpable; NULL:
 *         all were checked.
 */
Task *recheck_queue_next(RecheckQueue *queue, const TaskTable *table, int procfs_fd) {
        while (queue->n_done < queue->n) {
                Task *task = task_table_get(table, queue->pids[queue->n_done++ % RECHECK_QUEUE_MAX]);
                ProcfsTask found;

                if (!task || !(task->flags & TASK_RECHECK))
                        continue;
                task->flags &= (uint16_t)~TASK_RECHECK;
                if (procfs_read_task(procfs_fd, task->process->pid, task->tid, &found) && !found.exiting &&
                    !found.nondumpable && procfs_starts_agree(found.start_time_ns, task->start_time_ns) &&
                    found.ruid == task->ruid && found.euid == task->euid && found.rgid == task->rgid &&
                    found.egid == task->egid)
                        return task;
        }
        return NULL;
}
