/* SPDX-License-Identifier: Apache-2.0 */

/*
 * An exit that the connector did not report is synthesised: from a record whose EXIT is
 * overdue, or because the number was given to a new task. The EXIT of such a task may
 * still come late. It has no record any more, which identifies it. Its number is
 * remembered until then (TASK_LATE_EXIT_EXPECTED, late_exits.c).
 *
 * Where forks were lost, a process may live on in tasks that the table has not. Then the
 * marked record has not come (process_exit.c). The process stays in the table without a
 * live task, so that it is the same process when one of these tasks is seen. It ends with
 * the marked task. Without one, its exit is synthesised when its number has a new owner,
 * or when /proc has no task of it.
 */

#include <errno.h>
#include <string.h>

#include "broker/base/error.h"
#include "broker/base/util.h"
#include "broker/tasks/join_exit.h"
#include "broker/tasks/join_recheck.h"
#include "broker/tasks/join_silence.h"
#include "broker/tasks/process_exit.h"
#include "broker/tasks/process_peaks.h"
#include "broker/tasks/procfs.h"

/* The record is newer than the table: it has the name after an exec, and the present parent. */
static void event_fill_from_record(Event *event, const ExitRecord *record) {
        const TaskStats *stats = &record->stats;

        event->uid = stats->ac_uid;
        memcpy(event->comm, stats->ac_comm, sizeof(event->comm));
        if (!event->parent.known)
                event->parent = (ProcessId){ .pid = stats->ac_ppid, .known = stats->ac_ppid != 0 };
        if (!event->origin.known)
                event->origin = event->parent;
        if (event->start_time_ns == 0)
                event->start_time_ns = event->time_ns - stats->ac_etime_us * NSEC_PER_USEC;
        event->task_unknown = false;
        event->comm_stale = false;
}

/* The exit that ends a process has its totals, which /proc shows only to the owner of the leader. */
static void exit_restrict_owner(Event *event, const Task *leader) {
        Owner owner;

        if (!leader || (leader->flags & TASK_UNKNOWN))
                return;
        owner = owner_of_task(leader);
        owner_restrict(&event->owner, &owner);
}

/* Leaves out the statistics of a record that were not measured. */
static void exit_mask_stats(const Join *join, const Event *event, ExitRecord *record, const Task *task) {
        join_mask_stats(join, &record->stats, task);
        if (!process_exit_record_has_status(record, event->tid == event->pid))
                record->stats.groups &= ~STATS_EXIT_STATUS;
}

/*
 * Emits the exit of a task that is in the table, and removes it. @event has kind, time,
 * cpu, pid, tid and what is known of the status; @record may be NULL.
 * @process_gone: no task of its process lives, known or not.
 */
static int exit_known(Join *join, Task *task, Event *event, ExitRecord *record, bool process_gone) {
        Process *process = task->process;
        bool last = process->n_live == 1, more;
        int r;

        if (record)
                process_exit_note_mark(process, record);
        more = !last || (!process_gone && process_exit_may_have_more(join, process, record));
        /* A leader that ends first is still called by its name. */
        if (record && more && task->tid == process->pid && (task->flags & TASK_COMM_STALE))
                join_recheck_store_comm(join, task, record->stats.ac_comm);
        if (record)
                join_silence_check_record(join, task, event, &record->stats);
        event_fill(event, task);
        if (last && task->tid != process->pid)
                exit_restrict_owner(event, task_table_get_leader(&join->table, process->pid));
        if (record) {
                exit_mask_stats(join, event, record, task);
                event_fill_from_record(event, record);
                event->exit.stats = &record->stats;
        }

        if (more || process->totals || (record && process_peaks_exceed(process, &record->stats))) {
                r = process_exit_add_task(join, process, record);
                if (r)
                        return error_trace(r);
        }
        if (!more) {
                r = process_exit_finish(join, process, record, event);
                if (r)
                        return error_trace(r);
        } else {
                process_exit_note_leader(process, event);
        }
        if (record && !more)
                join_recheck_report_exec(join, task, event, NULL);
        join_commit_exit(join, event, task, process);
        return 0;
}

