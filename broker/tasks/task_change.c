/* SPDX-License-Identifier: Apache-2.0 */

#include <string.h>

#include "broker/tasks/task_change.h"

/**
 * task_change_begin() - copy a task and its process, to change the copies
 * @change:  the copies
 * @task:    the task
 */
void task_change_begin(TaskChange *change, const Task *task) {
        change->task = *task;
        change->process = *task->process;
        change->task.process = &change->process;
}

/**
 * task_change_store() - store a change of a task and of its process
 * @table:   the table
 * @task:    the task, live or gone
 * @change:  made by task_change_begin(); a use of its program is taken over, if it is new
 *
 * A leader that is gone, and is not in @change, is revived. The
 * members of the sweep are not changed.
 */
void task_change_store(TaskTable *table, Task *task, const TaskChange *change) {
        Process *process = task->process;

        if ((task->flags & TASK_GONE) && !(change->task.flags & TASK_GONE))
                task_table_revive(table, task);
        task->ruid = change->task.ruid;
        task->euid = change->task.euid;
        task->rgid = change->task.rgid;
        task->egid = change->task.egid;
        task->flags = change->task.flags;
        recheck_queue_update(&table->recheck_queue, task);
        memcpy(task->comm, change->task.comm, sizeof(task->comm));

        process->origin_pid = change->process.origin_pid;
        process->origin_start_ns = change->process.origin_start_ns;
        process->origin_known = change->process.origin_known;
        process->origin_is_maker = change->process.origin_is_maker;
        process->session = change->process.session;
        process->marks = change->process.marks;
        process->suspect = change->process.suspect;
        process->execed = change->process.execed;
        process->privileged_before = change->process.privileged_before;
        process->in_own_namespace = change->process.in_own_namespace;
        process->uid_by_exec = change->process.uid_by_exec;
        process->gid_by_exec = change->process.gid_by_exec;
        process->creds_stale = change->process.creds_stale;
        process->nondumpable = change->process.nondumpable;
        process->exe_known = change->process.exe_known;
        process->exe = change->process.exe;
        process->n_acks_compared = change->process.n_acks_compared;
        process->never_compared = change->process.never_compared;
        if (change->process.program != process->program)
                task_table_set_program(table, process, change->process.program);
}
