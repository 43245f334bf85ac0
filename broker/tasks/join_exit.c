/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A process ends with its last task, whichever that is. The record of the task
 * that the kernel held for the last one is marked (AC_FLAG_GROUP) and carries the
 * process' exit status; its EXIT may overtake that of another thread, so that
 * tasks are counted and the mark only gives the status.
 *
 * An end that the connector did not tell is concluded: from a record that waits
 * in vain, or from the number's being given to a new task. The EXIT of such a
 * task may still come, late. It has no record any more and is known by that; its
 * task is remembered until then (TASK_LATE_EXIT_EXPECTED, strays).
 *
 * Where births were lost, a process may live on in tasks that nobody knows: the
 * mark has not come then. It stays in the table, without a live task, so that it is
 * the same process when one of these shows; its end is that of the marked one, or is
 * told by itself, once its number is another's or /proc has nothing of it.
 */

#include <errno.h>
#include <string.h>

#include "broker/base/clock.h"
#include "broker/base/error.h"
#include "broker/base/util.h"
#include "broker/tasks/join_exit.h"
#include "broker/model/owner.h"
#include "broker/tasks/procfs.h"

/* How long after the start the record of a task from before it may be missing. */
#define START_GRACE_NS NSEC_PER_SEC

/**
 * stats_apply_facts() - leave out what was not measured
 * @stats:  of a task, as the kernel has them
 * @features:  what the kernel is
 * @task:   the task; NULL: not in the table
 *
 * Delay accounting is a property of a task, given at its birth. For a task whose
 * birth was not seen, a count above zero is proof; without, nobody knows, and
 * zeros are not shown for measurements.
 */
void stats_apply_facts(TaskStats *stats, const KernelFeatures *features, const Task *task) {
        bool counted = features->delay_accounting == DELAY_ACCOUNTING_UNKNOWN || (task && (task->flags & TASK_COUNTED)) ||
                       stats->blkio_delay.count || stats->swapin_delay.count || stats->freepages_delay.count ||
                       stats->thrashing_delay.count || stats->compact_delay.count || stats->wpcopy_delay.count ||
                       stats->irq_delay.count;

        stats->groups &= ~features->unsupported;
        stats->unsupported |= features->unsupported;
        if (!counted && (stats->groups & STATS_DELAYS)) {
                stats->groups &= ~STATS_DELAYS;
                stats->uncounted |= STATS_DELAYS;
        }
}

/**
 * event_fill() - complete an event from the table
 * @event:  the event
 * @task:   its task; NULL: not in the table
 */
void event_fill(Event *event, const Task *task) {
        if (!task) {
                event->task_unknown = true;
                return;
        }
        event->ppid = task->process->ppid;
        event->uid = task->ruid;
        event->start_time_ns = task->start_time_ns;
        memcpy(event->comm, task->comm, sizeof(event->comm));
        event->program = task->process->program;
        event->marks = task->process->marks;
        event->task_unknown = task->flags & TASK_UNKNOWN;
        event->owner = owner_of_task(task);
}

/* The record knows more of the task than the table: its name after an exec, its parent of now. */
static void event_fill_from_record(Event *event, const ExitRecord *record) {
        const TaskStats *stats = &record->stats;

        event->uid = stats->ac_uid;
        memcpy(event->comm, stats->ac_comm, sizeof(event->comm));
        if (event->ppid == 0)
                event->ppid = stats->ac_ppid;
        if (event->start_time_ns == 0)
                event->start_time_ns = event->time_ns - stats->ac_etime_us * NSEC_PER_USEC;
        event->task_unknown = false;
}

static void late_exit_expect(Join *join, uint32_t tid) {
        uint32_t *place = &join->strays[join->i_stray++ % JOIN_STRAYS];

        join->n_strays += *place == 0;
        *place = tid;
}

/**
 * join_exit_take_late() - whether a late EXIT is still to come for a number
 * @join:  the join
 * @tid:   the number; it is forgotten
 *
 * Return: Whether one was expected.
 */
bool join_exit_take_late(Join *join, uint32_t tid) {
        /* Asked at each birth, while there is nearly always none. */
        if (join->n_strays == 0)
                return false;
        for (size_t i = 0; i < JOIN_STRAYS; ++i) {
                if (join->strays[i] == tid) {
                        join->strays[i] = 0;
                        --join->n_strays;
                        return true;
                }
        }
        return false;
}

static int process_add_task(Join *join, Process *process, const ExitRecord *record) {
        TaskStats *totals = task_table_totals(&join->table, process);

        if (!totals)
                return error_origin(-ENOMEM);
        if (record)
                task_stats_add(totals, &record->stats);
        else
                ++totals->tasks_missing;
        return 0;
}