/* The process of a task that is not in the table; NULL: not there either, or that number has a younger one. */
static Process *process_of_unknown(const Join *join, const Event *event, const ExitRecord *record) {
        const Task *leader = task_table_get_leader(&join->table, event->pid);

        if (!leader ||
            (record && event->time_ns - record->stats.ac_etime_us * NSEC_PER_USEC + TASK_FORK_DELAY_NS <
                               leader->start_time_ns))
                return NULL;
        return leader->process;
}

/* Emits the exit of a task of which only the process is in the table. */
static int exit_of_process(Join *join, Process *process, Event *event, ExitRecord *record) {
        bool last = process->n_live == 0;
        int r;

        event_fill(event, task_table_get_leader(&join->table, process->pid));
        event->task_unknown = true;
        if (event->tid != event->pid) {
                event->start_time_ns = 0;
                event->uid = 0;
                memset(event->comm, 0, sizeof(event->comm));
        }
        if (record) {
                exit_mask_stats(join, event, record, NULL);
                event_fill_from_record(event, record);
                event->exit.stats = &record->stats;
                process_exit_note_mark(process, record);
        }
        if (last && process_exit_may_have_more(join, process, record)) {
                /* without its record it may have been the last one all the same */
                join->wants_reconcile |= !record;
                last = false;
        }
        r = process_exit_add_task(join, process, record);
        if (!r && last)
                r = process_exit_finish(join, process, record, event);
        if (r)
                return error_trace(r);
        join_commit_exit(join, event, NULL, process);
        return 0;
}

/* Emits the exit of a task that is not in the table: its fork was lost. */
static int exit_unknown(Join *join, Event *event, ExitRecord *record) {
        Process *process = process_of_unknown(join, event, record);
        TaskStats totals = {};

        if (record)
                join_silence_check_unknown_exit(join, event, process, record);
        if (process)
                return error_trace(exit_of_process(join, process, event, record));
        event->task_unknown = true;
        if (record) {
                event_fill_from_record(event, record);
                exit_mask_stats(join, event, record, NULL);
                event->exit.stats = &record->stats;
                if (record->has_process) {
                        /* the last of several tasks, of which the kernel alone has the sums */
                        task_stats_add(&totals, &record->stats, record->tid == record->pid);
                        task_stats_raise(&totals, &record->process);
                        totals.tasks_unseen = true;
                        event->exit.process_stats = &totals;
                }
                event->exit.process_ended = record->stats.version >= 12 ? !!(record->stats.ac_flag & AC_FLAG_GROUP)
                                                                        : event->tid == event->pid;
        } else {
                event->exit.process_ended = event->tid == event->pid;
        }
        event->exit.process_wait_status = event->exit.wait_status;
        event->exit.process_status_unknown = event->exit.status_unknown;
        join_commit_exit(join, event, NULL, NULL);
        return 0;
}

static bool record_contradicts(const ExitRecord *record, const Event *event) {
        return process_exit_record_has_status(record, event->tid == event->pid) &&
               record->stats.ac_exitcode != event->exit.wait_status;
}

/*
 * Whether an EXIT is the late one of a task whose exit was synthesised, and not of the
 * task that has the number now. The record of the present task is here, and has its
 * status. If both ended alike, either EXIT will do for it, and the other one is late.
 */
static bool exit_is_late(Join *join, const Event *event, Task *task, const PendingRecord *record) {
        if (!task)
                return !record && late_exits_take(&join->late_exits, event->tid);
        if (!(task->flags & TASK_LATE_EXIT_EXPECTED))
                return false;
        task->flags &= (uint16_t)~TASK_LATE_EXIT_EXPECTED;
        if (event->pid != task->process->pid || !record || record_contradicts(&record->record, event))
                return true;
        late_exits_add(&join->late_exits, event->tid);
        return false;
}

/* Replaces a record that may belong to an older task of that number by the best match. */
static int exit_check_record(Join *join, const Event *event, const Task *task, PendingRecord **record) {
        PendingRecord *best;
        int r;

        if (!*record || !task || (task->flags & TASK_UNKNOWN) ||
            (!join->lossy && pending_record_fits(*record, task, event->time_ns) &&
             !record_contradicts(&(*record)->record, event)))
                return 0;
        r = exit_records_find_best(&join->records, task, event->time_ns, &best);
        if (r)
                return error_trace(r);
        if (best || join->lossy)
                *record = best;
        return 0;
}

