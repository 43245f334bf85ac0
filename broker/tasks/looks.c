/* SPDX-License-Identifier: Apache-2.0 */

#include "broker/tasks/looks.h"

/**
 * looks_note() - a process is to be looked at
 * @looks:  the list
 * @pid:    its number
 */
void looks_note(Looks *looks, uint32_t pid) {
        looks->pids[looks->n++ % LOOKS_MAX] = pid;
        if (looks->n - looks->n_done > LOOKS_MAX)
                ++looks->n_done;
}

/**
 * looks_next() - look at those that are due, up to one that is its owner's
 * @looks:      the list
 * @table:      the tasks
 * @procfs_fd:  /proc
 *
 * Return: The leader of a process that /proc keeps from its owner no more, still
 *         marked as if it did; NULL: all were looked at.
 */
Task *looks_next(Looks *looks, const TaskTable *table, int procfs_fd) {
        while (looks->n_done < looks->n) {
                Task *task = task_table_get(table, looks->pids[looks->n_done++ % LOOKS_MAX]);
                ProcfsTask found;

                if (!task || !(task->flags & TASK_UNLOOKED))
                        continue;
                task->flags &= (uint16_t)~TASK_UNLOOKED;
                if (procfs_read_task(procfs_fd, task->process->pid, task->tid, &found) && !found.exiting && !found.guarded &&
                    procfs_starts_agree(found.start_time_ns, task->start_time_ns) && found.ruid == task->ruid &&
                    found.euid == task->euid && found.rgid == task->rgid && found.egid == task->egid)
                        return task;
        }
        return NULL;
}