static int process_finish(Join *join, Process *process, const ExitRecord *record, Event *event) {
        bool kernel_sums = record && record->has_process;
        TaskStats *totals;
        int r;

        event->exit.process_ended = true;
        event->exit.process_wait_status = process->has_wait_status ? process->wait_status : event->exit.wait_status;

        /* The kernel's sums of a process whose other threads ended before we looked: they are totals too. */
        if (!process->totals && kernel_sums) {
                r = process_add_task(join, process, record);
                if (r)
                        return error_trace(r);
        }
        totals = process->totals;
        if (!totals)
                return 0;

        if (kernel_sums)
                task_stats_raise(totals, &record->process);
        totals->tasks_unseen = process->seeded;
        totals->ac_etime_us = MAX(totals->ac_etime_us, totals->ac_tgetime_us);
        totals->ac_exitcode = event->exit.process_wait_status;
        if (totals->tasks > 0)
                event->exit.process_stats = totals;
        return 0;
}

/*
 * The last task that the table knows of has ended: does the kernel know of
 * another, whose birth was lost? It marks the last one's record (since version
 * 12); if no record of this process was, and none is missing, that is to come. Is
 * one missing, /proc is asked, unless there is no time for that: then an end is told
 * that may be none, and if so, another birth after it, by the comparison.
 */
static bool process_has_more(const Join *join, const Process *process, const ExitRecord *record) {
        if (!join->births_lost || process->has_wait_status || (record && record->stats.version < 12))
                return false;
        if (record && (!process->totals || process->totals->tasks_missing == 0))
                return true;
        return join->connector->empty &&
               procfs_process_lives(join->names.procfs_fd, task_table_get_leader(&join->table, process->pid));
}

/* What a record says of its process, if it is the last one's. */
static void process_note_mark(Process *process, const ExitRecord *record) {
        if (!(record->stats.ac_flag & AC_FLAG_GROUP))
                return;
        process->has_wait_status = true;
        process->wait_status = record->stats.ac_exitcode;
}

/*
 * Tells the end of a task that is in the table, and takes it out. @event has
 * kind, time, cpu, pid, tid and what is known of the status; @record may be NULL.
 * @over: none of its process is left, known or not.
 */
static int end_task(Join *join, Task *task, Event *event, ExitRecord *record, bool over) {
        Process *process = task->process;
        bool last = process->n_live == 1, more;
        uint32_t ppid = event->ppid;
        int r;

        if (record)
                process_note_mark(process, record);
        more = !last || (!over && process_has_more(join, process, record));
        if (record || more || process->totals)
                owner_note_record(task, record ? &record->stats : NULL);
        event_fill(event, task);
        if (ppid)
                event->ppid = ppid;
        if (record) {
                stats_apply_facts(&record->stats, join->features, task);
                event_fill_from_record(event, record);
                event->exit.stats = &record->stats;
        }

        if (more || process->totals) {
                r = process_add_task(join, process, record);
                if (r)
                        return error_trace(r);
        }
        if (!more) {
                r = process_finish(join, process, record, event);
                if (r)
                        return error_trace(r);
        }

        join_emit(join, event);

        if (last && more)
                process->wait_status = event->exit.wait_status;
        task_table_end_task(&join->table, task);
        if (!more)
                task_table_end_process(&join->table, process);
        return 0;
}

static int synthesise_task(Join *join, Task *task, PendingRecord *record, uint64_t now_ns, bool over) {
        Event event = {
                .kind = EVENT_EXIT,
                .time_ns = now_ns,
                .pid = task->process->pid,
                .tid = task->tid,
                .synthesised = true,
                .exit.stats_missing = record ? STATS_MISSING_NO : STATS_MISSING_NOT_WITNESSED,
        };
        int r;

        if (record) {
                uint64_t end_ns = task->start_time_ns + record->record.stats.ac_etime_us * NSEC_PER_USEC;

                event.exit.wait_status = record->record.stats.ac_exitcode;
                if (!(task->flags & (TASK_SEEDED | TASK_UNKNOWN)) && end_ns < now_ns)
                        event.time_ns = end_ns;
        }
        ++join->n_synthesised;
        r = end_task(join, task, &event, record ? &record->record : NULL, over);
        exit_records_done(&join->records, record);
        return error_trace(r);
}

/**
 * join_exit_synthesise_task() - tell the end of a task that the connector has not told
 * @join:    the join
 * @task:    the task
 * @record:  its record, which is done then; or NULL
 * @now_ns:  a time, since the epoch, by which it had ended
 *
 * Return: 0, or a negative errno.
 */
