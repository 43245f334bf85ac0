/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What the join relies on (docs/DESIGN.md names the tests of each):
 *
 * - The kernel queues a task's accounting record before the same task's EXIT. So
 *   after a batch of the connector was read, the record of each EXIT in it is
 *   either waiting here, or in the listener's queue, or was lost. The queue is
 *   read until the record is found or the queue is empty: no timer, no guess.
 *
 * - A number is not used again before the record of its old owner is queued, but
 *   it can be before the old owner's EXIT is. A FORK for a number that lives is
 *   therefore also the old task's end: it is told, from the record, before the
 *   new birth; the EXIT that comes late has no record any more and is known by
 *   that (TASK_STRAY_EXPECTED).
 *
 * - A process ends with its last task, whichever that is. The record of the task
 *   that the kernel held for the last one is marked (AC_FLAG_GROUP) and carries
 *   the process' exit status; its EXIT may overtake that of another thread.
 *
 * - exec by a thread that is not the leader: the leader ends first (EXIT and
 *   record), then EXEC tells the process' number, and the thread that called
 *   never gets an EXIT: it has become the leader.
 */

#include <errno.h>
#include <string.h>

#include "broker/base/clock.h"
#include "broker/base/error.h"
#include "broker/base/util.h"
#include "broker/tasks/join.h"

/* Datagrams of each source a round, rounds a turn: what a turn of the loop can cost. */
#define CONNECTOR_ROUND 512
#define LISTENER_ROUND 128
#define ROUNDS 8

/* A seeded start is /proc's, in ticks of 10 ms. */
#define SEED_TOLERANCE_NS (20 * NSEC_PER_MSEC)

/* A record's age is rounded down to 1 us; the two clocks readings are not the same. */
#define START_TOLERANCE_NS NSEC_PER_MSEC

/* How long a record waits for an EXIT once EXITs are known to have been lost. */
#define ORPHAN_AGE_NS (250 * NSEC_PER_MSEC)

/* How long after the start a seeded task's record may be from before it. */
#define START_GRACE_NS NSEC_PER_SEC

void join_init(Join *join,
               Connector *connector,
               ExitListener *listener,
               KernelFacts *facts,
               int procfs_fd,
               JoinEmit emit) {
        *join = (Join){
                .connector = connector,
                .listener = listener,
                .facts = facts,
                .emit = emit,
                .start_ns = (uint64_t)clock_read_ns(CLOCK_MONOTONIC),
                .realtime_offset_ns = clock_offset_ns(CLOCK_REALTIME, CLOCK_MONOTONIC),
        };
        task_table_init(&join->table);
        waiting_init(&join->waiting);
        names_init(&join->names, procfs_fd);
}

void join_deinit(Join *join) {
        waiting_deinit(&join->waiting);
        task_table_deinit(&join->table);
}

/**
 * join_set_realtime_offset() - the clock was set, or the machine slept
 * @join:       the join
 * @offset_ns:  CLOCK_REALTIME minus CLOCK_MONOTONIC from now on
 *
 * Starts that are in the table stay as they were told: they are identities.
 */
void join_set_realtime_offset(Join *join, int64_t offset_ns) {
        join->realtime_offset_ns = offset_ns;
}

static uint64_t join_wall(const Join *join, uint64_t monotonic_ns) {
        return monotonic_ns + (uint64_t)join->realtime_offset_ns;
}

static void join_emit(Join *join, Event *event) {
        join->last_time_ns = event->time_ns;
        join->emit(join, event);
}

/*
 * Statistics: records that wait, and what the kernel does not say in them.
 */

/*
 * Delay accounting is a property of a task, given at its birth. For a task whose
 * birth was not seen, a count above zero is proof; without, nobody knows, and
 * zeros are not shown for measurements.
 */
static void stats_apply_facts(TaskStats *stats, const KernelFacts *facts, const Task *task) {
        bool counted = facts->delay_accounting == DELAY_ACCOUNTING_UNKNOWN || (task && (task->flags & TASK_COUNTED)) ||
                       stats->blkio_delay.count || stats->swapin_delay.count || stats->freepages_delay.count ||
                       stats->thrashing_delay.count || stats->compact_delay.count || stats->wpcopy_delay.count ||
                       stats->irq_delay.count;

        stats->groups &= ~facts->unsupported;
        stats->unsupported |= facts->unsupported;
        if (!counted && (stats->groups & STATS_DELAYS)) {
                stats->groups &= ~STATS_DELAYS;
                stats->uncounted |= STATS_DELAYS;
        }
}

