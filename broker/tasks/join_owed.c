/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A task is identified by its number and its start, which stand in one file with its name.
 * The name is read after the exec that was seen last. A later exec or change of name may be
 * in the kernel's queue by then. So a reading counts only if the queue is empty afterwards
 * too. A synthesised event reports the name, and each change of a filter's set.
 */

#include <string.h>

#include "broker/base/clock.h"
#include "broker/base/util.h"
#include "broker/tasks/join_change.h"
#include "broker/tasks/join_owed.h"
#include "broker/tasks/procfs.h"

/* Tasks that a slice reads. */
#define OWED_SLICE 48u

/*
 * Checks the owner after an exec. The owner of the task's file in /proc is enough for most.
 * A process whose ids changed is read in full.
 *
 * Return: Whether the check is complete. It is not while a change of ids is in the queue.
 */
static bool owed_check_owner(const Join *join, TaskChange *change) {
        int procfs_fd = join->comm_reader.procfs_fd;
        Task *task = &change->task;
        Process *process = &change->process;
        ProcfsTask found;
        uint32_t owner;

        if (!process->suspect && !process->creds_stale &&
            procfs_read_owner(procfs_fd, process->pid, task->tid, &owner) && owner == task->euid) {
                process->in_own_namespace |= procfs_in_user_namespace(procfs_fd, process->pid);
                return true;
        }
        if (!procfs_read_task(procfs_fd, process->pid, task->tid, &found) || found.exiting ||
            found.ruid != task->ruid || found.euid != task->euid || found.rgid != task->rgid ||
            found.egid != task->egid)
                return false;
        (void)procfs_note_owner(task, &found);
        return true;
}

/* Emits what was read, and stores it. */
static void owed_commit(Join *join, Task *task, const TaskChange *change) {
        Event event = join_change_event(join, task);

        event.only_for_sets = !(task->flags & TASK_COMM_STALE);
        event_fill(&event, &change->task);
        join_commit(join, &event, task, change);
        /* Samples whose set has the task from now on contain it, even if it does not run. */
        task->sampled = task->process->sampled = 0;
}

/* Reads all that a task owes. */
static int owed_read_task(Join *join, Task *task) {
        TaskChange change UNINITIALISED;
        uint16_t flags = task->flags;
        ProcfsTask found;

        if (!procfs_read_stat(join->comm_reader.procfs_fd, task->process->pid, task->tid, &found)) {
                if (procfs_is_short())
                        return JOIN_OWED_E_LATER;
                owed_queue_forget(&join->table.owed, task);
                return 0;
        }
        if (found.ended || !procfs_starts_agree(found.start_time_ns, task->start_time_ns)) {
                owed_queue_forget(&join->table.owed, task);
                return 0;
        }
        task_change_begin(&change, task);
        change.task.flags &= (uint16_t)~TASK_COMM_STALE;
        if (flags & TASK_COMM_STALE)
                memcpy(change.task.comm, found.comm, sizeof(change.task.comm));
        if ((flags & TASK_RECHECK) && owed_check_owner(join, &change))
                change.task.flags &= (uint16_t)~TASK_RECHECK;
        if (!connector_is_idle(join->connector))
                return JOIN_OWED_E_BUSY;

        owed_commit(join, task, &change);
        if (task->flags & TASK_OWED)
                owed_queue_postpone(&join->table.owed, task);
        return 0;
}

/**
 * join_owed_settle() - emit and store a name that became known
 * @join:  the join
 * @task:  the task, whose name is stale
 * @comm:  its name
 */
void join_owed_settle(Join *join, Task *task, const char comm[static COMM_SIZE]) {
        TaskChange change UNINITIALISED;

        task_change_begin(&change, task);
        change.task.flags &= (uint16_t)~TASK_COMM_STALE;
        memcpy(change.task.comm, comm, sizeof(change.task.comm));
        owed_commit(join, task, &change);
}

/**
 * join_owed_read() - read what tasks owe, a slice
 * @join:  the join; the kernel's queue was read empty
 *
 * Return: 0; JOIN_OWED_E_BUSY; JOIN_OWED_E_LATER.
 */
int join_owed_read(Join *join) {
        OwedQueue *owed = &join->table.owed;
        uint64_t n_before = owed->n_read + owed->n_ended;
        size_t n = MIN(owed->n, (size_t)OWED_SLICE);

        for (size_t i = 0; i < n; ++i) {
                int r = owed_read_task(join, owed_queue_first(owed));

                if (r)
                        return r;
        }
        return owed->n > 0 && owed->n_read + owed->n_ended == n_before ? JOIN_OWED_E_LATER : 0;
}