int join_exit_synthesise_task(Join *join, Task *task, PendingRecord *record, uint64_t now_ns) {
        return error_trace(synthesise_task(join, task, record, now_ns, false));
}

/**
 * join_exit_synthesise_gone() - tell the end of a task that is there no more
 * @join:    the join; its records drained
 * @task:    the task
 * @now_ns:  since the epoch
 *
 * Return: 0, or a negative errno.
 */
int join_exit_synthesise_gone(Join *join, Task *task, uint64_t now_ns) {
        PendingRecord *record = exit_records_peek(&join->records, task->tid);

        late_exit_expect(join, task->tid);
        if (!pending_record_is_of(record, task) || !pending_record_fits(record, task, now_ns))
                record = NULL;
        return error_trace(join_exit_synthesise_task(join, task, record, now_ns));
}

/* The process of a task that is not in the table; NULL: that is not there either, or is a younger one of that number. */
static Process *process_of_unknown(const Join *join, const Event *event, const ExitRecord *record) {
        const Task *leader = task_table_get_leader(&join->table, event->pid);

        if (!leader || (record && event->time_ns - record->stats.ac_etime_us * NSEC_PER_USEC + PROCFS_START_TOLERANCE_NS <
                                          leader->start_time_ns))
                return NULL;
        return leader->process;
}

/* An end of a task of which only the process is in the table. */
static int end_unseen(Join *join, Process *process, Event *event, ExitRecord *record) {
        bool last = process->n_live == 0;
        uint32_t ppid = event->ppid ? event->ppid : process->ppid;
        const Task *leader = task_table_get_leader(&join->table, process->pid);
        int r;

        event_fill(event, leader);
        event->task_unknown = true;
        event->ppid = ppid;
        if (event->tid != event->pid) {
                event->start_time_ns = 0;
                event->uid = 0;
                memset(event->comm, 0, sizeof(event->comm));
        }
        if (record) {
                stats_apply_facts(&record->stats, join->features, NULL);
                event_fill_from_record(event, record);
                event->exit.stats = &record->stats;
                process_note_mark(process, record);
        }
        if (last && process_has_more(join, process, record)) {
                /* without its record it may have been the last one all the same */
                join->wants_reconcile |= !record;
                last = false;
        }
        r = process_add_task(join, process, record);
        if (!r && last)
                r = process_finish(join, process, record, event);
        if (r)
                return error_trace(r);

        join_emit(join, event);
        if (last)
                task_table_end_process(&join->table, process);
        return 0;
}

/* An end of a task that is not in the table: its birth was lost. */
static int end_unknown(Join *join, Event *event, ExitRecord *record) {
        Process *process = process_of_unknown(join, event, record);
        TaskStats totals = {};

        if (process)
                return error_trace(end_unseen(join, process, event, record));
        event->task_unknown = true;
        if (record) {
                event_fill_from_record(event, record);
                stats_apply_facts(&record->stats, join->features, NULL);
                event->exit.stats = &record->stats;
                if (record->has_process) {
                        /* the last of several tasks: their sums are the kernel's alone */
                        task_stats_add(&totals, &record->stats);
                        task_stats_raise(&totals, &record->process);
                        totals.tasks_unseen = true;
                        event->exit.process_stats = &totals;
                }
                event->exit.process_ended =
                        record->stats.version >= 12 ? !!(record->stats.ac_flag & AC_FLAG_GROUP) : event->tid == event->pid;
        } else {
                event->exit.process_ended = event->tid == event->pid;
        }
        event->exit.process_wait_status = event->exit.wait_status;
        join_emit(join, event);
        return 0;
}

static bool record_contradicts(const ExitRecord *record, const Event *event) {
        /* before version 12 only a leader's record has the status */
        return (record->stats.version >= 12 || event->tid == event->pid) &&
               record->stats.ac_exitcode != event->exit.wait_status;
}

/*
 * Whether an EXIT is the late one of a task whose end was concluded, rather than
 * that of the task which has the number now. That one's record is here, and says
 * how it ended. If both ended alike, either EXIT will do for it, and the other one
 * is the stray.
 */
static bool exit_is_late(Join *join, const Event *event, Task *task, const PendingRecord *record) {
        if (!task)
                return !record && join_exit_take_late(join, event->tid);
        if (!(task->flags & TASK_LATE_EXIT_EXPECTED))
                return false;
        task->flags &= (uint16_t)~TASK_LATE_EXIT_EXPECTED;
        if (event->pid != task->process->pid || !record || record_contradicts(&record->record, event))
                return true;
        late_exit_expect(join, event->tid);
        return false;
}

