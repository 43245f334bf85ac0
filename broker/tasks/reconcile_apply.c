/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Most mismatches are explained by an event that was still in the queue. The queue has
 * been read empty since the scan, so the table is compared with /proc once more. The
 * differences are reported as synthesised events: a task that is gone as an exit; a task
 * that was found and lives as a fork; another name or other ids as their changes. If such
 * a task ends after this second look, its EXIT is still to come.
 */

#include <errno.h>
#include <string.h>

#include "broker/base/clock.h"
#include "broker/base/error.h"
#include "broker/base/util.h"
#include "broker/tasks/join_change.h"
#include "broker/tasks/join_exit.h"
#include "broker/tasks/parents.h"
#include "broker/tasks/recheck_queue.h"
#include "broker/tasks/reconcile_apply.h"
#include "broker/tasks/task_start.h"

/* Ancestors whose forks were lost that are added before a found task, the oldest first. */
#define PARENTS_MAX 32

static Event synthesised_event(EventKind kind, uint32_t pid, uint32_t tid, uint64_t now_ns) {
        return (Event){
                .kind = kind,
                .time_ns = now_ns,
                .pid = pid,
                .tid = tid,
                .synthesised = true,
        };
}

/* The marks that a process has from its parent. If the parent has ended, they are not known. */
static uint64_t parent_marks(const Reconcile *reconcile, uint32_t ppid) {
        const Process *parent = task_table_get_process(&reconcile->join->table, ppid);

        return parent ? parent->marks : 0;
}

/*
 * Stores the executable of a process. If an exec may be in the queue, it is read again later,
 * with the owner.
 */
static void apply_exe(const Reconcile *reconcile, Task *task, const ProcfsTask *found) {
        Join *join = reconcile->join;

        if (task->tid != task->process->pid || !join->exe_reader.source)
                return;
        if (found->exe_known && !found->exiting && connector_is_idle(join->connector))
                return process_set_exe(task->process, found->exe);
        task->process->exe_known = false;
        if (!found->kernel_thread && !found->exiting && !found->ended)
                task->flags |= TASK_OWNER_STALE;
}

/* Notes that a process has what /proc has. A child whose fork is in the queue is older than the reading. */
static void apply_note_compared(const Reconcile *reconcile, Process *process, const ProcfsTask *found) {
        Connector *connector = reconcile->join->connector;

        if (!found->exiting && (reconcile->seeding || connector_is_idle(connector)))
                process_note_compared(process, connector->n_foreign_acks);
}

/* Stores name and ids of a task of which only the number and the start were known. */
static void apply_unknown(Reconcile *reconcile, Task *task, const ProcfsTask *found, uint64_t now_ns) {
        Event event = synthesised_event(EVENT_COMM, task->process->pid, task->tid, now_ns);
        TaskTable *table = &reconcile->join->table;
        TaskChange change UNINITIALISED;

        task_change_begin(&change, task);
        parents_set_origin(table, &change.process, found->ppid, false);
        event_fill(&event, &change.task);
        event.task_unknown = false;
        event.uid = found->ruid;
        event.marks |= parent_marks(reconcile, found->ppid);
        event.parent = parents_find(table, task->process, found->ppid);
        memcpy(event.comm, found->comm, sizeof(event.comm));
        change.process.marks = event.marks;
        procfs_fill_task(&change.task, found);
        if (!found->nondumpable)
                procfs_verify_task(&change.task, found);
        apply_exe(reconcile, &change.task, found);
        apply_note_compared(reconcile, &change.process, found);
        if (reconcile->seeding && found->exiting)
                change.task.flags |= TASK_EXITING_AT_START;
        if (reconcile->seeding)
                task_change_store(table, task, &change);
        else
                join_commit(reconcile->join, &event, task, &change);
        (void)parents_set(table, task->process, found->ppid);
}

/* Stores the name and the ids of a leader that ended first and is still there as a zombie. */
static void apply_zombie_leader(Reconcile *reconcile, uint32_t pid) {
        Task *leader = task_table_get_leader(&reconcile->join->table, pid);
        ProcfsTask found;

        if (!(leader->flags & TASK_GONE) || !(leader->flags & TASK_UNKNOWN) ||
            !procfs_read_leader(reconcile->procfs_fd, pid, &found) || !found.ended)
                return;
        task_start_find(&reconcile->join->table, leader, found.start_time_ns);
        leader->flags |= TASK_SEEDED;
        procfs_fill_task(leader, &found);
        (void)procfs_fill_parent(&reconcile->join->table, leader->process, &found);
}

