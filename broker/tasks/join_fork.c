/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The kernel queues a FORK before anything that the new task does. It does not reuse a
 * number before the record of its old owner is queued, but it may before the old owner's
 * EXIT is. So a FORK with the number of a live task also reports that task's end, which is
 * emitted before the fork (join_exit.c).
 *
 * A new task has its parent's ids and name, a thread has the ids and the name of its process.
 */

#include <errno.h>
#include <string.h>

#include "broker/base/clock.h"
#include "broker/base/error.h"
#include "broker/base/util.h"
#include "broker/tasks/join_exit.h"
#include "broker/tasks/join_fork.h"
#include "broker/tasks/join_silence.h"
#include "broker/tasks/parents.h"
#include "broker/tasks/procfs.h"
#include "broker/tasks/task_start.h"

/* The kernel thread that makes the others. */
#define KTHREADD_PID 2u

/* Flags that a task inherits. */
#define INHERITED_FLAGS (TASK_CREDENTIALS_CHANGED | TASK_UNKNOWN | TASK_KERNEL | TASK_NONDUMPABLE | TASK_STALE)

/*
 * Ends what the table has by a number that a new task has now: the task, and if it is the
 * number of a process, all of that process.
 */
static int fork_replace_number(Join *join, uint32_t number, uint64_t now_ns) {
        Process *process = task_table_get_process(&join->table, number);
        Task *task = task_table_get(&join->table, number);
        PendingRecord *record;
        int r;

        if (!task && !process)
                return 0;
        r = exit_records_drain(&join->records);
        if (r)
                return error_trace(r);
        if (process)
                return error_trace(join_exit_synthesise_process(join, process, now_ns));
        record = exit_records_peek(&join->records, number);
        if (!pending_record_belongs_to(record, task) || !pending_record_fits(record, task, now_ns))
                record = NULL;
        return error_trace(join_exit_synthesise_task(join, task, record, now_ns));
}

/*
 * Whether a task of the table was found in /proc while its FORK was in the queue. If the
 * FORK came long after the start, /proc shows whether a later owner has the number now.
 */
static bool fork_is_of(const Join *join, const Event *event, const Task *task) {
        ProcfsTask found;

        if (!task || !(task->flags & TASK_SEEDED) || task->process->pid != event->pid ||
            !procfs_starts_agree(task->start_time_ns, event->time_ns))
                return false;
        return event->time_ns <= task->start_time_ns + TASK_FORK_DELAY_NS ||
               (procfs_read_task(join->comm_reader.procfs_fd, event->pid, event->tid, &found) &&
                procfs_starts_agree(found.start_time_ns, task->start_time_ns));
}

/* Completes a fork. The parent that it names is the present one of a thread's process, too. */
static void fork_fill(Join *join, Event *event, const Task *task) {
        const Task *parent = event->fork.parent_tid ? task_table_get(&join->table, event->fork.parent_tid) : NULL;

        event_fill(event, task);
        event->parent = parents_find(&join->table, task->process, event->fork.parent_pid);
        /* a task that is younger than its child is a later owner of the number */
        if (parent && parent->process->pid == event->fork.parent_pid && parent->start_time_ns &&
            parent->start_time_ns <= event->start_time_ns)
                event->fork.parent_tid_start_boot_ns = parent->start_time_ns - (uint64_t)clock_boot_epoch_ns();
}

/* Sets the exact start of a task that was found in /proc, and emits its fork unless that was done. */
static void fork_confirm(Join *join, Event *event, Task *task) {
        if (task->flags & TASK_FORK_REPORTED)
                return;
        task->flags &= (uint16_t)~TASK_SEEDED;
        if (event->tid == event->pid)
                task->process->seeded = false;
        task_start_set(&join->table, task, event->time_ns);
        if (event->tid == event->pid) {
                /* /proc may have shown the parent that it got later */
                task->process->origin_known = false;
                parents_set_origin(&join->table, task->process, event->fork.parent_pid, true);
        }
        fork_fill(join, event, task);
        join_emit(join, event);
}

/*
 * The task whose ids and name the new one has; NULL: not known. For a thread this is its
 * leader, as the kernel does not say which thread made it.
 */
static const Task *fork_find_model(const Join *join, const Event *event) {
        bool thread = event->tid != event->pid;
        const Process *process = task_table_get_process(&join->table, thread ? event->pid : event->fork.parent_pid);
        const Task *model = task_table_get(&join->table, thread ? event->pid : event->fork.parent_tid);

        if (model || !process)
                return model;
        /* Any of its tasks will do. */
        list_for_each(link, safe, &process->tasks)
                model = container_of(link, Task, link);
        return model;
}

/* Adds the new task to the table; NULL without memory. */
static Task *fork_add_task(Join *join, const Event *event, bool first) {
        Task *task = task_table_add(&join->table, event->pid, event->tid);

        if (!task)
                return NULL;
        if (first) {
                task_table_inherit(&join->table, task->process,
                                   task_table_get_process(&join->table, event->fork.parent_pid));
                program_reader_note_fork(&join->programs, task->process);
        }
        task_start_set(&join->table, task, event->time_ns);
        if (join->features->delay_accounting == DELAY_ACCOUNTING_ON &&
            event->time_ns >= join_time_ns(join, join->features->delays_since_ns))
                task->flags |= TASK_COUNTED;
        if (first)
                parents_set_origin(&join->table, task->process, event->fork.parent_pid, event->tid == event->pid);
        if (!parents_is_known(&join->table, task->process))
                (void)parents_set(&join->table, task->process, event->fork.parent_pid);
        return task;
}

static void fork_copy_model(Task *task, const Task *model, bool of_kthreadd) {
        if (!model) {
                task->flags |= TASK_UNKNOWN;
                return;
        }
        if (of_kthreadd)
                task->flags |= TASK_KERNEL;
        task->ruid = model->ruid;
        task->euid = model->euid;
        task->rgid = model->rgid;
        task->egid = model->egid;
        task->flags |= model->flags & INHERITED_FLAGS;
        memcpy(task->comm, model->comm, sizeof(task->comm));
        if (model->flags & TASK_COMM_FROM_RECORD)
                task->flags |= TASK_COMM_STALE;
}

/**
 * join_fork() - add a new task to the table, and emit its fork
 * @join:   the join
 * @event:  the fork, as parsed
 *
 * Return: 0, or a negative errno.
 */
int join_fork(Join *join, Event *event) {
        bool thread = event->tid != event->pid, reused, first;
        const Task *model;
        Task *task;
        int r;

        task = task_table_get(&join->table, event->tid);
        if (fork_is_of(join, event, task)) {
                fork_confirm(join, event, task);
                return 0;
        }
        reused = task;
        r = fork_replace_number(join, event->tid, event->time_ns);
        if (!r && thread && !task_table_get_process(&join->table, event->pid))
                r = fork_replace_number(join, event->pid, event->time_ns);
        if (r)
                return error_trace(r);

        join_silence_check_parent(join, event);
        model = fork_find_model(join, event);
        first = !task_table_get_process(&join->table, event->pid);
        task = fork_add_task(join, event, first);
        if (!task)
                return error_origin(-ENOMEM);
        if (reused || late_exits_take(&join->late_exits, event->tid))
                task->flags |= TASK_LATE_EXIT_EXPECTED;
        fork_copy_model(task, model, !thread && event->fork.parent_pid == KTHREADD_PID);
        if (first)
                owner_note_fork(task);
        recheck_queue_update(&join->table.recheck_queue, task);
        fork_fill(join, event, task);
        join_emit(join, event);
        return 0;
}