/* Moves one batch of the listener's queue into the waiting room. */
static int join_receive_records(Join *join) {
        ExitListener *listener = join->listener;
        uint64_t now;
        int r;

        r = exit_listener_receive(listener, LISTENER_ROUND);
        if (r)
                return error_trace(r);
        join->listener_drained = listener->batch.drained;
        if (listener->batch.n == 0)
                return 0;

        now = (uint64_t)clock_read_ns(CLOCK_MONOTONIC);
        for (;;) {
                WaitingRecord *record = waiting_reserve(&join->waiting);

                if (!record) {
                        /* full: exits have not been told for long; the oldest record gives up its place */
                        record = waiting_oldest(&join->waiting);
                        if (!record)
                                return error_origin(-ENOMEM);
                        ++listener->counters.lost;
                        waiting_remove(&join->waiting, record);
                        continue;
                }
                if (exit_listener_next(listener, &record->record)) {
                        waiting_remove(&join->waiting, record);
                        return 0;
                }
                join->facts->taskstats_version = record->record.stats.version;
                waiting_add(&join->waiting, record, now);
        }
}

static int join_drain_records(Join *join) {
        int r = 0;

        while (r == 0 && !join->listener_drained)
                r = join_receive_records(join);
        return error_trace(r);
}

/*
 * Whether a record can be of a task that began at @start_ns and ended by
 * @end_ns (wall clock both): it must not be older than the task.
 */
static bool record_fits(const WaitingRecord *record, const Task *task, uint64_t end_ns) {
        uint64_t tolerance = task->flags & TASK_SEEDED ? SEED_TOLERANCE_NS : START_TOLERANCE_NS;
        uint64_t age_ns = record->record.stats.ac_etime_us * NSEC_PER_USEC;

        return age_ns <= end_ns - task->start_time_ns + tolerance;
}

/**
 * join_find_record() - the record of a task that ended
 *
 * Records of one task wait in the order of their incarnations, and each is taken
 * when its EXIT comes: the oldest is the right one. Only where EXITs were lost
 * can an older one be left over; then all that is there is looked at, and the
 * one whose age fits best is taken.
 */
static int join_find_record(Join *join, uint32_t tid, const Task *task, uint64_t end_ns, WaitingRecord **ret_record) {
        WaitingRecord *best = NULL;
        int r;

        while (!(best = waiting_find(&join->waiting, tid)) && !join->listener_drained) {
                r = join_receive_records(join);
                if (r)
                        return error_trace(r);
        }

        if (best && join->doubtful && task && !(task->flags & TASK_UNKNOWN)) {
                r = join_drain_records(join);
                if (r)
                        return error_trace(r);
                best = NULL;
                list_for_each(link, safe, &join->waiting.buckets[tid % WAITING_BUCKETS]) {
                        WaitingRecord *record = container_of(link, WaitingRecord, bucket_link);

                        if (record->record.tid == tid && record_fits(record, task, end_ns) &&
                            (!best || record->record.stats.ac_etime_us > best->record.stats.ac_etime_us))
                                best = record;
                }
        }

        *ret_record = best;
        return 0;
}

/*
 * Ends.
 */