static int apply_fork(Reconcile *reconcile, uint32_t pid, uint32_t tid, const ProcfsTask *found, uint64_t now_ns) {
        Join *join = reconcile->join;
        bool first = !task_table_get_process(&join->table, pid);
        Event event = synthesised_event(EVENT_FORK, pid, tid, now_ns);
        Task *task;

        task = procfs_add_task(&join->table, pid, tid, found);
        if (!task)
                return error_origin(-ENOMEM);
        if (first && !reconcile->seeding) {
                task_table_inherit(&join->table, task->process, task_table_get_process(&join->table, found->ppid));
                program_reader_note_fork(&join->programs, task->process);
        }
        task->process->session = found->session;
        task->process->never_compared |= first && reconcile->seeding;
        apply_exe(reconcile, task, found);
        apply_note_compared(reconcile, task->process, found);
        recheck_queue_update(&join->table.recheck_queue, task);
        apply_zombie_leader(reconcile, pid);
        if (reconcile->seeding) {
                task->flags |= found->exiting ? TASK_EXITING_AT_START : 0;
                return 0;
        }
        /* A task can be seen in /proc a moment before the kernel queues its FORK. */
        task->flags |= TASK_FORK_REPORTED;
        ++join->n_synthesised_forks;
        event.fork.parent_pid = found->ppid;
        event_fill(&event, task);
        join_emit(join, &event);
        return 0;
}

/*
 * Reports an exec: a leader that runs another program; or a leader that had ended, and lives.
 * Only by exec does another thread become the leader.
 */
static int apply_exec(Reconcile *reconcile, Task *leader, const ProcfsTask *found, uint64_t now_ns) {
        Join *join = reconcile->join;
        Event event = synthesised_event(EVENT_EXEC, leader->tid, leader->tid, now_ns);
        TaskChange change UNINITIALISED;
        Program *program;
        int r;

        task_change_begin(&change, leader);
        change.task.flags &= (uint16_t)~(TASK_CREDENTIALS_CHANGED | TASK_NONDUMPABLE | TASK_OWNER_STALE | TASK_GONE);
        procfs_fill_task(&change.task, found);
        procfs_verify_task(&change.task, found);
        apply_exe(reconcile, &change.task, found);
        apply_note_compared(reconcile, &change.process, found);
        event.parent = parents_find(&join->table, leader->process, found->ppid);
        r = program_reader_read_at_exec(&join->programs, &change.task, join->connector->empty, &program);
        if (r)
                return error_trace(r);
        change.process.program = program;
        event_fill(&event, &change.task);
        join_commit(join, &event, leader, &change);
        (void)procfs_fill_parent(&join->table, leader->process, found);
        return 0;
}

/*
 * Reports the fork of a found task. Feeds of processes know a process by its leader only.
 * If the leader has ended and other threads keep it as a zombie, its fork and its exit
 * are reported too.
 */
static int apply_forks(Reconcile *reconcile, const Mismatch *mismatch, const ProcfsTask *found, uint64_t now_ns) {
        TaskTable *table = &reconcile->join->table;
        const Task *known = task_table_get_leader(table, mismatch->pid);
        ProcfsTask leader;
        int r;

        if (reconcile->seeding || mismatch->tid == mismatch->pid || (known && !task_table_leader_is_unseen(known)) ||
            !procfs_read_leader(reconcile->procfs_fd, mismatch->pid, &leader) || !leader.ended)
                return error_trace(apply_fork(reconcile, mismatch->pid, mismatch->tid, found, now_ns));

        r = apply_fork(reconcile, mismatch->pid, mismatch->pid, &leader, now_ns);
        if (!r)
                r = apply_fork(reconcile, mismatch->pid, mismatch->tid, found, now_ns);
        if (!r)
                r = join_exit_synthesise_gone(reconcile->join, task_table_get_leader(table, mismatch->pid), now_ns);
        return error_trace(r);
}