/*
 * Whether the record of an exit may have come before the start. The self-test reads records
 * too. On a busy machine a task may go on exiting for seconds after its record came. The kernel
 * takes an exiting task out of /proc before it sends the EXIT. So an EXIT of a task that is not
 * in the table, while no fork was lost, is from a task that was out of /proc at the start.
 */
static bool exit_began_before_start(const Join *join, const Event *event, const Task *task) {
        if (task && (task->flags & TASK_EXITING_AT_START))
                return true;
        if (!task && !join->forks_lost)
                return true;
        if (task && !(task->flags & TASK_SEEDED) && task->start_time_ns >= join_time_ns(join, join->start_ns))
                return false;
        return event->time_ns < join_time_ns(join, join->start_grace_ns);
}

/* Says why an exit has no record, and counts a lost one. */
static void exit_note_missing(Join *join, Event *event, const Task *task) {
        if (exit_began_before_start(join, event, task)) {
                event->exit.stats_missing = STATS_MISSING_NOT_WITNESSED;
                return;
        }
        event->exit.stats_missing = STATS_MISSING_LOST;
        ++join->records.listener->counters.lost;
        ++join->n_stats_missing;
}

/**
 * join_exit_reported() - complete and emit an EXIT of the connector
 * @join:   the join
 * @event:  the event, as parsed
 *
 * Return: 0, or a negative errno.
 */
int join_exit_reported(Join *join, Event *event) {
        Task *task = task_table_get(&join->table, event->tid);
        PendingRecord *record = NULL;
        int r;

        r = exit_records_find(&join->records, event->tid, &record);
        if (r)
                return error_trace(r);
        if (exit_is_late(join, event, task, record))
                return 0;
        r = exit_check_record(join, event, task, &record);
        if (r)
                return error_trace(r);

        event->task_before = task;
        if (task && event->pid != task->process->pid)
                task = NULL;
        if (!record)
                exit_note_missing(join, event, task);
        if (task)
                r = exit_known(join, task, event, record ? &record->record : NULL, false);
        else
                r = exit_unknown(join, event, record ? &record->record : NULL);
        exit_records_done(&join->records, record);
        return error_trace(r);
}

/* Synthesised exits. */

/* The record that is pending for a task that ended by @now_ns; NULL. */
static PendingRecord *pending_record_of(Join *join, const Task *task, uint64_t now_ns) {
        PendingRecord *record = exit_records_peek(&join->records, task->tid);

        return pending_record_belongs_to(record, task) && pending_record_fits(record, task, now_ns) ? record : NULL;
}

/* Sets the status of a synthesised exit, which only a record can have. */
static void event_set_status(Event *event, const PendingRecord *record) {
        event->exit.status_unknown =
                !record || !process_exit_record_has_status(&record->record, event->tid == event->pid);
        if (!event->exit.status_unknown)
                event->exit.wait_status = record->record.stats.ac_exitcode;
}

static int synthesise_task(Join *join, Task *task, PendingRecord *record, uint64_t now_ns, bool process_gone) {
        Event event = {
                .kind = EVENT_EXIT,
                .time_ns = now_ns,
                .pid = task->process->pid,
                .tid = task->tid,
                .synthesised = true,
                .exit.stats_missing = record ? STATS_MISSING_NO : STATS_MISSING_NOT_WITNESSED,
        };
        int r;

        event_set_status(&event, record);
        if (record) {
                uint64_t end_ns = task->start_time_ns + record->record.stats.ac_etime_us * NSEC_PER_USEC;

                if (!(task->flags & (TASK_SEEDED | TASK_UNKNOWN)) && end_ns < now_ns)
                        event.time_ns = end_ns;
        }
        ++join->n_synthesised;
        r = exit_known(join, task, &event, record ? &record->record : NULL, process_gone);
        exit_records_done(&join->records, record);
        return error_trace(r);
}

/**
 * join_exit_synthesise_task() - emit the exit of a task that the connector has not reported
 * @join:    the join
 * @task:    the task
 * @record:  its record, which is freed; or NULL
 * @now_ns:  a time, since the epoch, by which it had ended
 *
 * Return: 0, or a negative errno.
 */
