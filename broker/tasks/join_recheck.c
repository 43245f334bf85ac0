/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Stale tasks. A task is identified by its number and its start, which stand in one file with
 * its name. The name is read after the exec that was seen last. A later exec or change of name
 * may be in the kernel's queue by then. So a reading counts only if the queue is empty
 * afterwards too. A synthesised event reports the name, and each change of a filter's set.
 *
 * Hidden processes. A process that /proc did not show to its owner may be shown later: it
 * calls PR_SET_DUMPABLE, or drops its last privilege. No event reports that. So all such
 * processes are read again from time to time, some at each tick. This also finds a process
 * that changed its ids and had no time to be checked.
 */

#include <string.h>

#include "broker/base/clock.h"
#include "broker/base/util.h"
#include "broker/model/owner.h"
#include "broker/tasks/join_change.h"
#include "broker/tasks/join_recheck.h"
#include "broker/tasks/procfs.h"

/* Stale tasks that a slice reads. */
#define QUEUE_SLICE 48u

/* Processes that a tick passes at most, and hidden ones that it reads (some 30 us each). */
#define WALK_MAX 1024u
#define READS_MAX 32u

/*
 * Checks the owner after an exec. The owner of the task's file in /proc is enough for most.
 * A process whose ids changed is read in full.
 *
 * Return: Whether the check is complete. It is not while a change of ids is in the queue.
 */