/* Reports a found task: its parent first, from which it has its marks, and at most @depth ancestors. */
static int apply_found(Reconcile *reconcile, const Mismatch *mismatch, uint64_t now_ns, int depth) {
        const TaskTable *table = &reconcile->join->table;
        Task *task = task_table_get(table, mismatch->tid);
        const Task *parent;
        Task *known;
        ProcfsTask found;
        int r;

        if (task ? !(task->flags & TASK_UNKNOWN) || task->process->pid != mismatch->pid
                 : !task_table_is_free(table, mismatch->pid, mismatch->tid))
                return 0;
        if (!reconcile_read_task(reconcile, mismatch->pid, mismatch->tid, &found)) {
                reconcile->join->wants_reconcile |= procfs_is_short();
                return 0;
        }
        if (mismatch->start_time_ns && !procfs_starts_agree(found.start_time_ns, mismatch->start_time_ns))
                return 0;

        known = task_table_get_leader(table, mismatch->pid);
        if (!task && known && mismatch->tid == mismatch->pid && !task_table_leader_is_unseen(known) &&
            procfs_starts_agree(found.start_time_ns, known->start_time_ns))
                return error_trace(apply_exec(reconcile, known, &found, now_ns));

        parent = task_table_get(table, found.ppid);
        if (depth > 0 && found.ppid && !reconcile->seeding && (!parent || (parent->flags & TASK_UNKNOWN))) {
                r = apply_found(reconcile, &(Mismatch){ .pid = found.ppid, .tid = found.ppid }, now_ns, depth - 1);
                if (r)
                        return error_trace(r);
                /* The number of the parent may be a descendant's by now, and the task in the table. */
                return error_trace(apply_found(reconcile, mismatch, now_ns, 0));
        }
        if (!task)
                return error_trace(apply_forks(reconcile, mismatch, &found, now_ns));
        if (procfs_starts_agree(found.start_time_ns, task->start_time_ns))
                apply_unknown(reconcile, task, &found, now_ns);
        return 0;
}

/* Reports the changes of a task one by one, as the kernel would have. An exec explains all others. */
static int apply_changed(Reconcile *reconcile, Task *task, uint64_t now_ns) {
        uint32_t pid = task->process->pid;
        ProcfsTask found;

        if (!reconcile_read_task(reconcile, pid, task->tid, &found) ||
            !procfs_starts_agree(found.start_time_ns, task->start_time_ns))
                return 0;
        if (!reconcile_exec_agrees(task, &found))
                return error_trace(apply_exec(reconcile, task, &found, now_ns));
        if (task->ruid != found.ruid || task->euid != found.euid) {
                Event event = synthesised_event(EVENT_UID, pid, task->tid, now_ns);

                event.credentials.real_id = found.ruid;
                event.credentials.effective_id = found.euid;
                join_change(reconcile->join, &event);
        }
        if (task->rgid != found.rgid || task->egid != found.egid) {
                Event event = synthesised_event(EVENT_GID, pid, task->tid, now_ns);

                event.credentials.real_id = found.rgid;
                event.credentials.effective_id = found.egid;
                join_change(reconcile->join, &event);
        }
        if (!reconcile_comm_agrees(task, &found)) {
                Event event = synthesised_event(EVENT_COMM, pid, task->tid, now_ns);

                memcpy(event.comm, found.comm, sizeof(event.comm));
                join_change(reconcile->join, &event);
        }
        procfs_verify_task(task, &found);
        if (task->tid == pid)
                apply_note_compared(reconcile, task->process, &found);
        return 0;
}

static int apply_mismatch(Reconcile *reconcile, const Mismatch *mismatch, uint64_t now_ns) {
        Task *leader = task_table_get_leader(&reconcile->join->table, mismatch->pid);
        Task *task = task_table_get(&reconcile->join->table, mismatch->tid);
        bool same = task && task->start_time_ns == mismatch->start_time_ns && task->process->pid == mismatch->pid;

        switch (mismatch->kind) {
        case MISMATCH_FOUND:
                return error_trace(apply_found(reconcile, mismatch, now_ns, PARENTS_MAX));
        case MISMATCH_CHANGED:
                return same ? error_trace(apply_changed(reconcile, task, now_ns)) : 0;
        case MISMATCH_GONE_PROCESS:
                if (!same && leader && leader->process->n_live == 0 && leader->start_time_ns == mismatch->start_time_ns)
                        return error_trace(join_exit_synthesise_process(reconcile->join, leader->process, now_ns));
                break;
        case MISMATCH_GONE:
                break;
        }
        return same ? error_trace(join_exit_synthesise_gone(reconcile->join, task, now_ns)) : 0;
}

/**
 * reconcile_apply() - report and store what still differs
 * @reconcile:  the comparison; the join's sources were read empty since reconcile_scan()
 *
 * Return: 0, or a negative errno.
 */
int reconcile_apply(Reconcile *reconcile) {
        uint64_t now_ns = join_time_ns(reconcile->join, (uint64_t)clock_read_ns(CLOCK_MONOTONIC));
        int r;

        reconcile_note_compared(reconcile);
        r = exit_records_drain(&reconcile->join->records);
        for (size_t i = 0; r == 0 && i < reconcile->n_mismatches; ++i)
                r = apply_mismatch(reconcile, &reconcile->mismatches[i], now_ns);
        reconcile->n_mismatches = 0;
        return error_trace(r);
}