int join_exit_synthesise_task(Join *join, Task *task, PendingRecord *record, uint64_t now_ns) {
        return error_trace(synthesise_task(join, task, record, now_ns, false));
}

/**
 * join_exit_synthesise_gone() - emit the exit of a task that /proc has no longer
 * @join:    the join; its records drained
 * @task:    the task
 * @now_ns:  since the epoch
 *
 * Return: 0, or a negative errno.
 */
int join_exit_synthesise_gone(Join *join, Task *task, uint64_t now_ns) {
        late_exits_add(&join->late_exits, task->tid);
        return error_trace(join_exit_synthesise_task(join, task, pending_record_of(join, task, now_ns), now_ns));
}

/* Emits the exit of a process none of whose live tasks was ever seen. Its leader stands for the last of them. */
static int synthesise_unseen(Join *join, Process *process, uint64_t now_ns) {
        Event event = {
                .kind = EVENT_EXIT,
                .time_ns = now_ns,
                .pid = process->pid,
                .tid = process->pid,
                .synthesised = true,
                .exit.stats_missing = STATS_MISSING_NOT_WITNESSED,
                .exit.status_unknown = true,
        };
        int r;

        ++join->n_synthesised;
        event_fill(&event, task_table_get_leader(&join->table, process->pid));
        event.task_unknown = true;
        r = process_exit_add_task(join, process, NULL);
        if (!r)
                r = process_exit_finish(join, process, NULL, &event);
        if (r)
                return error_trace(r);
        join_commit_exit(join, &event, NULL, process);
        return 0;
}

/**
 * join_exit_synthesise_process() - emit the exits of all tasks of a process
 * @join:     the join; its records drained
 * @process:  a process that must have ended
 * @now_ns:   a time, since the epoch, by which it had
 *
 * Return: 0, or a negative errno.
 */
int join_exit_synthesise_process(Join *join, Process *process, uint64_t now_ns) {
        uint32_t pid = process->pid;

        if (process->n_live == 0)
                return error_trace(synthesise_unseen(join, process, now_ns));
        while (process) {
                Task *task = task_table_first_live(process);
                bool last = process->n_live == 1;
                int r;

                if (task->tid != pid)
                        late_exits_add(&join->late_exits, task->tid);
                r = synthesise_task(join, task, pending_record_of(join, task, now_ns), now_ns, true);
                if (r)
                        return error_trace(r);
                if (last)
                        process = NULL;
        }
        return 0;
}

/* Emits the exit of a record's task that is not in the table, or not as the record has it. */
static int synthesise_unknown(Join *join, PendingRecord *record) {
        uint32_t tid = record->record.tid;
        Event event = {
                .kind = EVENT_EXIT,
                .time_ns = join_time_ns(join, record->arrived_ns),
                .pid = record->record.pid ? record->record.pid : tid,
                .tid = tid,
                .task_before = task_table_get(&join->table, tid),
                .synthesised = true,
        };
        int r;

        event_set_status(&event, record);
        ++join->n_synthesised;
        r = exit_unknown(join, &event, &record->record);
        exit_records_done(&join->records, record);
        return error_trace(r);
}

/**
 * join_exit_synthesise_overdue() - emit the exits of which only the records came
 * @join:       the join
 * @before_ns:  monotonic: of records that arrived by then
 * @ret_count:  the number of exits
 *
 * Return: 0, or a negative errno.
 */
int join_exit_synthesise_overdue(Join *join, uint64_t before_ns, uint64_t *ret_count) {
        PendingRecord *record;
        uint64_t count = 0;

        while ((record = pending_records_oldest(&join->records.pending)) && record->arrived_ns <= before_ns) {
                uint64_t arrived_ns = join_time_ns(join, record->arrived_ns);
                Task *task = task_table_get(&join->table, record->record.tid);
                int r;

                ++count;
                late_exits_add(&join->late_exits, record->record.tid);
                if (task && pending_record_fits(record, task, arrived_ns))
                        r = join_exit_synthesise_task(join, task, record, arrived_ns);
                else
                        r = synthesise_unknown(join, record);
                if (r)
                        return error_trace(r);
        }
        *ret_count = count;
        return 0;
}