/**
 * join_exit_reported() - an EXIT of the connector
 * @join:   the join
 * @event:  the event, as parsed, its time since the epoch
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
        if (record && task && !(task->flags & TASK_UNKNOWN) &&
            (join->lossy || !pending_record_fits(record, task, event->time_ns) || record_contradicts(&record->record, event))) {
                PendingRecord *best;

                r = exit_records_find_best(&join->records, task, event->time_ns, &best);
                if (r)
                        return error_trace(r);
                if (best || join->lossy)
                        record = best;
        }
        if (task && event->pid != task->process->pid)
                task = NULL;

        if (!record) {
                /* Its record may have been read while the sources were proved, its FORK not yet. */
                if ((!task || (task->flags & TASK_SEEDED) || task->start_time_ns < join_wall(join, join->start_ns)) &&
                    event->time_ns < join_wall(join, join->start_ns + START_GRACE_NS)) {
                        event->exit.stats_missing = STATS_MISSING_NOT_WITNESSED;
                } else {
                        event->exit.stats_missing = STATS_MISSING_LOST;
                        ++join->records.listener->counters.lost;
                        ++join->n_stats_missing;
                }
        }

        if (task)
                r = end_task(join, task, event, record ? &record->record : NULL, false);
        else
                r = end_unknown(join, event, record ? &record->record : NULL);
        exit_records_done(&join->records, record);
        return error_trace(r);
}

/* Tells the end of a process none of whose live tasks was ever seen. Its leader stands for the last of them. */
static int synthesise_unseen(Join *join, Process *process, uint64_t now_ns) {
        Event event = {
                .kind = EVENT_EXIT,
                .time_ns = now_ns,
                .pid = process->pid,
                .tid = process->pid,
                .synthesised = true,
                .exit.stats_missing = STATS_MISSING_NOT_WITNESSED,
                .exit.wait_status = process->wait_status,
        };
        int r;

        ++join->n_synthesised;
        event_fill(&event, task_table_get_leader(&join->table, process->pid));
        event.task_unknown = true;
        r = process_add_task(join, process, NULL);
        if (!r)
                r = process_finish(join, process, NULL, &event);
        if (r)
                return error_trace(r);
        join_emit(join, &event);
        task_table_end_process(&join->table, process);
        return 0;
}

/**
 * join_exit_synthesise_process() - tell the ends of all tasks of a process
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
                PendingRecord *record = NULL;
                Task *task = process_first_live(process);
                bool last = process->n_live == 1;
                int r;

                record = exit_records_peek(&join->records, task->tid);
                if (!pending_record_is_of(record, task) || !pending_record_fits(record, task, now_ns))
                        record = NULL;
                if (task->tid != pid)
                        late_exit_expect(join, task->tid);
                r = synthesise_task(join, task, record, now_ns, true);
                if (r)
                        return error_trace(r);
                if (last)
                        process = NULL;
        }
        return 0;
}

/**
 * join_exit_synthesise_overdue() - tell the ends of which only the records came
 * @join:       the join
 * @before_ns:  monotonic: of records that arrived by then
 * @ret_count:  how many ends were told
 *
 * Return: 0, or a negative errno.
 */
int join_exit_synthesise_overdue(Join *join, uint64_t before_ns, uint64_t *ret_count) {
        PendingRecord *record;
        uint64_t count = 0;

        while ((record = pending_records_oldest(&join->records.waiting)) && record->arrived_ns <= before_ns) {
                uint32_t tid = record->record.tid;
                Task *task = task_table_get(&join->table, tid);
                int r;

                ++count;
                late_exit_expect(join, tid);
                if (task && pending_record_fits(record, task, join_wall(join, record->arrived_ns))) {
                        r = join_exit_synthesise_task(join, task, record, join_wall(join, record->arrived_ns));
                        if (r)
                                return error_trace(r);
                } else {
                        Event event = {
                                .kind = EVENT_EXIT,
                                .time_ns = join_wall(join, record->arrived_ns),
                                .pid = record->record.pid ? record->record.pid : tid,
                                .tid = tid,
                                .synthesised = true,
                                .exit.wait_status = record->record.stats.ac_exitcode,
                        };

                        ++join->n_synthesised;
                        r = end_unknown(join, &event, &record->record);
                        exit_records_done(&join->records, record);
                        if (r)
                                return error_trace(r);
                }
        }
        *ret_count = count;
        return 0;
}