static void event_fill(Event *event, const Task *task) {
        if (!task) {
                event->task_unknown = true;
                return;
        }
        event->ppid = task->process->ppid;
        event->uid = task->ruid;
        event->start_time_ns = task->start_time_ns;
        memcpy(event->comm, task->comm, sizeof(event->comm));
        event->task_unknown = task->flags & TASK_UNKNOWN;
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

static void stray_expect(Join *join, uint32_t tid) {
        join->strays[join->i_stray++ % JOIN_STRAYS] = tid;
}

static bool stray_take(Join *join, uint32_t tid) {
        for (size_t i = 0; i < JOIN_STRAYS; ++i) {
                if (join->strays[i] == tid) {
                        join->strays[i] = 0;
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
 * Tells the end of a task that is in the table, and takes it out. @event has
 * kind, time, cpu, pid, tid and what is known of the status; @record may be NULL.
 */
static int join_end_task(Join *join, Task *task, Event *event, ExitRecord *record) {
        Process *process = task->process;
        bool last = process->n_live == 1;
        uint32_t ppid = event->ppid;
        int r;

        event_fill(event, task);
        if (ppid)
                event->ppid = ppid;
        if (record) {
                stats_apply_facts(&record->stats, join->facts, task);
                event_fill_from_record(event, record);
                event->exit.stats = &record->stats;
                if (record->stats.ac_flag & AC_FLAG_GROUP) {
                        process->has_wait_status = true;
                        process->wait_status = record->stats.ac_exitcode;
                }
        }

        if (!last || process->totals) {
                r = process_add_task(join, process, record);
                if (r)
                        return error_trace(r);
        }
        if (last) {
                r = process_finish(join, process, record, event);
                if (r)
                        return error_trace(r);
        }

        join_emit(join, event);

        task_table_end_task(&join->table, task);
        if (last)
                task_table_end_process(&join->table, process);
        return 0;
}

/* Tells the end of a task that the connector has not told, from its record or from nothing. */
static int join_conclude(Join *join, Task *task, WaitingRecord *record, uint64_t now_ns) {
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
        r = join_end_task(join, task, &event, record ? &record->record : NULL);
        if (record)
                waiting_remove(&join->waiting, record);
        return error_trace(r);
}

/* An end of a task that is not in the table: its birth was lost. */
static void join_end_unknown(Join *join, Event *event, ExitRecord *record) {
        event->task_unknown = true;
        if (record) {
                event_fill_from_record(event, record);
                stats_apply_facts(&record->stats, join->facts, NULL);
                event->exit.stats = &record->stats;
                event->exit.process_ended =
                        record->stats.version >= 12 ? !!(record->stats.ac_flag & AC_FLAG_GROUP) : event->tid == event->pid;
        } else {
                event->exit.process_ended = event->tid == event->pid;
        }
        event->exit.process_wait_status = event->exit.wait_status;
        join_emit(join, event);
}

static int join_exit(Join *join, Event *event) {
        Task *task = task_table_get(&join->table, event->tid);
        WaitingRecord *record = NULL;
        int r;

        r = join_find_record(join, event->tid, task, event->time_ns, &record);
        if (r)
                return error_trace(r);

        if (!record) {
                if (task && (task->flags & TASK_STRAY_EXPECTED)) {
                        task->flags &= (uint8_t)~TASK_STRAY_EXPECTED;
                        return 0;
                }
                if (!task && stray_take(join, event->tid))
                        return 0;
                if ((!task || (task->flags & TASK_SEEDED)) &&
                    event->time_ns < join_wall(join, join->start_ns + START_GRACE_NS)) {
                        event->exit.stats_missing = STATS_MISSING_NOT_WITNESSED;
                } else {
                        event->exit.stats_missing = STATS_MISSING_LOST;
                        ++join->listener->counters.lost;
                        ++join->n_stats_missing;
                }
        }

        if (task)
                r = join_end_task(join, task, event, record ? &record->record : NULL);
        else
                join_end_unknown(join, event, record ? &record->record : NULL);
        if (record)
                waiting_remove(&join->waiting, record);
        return error_trace(r);
}

/*
 * Births.
 */

/* Every task of a process must have ended, because its number was given to a new one. */
static int join_conclude_process(Join *join, Process *process, uint64_t now_ns) {
        uint32_t pid = process->pid;

        while (process && process->n_live > 0) {
                WaitingRecord *record = NULL;
                Task *task = NULL;
                bool last = process->n_live == 1;
                int r;

                list_for_each(link, safe, &process->tasks) {
                        task = container_of(link, Task, link);
                        if (!(task->flags & TASK_GONE))
                                break;
                }
                record = waiting_find(&join->waiting, task->tid);
                if (task->tid != pid)
                        stray_expect(join, task->tid);
                r = join_conclude(join, task, record, now_ns);
                if (r)
                        return error_trace(r);
                if (last)
                        process = NULL;
        }
        return 0;
}

/* The number of a task that lives here was given to a new one. */
static int join_reincarnate(Join *join, Task *old, const Event *fork) {
        int r;

        r = join_drain_records(join);
        if (r)
                return error_trace(r);
        if (old->tid == old->process->pid)
                return error_trace(join_conclude_process(join, old->process, fork->time_ns));
        return error_trace(join_conclude(join, old, waiting_find(&join->waiting, old->tid), fork->time_ns));
}

static int join_fork(Join *join, Event *event) {
        bool thread = event->tid != event->pid, reused = false;
        const Task *model;
        Process *process;
        Task *task;
        int r;

        task = task_table_get(&join->table, event->tid);
        if (task && (task->flags & TASK_SEEDED) && task->process->pid == event->pid &&
            event->time_ns + SEED_TOLERANCE_NS >= task->start_time_ns &&
            event->time_ns <= task->start_time_ns + SEED_TOLERANCE_NS) {
                /* Born while /proc was read: one task, seen twice. */
                task->flags &= (uint8_t)~TASK_SEEDED;
                if (!thread)
                        task->process->seeded = false;
                task->start_time_ns = event->time_ns;
                event_fill(event, task);
                event->ppid = event->fork.parent_pid;
                join_emit(join, event);
                return 0;
        }
        if (task) {
                reused = true;
                r = join_reincarnate(join, task, event);
                if (r)
                        return error_trace(r);
        } else if (!thread && (process = task_table_get_process(&join->table, event->pid))) {
                /* The leader had gone, and its process must have too. */
                r = join_drain_records(join);
                if (!r)
                        r = join_conclude_process(join, process, event->time_ns);
                if (r)
                        return error_trace(r);
        }

        /* A thread is called like its process; whose thread made it, the kernel does not tell. */
        process = task_table_get_process(&join->table, thread ? event->pid : event->fork.parent_pid);
        model = task_table_get(&join->table, thread ? event->pid : event->fork.parent_tid);
        if (!model && process)
                list_for_each(link, safe, &process->tasks)
                        model = container_of(link, Task, link);

        task = task_table_add(&join->table, event->pid, event->tid);
        if (!task)
                return error_origin(-ENOMEM);
        task->start_time_ns = event->time_ns;
        if (join->facts->delay_accounting == DELAY_ACCOUNTING_ON)
                task->flags |= TASK_COUNTED;
        if (reused)
                task->flags |= TASK_STRAY_EXPECTED;
        if (model) {
                task->ruid = model->ruid;
                task->euid = model->euid;
                task->rgid = model->rgid;
                task->egid = model->egid;
                task->flags |= model->flags & (TASK_CREDENTIALS_CHANGED | TASK_UNKNOWN);
                memcpy(task->comm, model->comm, sizeof(task->comm));
        } else {
                task->flags |= TASK_UNKNOWN;
        }
        if (task->process->ppid == 0)
                task->process->ppid = event->fork.parent_pid;

        event_fill(event, task);
        join_emit(join, event);
        return 0;
}

/*
 * Changes.
 */

/*
 * exec leaves one task. Of the others, those whose record is here are about to
 * be told; the one without is the thread that called exec, and is the leader now.
 */
static int join_exec_threads(Join *join, Process *process, uint64_t now_ns) {
        Task *leader = NULL, *caller = NULL;
        WaitingRecord *record;
        int r;

        r = join_drain_records(join);
        if (r)
                return error_trace(r);

        list_for_each(link, safe, &process->tasks) {
                Task *task = container_of(link, Task, link);

                if (task->tid == process->pid)
                        leader = task;
                else if (!waiting_find(&join->waiting, task->tid))
                        caller = task;
        }
        if (!leader || !caller)
                return 0;

        record = waiting_find(&join->waiting, leader->tid);
        if (!(leader->flags & TASK_GONE) && record && !(record->record.stats.ac_flag & AC_FLAG_GROUP)) {
                /* The old leader's EXIT will come late. */
                r = join_conclude(join, leader, record, now_ns);
                if (r)
                        return error_trace(r);
                leader->flags |= TASK_STRAY_EXPECTED;
        }
        if (leader->flags & TASK_GONE)
                task_table_revive(&join->table, leader);

        leader->ruid = caller->ruid;
        leader->euid = caller->euid;
        leader->rgid = caller->rgid;
        leader->egid = caller->egid;
        leader->flags &= (uint8_t)~(TASK_CREDENTIALS_CHANGED | TASK_UNKNOWN);
        leader->flags |= caller->flags & (TASK_CREDENTIALS_CHANGED | TASK_UNKNOWN);
        memcpy(leader->comm, caller->comm, sizeof(leader->comm));
        task_table_end_task(&join->table, caller);
        return 0;
}

/*
 * The kernel sends no name with an exec. If the process has ended meanwhile, its
 * record has it; else /proc, which is asked only while the kernel's queue is
 * empty: under load that comes first.
 */
static int join_read_name(Join *join, const Event *event, const Task *task, uint64_t monotonic_ns, char comm[static COMM_SIZE]) {
        WaitingRecord *record;
        int r;

        record = waiting_find(&join->waiting, event->pid);
        if (!record) {
                if (!join->connector->batch.drained)
                        return 0;
                if (names_read(&join->names, event->pid, monotonic_ns, comm))
                        return 1;
                r = join_drain_records(join);
                if (r)
                        return error_trace(r);
                record = waiting_find(&join->waiting, event->pid);
        }
        if (!record || (task && !record_fits(record, task, join_wall(join, record->arrived_ns))))
                return 0;
        memcpy(comm, record->record.stats.ac_comm, COMM_SIZE);
        return 1;
}

static int join_exec(Join *join, Event *event, uint64_t monotonic_ns) {
        Process *process = task_table_get_process(&join->table, event->pid);
        char comm[COMM_SIZE];
        Task *task;
        int r;

        if (process && (process->n_live > 1 || !task_table_get(&join->table, event->pid))) {
                r = join_exec_threads(join, process, event->time_ns);
                if (r)
                        return error_trace(r);
        }

        task = task_table_get(&join->table, event->tid);
        event_fill(event, task);
        r = join_read_name(join, event, task, monotonic_ns, comm);
        if (r < 0)
                return error_trace(r);
        event->exec.comm_stale = r == 0;
        if (!event->exec.comm_stale) {
                memcpy(event->comm, comm, sizeof(event->comm));
                if (task)
                        memcpy(task->comm, comm, sizeof(task->comm));
        }
        if (task)
                task->flags &= (uint8_t)~TASK_CREDENTIALS_CHANGED;
        join_emit(join, event);
        return 0;
}

static void join_change(Join *join, Event *event) {
        Task *task = task_table_get(&join->table, event->tid);
        char comm[COMM_SIZE];

        switch (event->kind) {
        case EVENT_COMM:
                memcpy(comm, event->comm, sizeof(comm));
                event_fill(event, task);
                memcpy(event->comm_change.old_comm, event->comm, sizeof(comm));
                memcpy(event->comm, comm, sizeof(comm));
                if (task)
                        memcpy(task->comm, comm, sizeof(comm));
                break;
        case EVENT_UID:
                if (task) {
                        task->ruid = event->credentials.real_id;
                        task->euid = event->credentials.effective_id;
                        task->flags |= TASK_CREDENTIALS_CHANGED;
                }
                event_fill(event, task);
                event->uid = event->credentials.real_id;
                break;
        case EVENT_GID:
                if (task) {
                        task->rgid = event->credentials.real_id;
                        task->egid = event->credentials.effective_id;
                        task->flags |= TASK_CREDENTIALS_CHANGED;
                }
                event_fill(event, task);
                break;
        default:
                event_fill(event, task);
                break;
        }
        join_emit(join, event);
}

static int join_event(Join *join, Event *event) {
        uint64_t monotonic_ns = event->time_ns;

        event->time_ns = join_wall(join, monotonic_ns);
        switch (event->kind) {
        case EVENT_FORK:
                return error_trace(join_fork(join, event));
        case EVENT_EXEC:
                return error_trace(join_exec(join, event, monotonic_ns));
        case EVENT_EXIT:
                return error_trace(join_exit(join, event));
        case EVENT_LOSS:
                join->doubtful = true;
                join->doubtful_ns = (uint64_t)clock_read_ns(CLOCK_MONOTONIC);
                join_emit(join, event);
                return 0;
        default:
                join_change(join, event);
                return 0;
        }
}

/**
 * join_tell_losses() - tell the losses that the connector's own reading found
 * @join:  the join
 *
 * For use after connector_probe(), which reads the drop counter.
 */
void join_tell_losses(Join *join) {
        for (size_t i = 0; i < join->connector->n_events; ++i)
                (void)join_event(join, &join->connector->events[i]);
        join->connector->n_events = 0;
}

/**
 * join_turn() - read what the sources have, and tell it
 * @join:         the join
 * @ret_drained:  whether the connector's queue was read empty
 *
 * Bounded: a storm leaves the loop time for its clients.
 *
 * Return: 0, or a negative errno.
 */
int join_turn(Join *join, bool *ret_drained) {
        Connector *connector = join->connector;
        int r;

        join->n_stats_missing = 0;
        for (int round = 0; round < ROUNDS; ++round) {
                r = connector_read(connector, CONNECTOR_ROUND);
                if (r)
                        return error_trace(r);
                join->listener_drained = false;

                for (size_t i = 0; i < connector->n_events; ++i) {
                        r = join_event(join, &connector->events[i]);
                        if (r)
                                return error_trace(r);
                }
                if (connector->batch.drained)
                        break;
        }

        /* Woken by a record whose EXIT is still to come: take it out of the queue, or be woken by it again. */
        if (connector->batch.drained && !join->listener_drained) {
                r = join_receive_records(join);
                if (r)
                        return error_trace(r);
        }

        if (join->n_stats_missing > 0) {
                Event loss = {
                        .kind = EVENT_LOSS,
                        .time_ns = join->last_time_ns,
                        .loss = {
                                .count = join->n_stats_missing,
                                .source = LOSS_TASKSTATS,
                                .reason = LOSS_OVERRUN,
                        },
                };

                join_emit(join, &loss);
        }
        *ret_drained = connector->batch.drained;
        return 0;
}

/*
 * Blindness.
 */

/* Tells the ends whose EXITs were lost: the records that wait for them are proof enough. */
static int join_release_orphans(Join *join, uint64_t now_ns, uint64_t *ret_count) {
        WaitingRecord *record;
        uint64_t count = 0;

        while ((record = waiting_oldest(&join->waiting)) && now_ns - record->arrived_ns >= ORPHAN_AGE_NS) {
                uint32_t tid = record->record.tid;
                Task *task = task_table_get(&join->table, tid);
                int r;

                ++count;
                stray_expect(join, tid);
                if (task && record_fits(record, task, join_wall(join, record->arrived_ns))) {
                        r = join_conclude(join, task, record, join_wall(join, record->arrived_ns));
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
                        join_end_unknown(join, &event, &record->record);
                        waiting_remove(&join->waiting, record);
                }
        }
        *ret_count = count;
        return 0;
}

/**
 * join_note_muted() - the connector had been silenced, and speaks again
 * @join:      the join
 * @since_ns:  monotonic: when it was last heard
 *
 * Told by a later join_tick(), when the exits of the blind time are known.
 */
void join_note_muted(Join *join, uint64_t since_ns) {
        join->was_muted = true;
        join->muted_since_ns = since_ns;
        join->doubtful = true;
        join->doubtful_ns = (uint64_t)clock_read_ns(CLOCK_MONOTONIC);
}

/**
 * join_tick() - look after records that wait in vain
 * @join:  the join; called some times a second, after a turn that drained
 *
 * A record normally waits for as long as its task takes to be torn down. Only
 * once EXITs are known to be lost is a record that has waited for a while held
 * for one whose EXIT is among them.
 *
 * Return: 0, or a negative errno.
 */
int join_tick(Join *join) {
        uint64_t now = (uint64_t)clock_read_ns(CLOCK_MONOTONIC), count = 0;
        int r;

        if (!join->doubtful || now - join->doubtful_ns < ORPHAN_AGE_NS)
                return 0;

        r = join_release_orphans(join, now, &count);
        if (r)
                return error_trace(r);
        if (join->was_muted) {
                Event loss = {
                        .kind = EVENT_LOSS,
                        .time_ns = join_wall(join, now),
                        .loss = {
                                .count = count,
                                .source = LOSS_CONNECTOR,
                                .reason = LOSS_MUTED,
                                .at_least = true,
                                .since_time_ns = join_wall(join, join->muted_since_ns),
                        },
                };

                join->connector->counters.lost += count;
                join->was_muted = false;
                join_emit(join, &loss);
        }
        if (now - join->doubtful_ns >= 4 * ORPHAN_AGE_NS)
                join->doubtful = false;
        return 0;
}