static bool recheck_owner(const Join *join, TaskChange *change) {
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

/*
 * Whether the name of a task is the name that an exec gave it, and no task of its process can
 * have been in a set of names since then.
 */
static bool recheck_is_of_exec(const Task *task) {
        if (!(task->flags & TASK_COMM_STALE) || task->tid != task->process->pid || !task->process->execed)
                return false;
        list_for_each(link, safe, &task->process->tasks)
                if (!(container_of(link, Task, link)->flags & TASK_COMM_STALE))
                        return false;
        return true;
}

/**
 * join_recheck_report_exec() - emit an exec whose name was stale
 * @join:    the join
 * @task:    a task, stale
 * @named:   the event that has its name: of a reading, or its exit
 * @change:  the task with its name, to store; NULL: the exit follows
 *
 * The exec did not reach the feeds that select by name. They get it now.
 */
void join_recheck_report_exec(Join *join, Task *task, const Event *named, const TaskChange *change) {
        Event event = *named;

        if (!recheck_is_of_exec(task))
                return;
        event.kind = EVENT_EXEC;
        event.cpu = 0;
        event.synthesised = event.only_for_sets = true;
        memset(&event.exec, 0, sizeof(event.exec));
        join_commit(join, &event, task, change);
}

/* Emits what was read, and stores it. */
static void recheck_commit(Join *join, Task *task, const TaskChange *change) {
        Event event = join_change_event(join, task);

        event.only_for_sets = !(task->flags & TASK_COMM_STALE);
        event_fill(&event, &change->task);
        join_recheck_report_exec(join, task, &event, change);
        join_commit(join, &event, task, change);
        /* Samples whose set has the task from now on contain it, even if it does not run. */
        task->sampled = 0;
        task->process->sampled = false;
}

/* Reads the name and the owner of a task, if they are stale. */
static int recheck_stale(Join *join, Task *task) {
        TaskChange change UNINITIALISED;
        uint16_t flags = task->flags;
        bool exe_known = false;
        ProcfsTask found;
        uint32_t exe;

        if (!procfs_read_stat(join->comm_reader.procfs_fd, task->process->pid, task->tid, &found)) {
                if (procfs_is_short())
                        return JOIN_RECHECK_E_LATER;
                recheck_queue_drop(&join->table.recheck_queue, task);
                return 0;
        }
        if (found.ended || !procfs_starts_agree(found.start_time_ns, task->start_time_ns)) {
                recheck_queue_drop(&join->table.recheck_queue, task);
                return 0;
        }
        task_change_begin(&change, task);
        change.task.flags &= (uint16_t)~TASK_COMM_STALE;
        if (flags & TASK_COMM_STALE)
                memcpy(change.task.comm, found.comm, sizeof(change.task.comm));
        /* The executable first: an exec in between shows in the record of the exit. */
        if (flags & TASK_OWNER_STALE)
                exe_known = exe_reader_read(&join->exe_reader, task->tid, &exe);
        if ((flags & TASK_OWNER_STALE) && recheck_owner(join, &change)) {
                change.task.flags &= (uint16_t)~TASK_OWNER_STALE;
                if (exe_known)
                        process_set_exe(&change.process, exe);
        }
        if (!connector_is_idle(join->connector))
                return JOIN_RECHECK_E_BUSY;
        if ((flags & ~change.task.flags & TASK_OWNER_STALE) && owner_of_task(&change.task).claim == OWNER_SHOWN)
                process_note_compared(&change.process, join->connector->n_foreign_acks);

        recheck_commit(join, task, &change);
        if (task->flags & TASK_STALE)
                recheck_queue_postpone(&join->table.recheck_queue, task);
        return 0;
}

/**
 * join_recheck_store_comm() - emit and store a name that became known
 * @join:  the join
 * @task:  the task, whose name is stale
 * @comm:  its name
 */
void join_recheck_store_comm(Join *join, Task *task, const char comm[static COMM_SIZE]) {
        TaskChange change UNINITIALISED;

        task_change_begin(&change, task);
        change.task.flags &= (uint16_t)~TASK_COMM_STALE;
        memcpy(change.task.comm, comm, sizeof(change.task.comm));
        recheck_commit(join, task, &change);
}

/**
 * join_recheck_queue() - read stale tasks, a slice of the queue
 * @join:  the join; the kernel's queue was read empty
 *
 * Return: 0; JOIN_RECHECK_E_BUSY; JOIN_RECHECK_E_LATER.
 */
int join_recheck_queue(Join *join) {
        RecheckQueue *queue = &join->table.recheck_queue;
        uint64_t n_before = queue->n_read + queue->n_ended, begin_ns = procfs_slice_begin();
        size_t n = MIN(queue->n, (size_t)QUEUE_SLICE);

        for (size_t i = 0; i < n && (i == 0 || !procfs_slice_is_over(begin_ns)); ++i) {
                int r = recheck_stale(join, recheck_queue_first(queue));

                if (r)
                        return r;
        }
        return queue->n > 0 && queue->n_read + queue->n_ended == n_before ? JOIN_RECHECK_E_LATER : 0;
}

/* Reads a task. Feeds of its owner learn of it if /proc shows it. */
static void recheck_hidden(Join *join, Task *task) {
        Event event = join_change_event(join, task);
        TaskChange change UNINITIALISED;
        ProcfsTask found;

        if (!procfs_read_task(join->comm_reader.procfs_fd, task->process->pid, task->tid, &found) ||
            !procfs_starts_agree(found.start_time_ns, task->start_time_ns))
                return;
        task_change_begin(&change, task);
        if (!procfs_note_owner(&change.task, &found))
                return;
        if (connector_is_idle(join->connector))
                process_note_compared(&change.process, join->connector->n_foreign_acks);
        event_fill(&event, &change.task);
        join_commit(join, &event, task, &change);
}

static bool recheck_is_hidden(const Task *task) {
        OwnerClaim claim = owner_of_task(task).claim;

        return !(task->flags & TASK_GONE) && task->euid != 0 && (claim == OWNER_UNPROVEN || claim == OWNER_HIDDEN);
}

/**
 * join_recheck_hidden() - read processes again that /proc does not show to their owners
 * @join:  the join
 */
void join_recheck_hidden(Join *join) {
        uint64_t begin_ns = procfs_slice_begin();
        unsigned int n_reads = 0;
        Task *task;

        for (unsigned int i = 0; i < WALK_MAX && n_reads < READS_MAX; ++i) {
                task = task_table_next_leader(&join->table, join->recheck_tid);
                if (!task) {
                        join->recheck_tid = 1;
                        return;
                }
                join->recheck_tid = task->tid + 1;
                if (!recheck_is_hidden(task))
                        continue;
                recheck_hidden(join, task);
                if (procfs_slice_is_over(begin_ns))
                        return;
                ++n_reads;
        }
}
