/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What the join relies on, and tests/kernel/test_facts.py holds the kernel to:
 *
 * - A task's accounting record is queued before its EXIT: records.c.
 *
 * - A FORK is queued before anything that the new task does.
 *
 * - A number is not used again before the record of its old owner is queued, but
 *   it can be before the old owner's EXIT is. A FORK for a number that lives is
 *   therefore also the old task's end: ends.c tells it, before the new birth.
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
#include "broker/tasks/join_exit.h"
#include "broker/model/owner.h"
#include "broker/tasks/procfs.h"

/* Datagrams a round, rounds a turn: what a turn of the loop can cost. */
#define CONNECTOR_ROUND 512
#define ROUNDS 8

/* The kernel thread that makes the others. */
#define KTHREADD_PID 2u

/* How long a record waits for an EXIT once EXITs are known to have been lost. */
#define ORPHAN_AGE_NS (250 * NSEC_PER_MSEC)

/* How long it waits while nothing is known to be lost: longer than it takes to tear down a large task. */
#define OVERDUE_AGE_NS (2 * NSEC_PER_SEC)

static void join_on_program(ProgramReader *programs, const Task *task, const Program *program);
static int join_has_ended(ProgramReader *programs, const Task *task, bool *ret_ended);

void join_init(Join *join,
               Connector *connector,
               ExitListener *listener,
               KernelFeatures *features,
               int procfs_fd,
               JoinEmit emit) {
        *join = (Join){
                .connector = connector,
                .features = features,
                .emit = emit,
                .start_ns = (uint64_t)clock_read_ns(CLOCK_MONOTONIC),
                .realtime_offset_ns = clock_offset_ns(CLOCK_REALTIME, CLOCK_MONOTONIC),
        };
        task_table_init(&join->table);
        exit_records_init(&join->records, listener);
        comm_reader_init(&join->names, procfs_fd);
        program_reader_init(&join->programs, procfs_fd, &join->table, join_on_program);
        join->programs.has_ended = join_has_ended;
}

void join_deinit(Join *join) {
        exit_records_deinit(&join->records);
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

/* A time since the epoch, of a monotonic one. */
uint64_t join_wall(const Join *join, uint64_t monotonic_ns) {
        return monotonic_ns + (uint64_t)join->realtime_offset_ns;
}

/* Hands a finished event on. */
void join_emit(Join *join, Event *event) {
        join->last_time_ns = event->time_ns;
        join->emit(join, event);
}

/*
 * Births.
 */

/*
 * A number was given to a new task: whoever has it here must have ended. That is
 * its task and, if it is a process' number, all of that process.
 */
static int join_replace_number(Join *join, uint32_t number, uint64_t now_ns) {
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
        if (!pending_record_is_of(record, task) || !pending_record_fits(record, task, now_ns))
                record = NULL;
        return error_trace(join_exit_synthesise_task(join, task, record, now_ns));
}

static int join_fork(Join *join, Event *event) {
        bool thread = event->tid != event->pid, reused, first;
        const Task *model;
        Process *process;
        Task *task;
        int r;

        task = task_table_get(&join->table, event->tid);
        if (task && (task->flags & TASK_SEEDED) && task->process->pid == event->pid &&
            procfs_starts_agree(event->time_ns, task->start_time_ns)) {
                /* Born while /proc was read: one task, seen twice, and told once. */
                if (task->flags & TASK_FORK_REPORTED)
                        return 0;
                task->flags &= (uint16_t)~TASK_SEEDED;
                if (!thread)
                        task->process->seeded = false;
                task->start_time_ns = event->time_ns;
                event_fill(event, task);
                event->ppid = event->fork.parent_pid;
                join_emit(join, event);
                return 0;
        }
        reused = task;
        r = join_replace_number(join, event->tid, event->time_ns);
        if (!r && thread && !task_table_get_process(&join->table, event->pid))
                r = join_replace_number(join, event->pid, event->time_ns);
        if (r)
                return error_trace(r);

        /* A thread is called like its process; whose thread made it, the kernel does not tell. */
        process = task_table_get_process(&join->table, thread ? event->pid : event->fork.parent_pid);
        model = task_table_get(&join->table, thread ? event->pid : event->fork.parent_tid);
        if (!model && process)
                list_for_each(link, safe, &process->tasks)
                        model = container_of(link, Task, link);

        first = !task_table_get_process(&join->table, event->pid);
        task = task_table_add(&join->table, event->pid, event->tid);
        if (!task)
                return error_origin(-ENOMEM);
        if (first) {
                task_table_inherit(&join->table, task->process, task_table_get_process(&join->table, event->fork.parent_pid));
                program_reader_note_birth(&join->programs, task->process);
        }
        task->start_time_ns = event->time_ns;
        if (join->features->delay_accounting == DELAY_ACCOUNTING_ON &&
            event->time_ns >= join_wall(join, join->features->delays_since_ns))
                task->flags |= TASK_COUNTED;
        if (reused || join_exit_take_late(join, event->tid))
                task->flags |= TASK_LATE_EXIT_EXPECTED;
        if (model) {
                if (!thread && event->fork.parent_pid == KTHREADD_PID)
                        task->flags |= TASK_KERNEL;
                task->ruid = model->ruid;
                task->euid = model->euid;
                task->rgid = model->rgid;
                task->egid = model->egid;
                task->flags |= model->flags & (TASK_CREDENTIALS_CHANGED | TASK_UNKNOWN | TASK_KERNEL | TASK_NONDUMPABLE);
                memcpy(task->comm, model->comm, sizeof(task->comm));
        } else {
                task->flags |= TASK_UNKNOWN;
        }
        if (task->process->ppid == 0)
                task->process->ppid = event->fork.parent_pid;
        if (first)
                owner_note_birth(task);

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
 * (Are there several without, then records were lost: their ends come as those of
 * unknown tasks.)
 */
static int join_exec_threads(Join *join, Process *process, uint64_t now_ns, Task **ret_caller) {
        Task *leader = NULL, *caller = NULL;
        PendingRecord *record;
        int r;

        r = exit_records_drain(&join->records);
        if (r)
                return error_trace(r);

        list_for_each(link, safe, &process->tasks) {
                Task *task = container_of(link, Task, link);

                if (task->tid == process->pid)
                        leader = task;
                else if (!pending_record_is_of(exit_records_peek(&join->records, task->tid), task))
                        caller = task;
        }
        if (leader && !caller && (leader->flags & TASK_GONE) && leader->start_time_ns) {
                /* A thread that was never seen. */
                task_table_revive(&join->table, leader);
                return 0;
        }
        if (!leader || !caller)
                return 0;

        record = exit_records_peek(&join->records, leader->tid);
        if (!(leader->flags & TASK_GONE) && record && !(record->record.stats.ac_flag & AC_FLAG_GROUP)) {
                /* The old leader's EXIT will come late. */
                r = join_exit_synthesise_task(join, leader, record, now_ns);
                if (r)
                        return error_trace(r);
                leader->flags |= TASK_LATE_EXIT_EXPECTED;
        }
        if (leader->flags & TASK_GONE)
                task_table_revive(&join->table, leader);
        *ret_caller = caller;
        return 0;
}

/* The thread that called exec is the leader from now on, and no other without a record is left. */
static void join_replace_leader(Join *join, Task *leader, const Task *caller) {
        leader->ruid = caller->ruid;
        leader->euid = caller->euid;
        leader->rgid = caller->rgid;
        leader->egid = caller->egid;
        leader->flags &= (uint16_t)~(TASK_CREDENTIALS_CHANGED | TASK_UNKNOWN | TASK_NONDUMPABLE);
        leader->flags |= caller->flags & (TASK_CREDENTIALS_CHANGED | TASK_UNKNOWN | TASK_NONDUMPABLE);
        memcpy(leader->comm, caller->comm, sizeof(leader->comm));

        list_for_each(link, safe, &leader->process->tasks) {
                Task *task = container_of(link, Task, link);

                if (task != leader && !pending_record_is_of(exit_records_peek(&join->records, task->tid), task))
                        task_table_end_task(&join->table, task);
        }
}

enum {
        _JOIN_E_SUCCESS,
        JOIN_E_SEEN,            /* in /proc, so that its owner is known too */
        JOIN_E_RECORDED,        /* in its record */
};

/*
 * The kernel sends no name with an exec. If the process has ended meanwhile, its
 * record has it; else /proc, which is asked only while the kernel's queue is
 * empty: under load that comes first. What was read of one that had ended by then
 * may be of the next owner of its number.
 */
static int join_read_name(Join *join,
                          const Event *event,
                          const Task *task,
                          uint64_t monotonic_ns,
                          char comm[static COMM_SIZE],
                          uint32_t *ret_owner) {
        PendingRecord *record;
        bool seen = false;
        int r;

        record = exit_records_peek(&join->records, event->pid);
        if (!record) {
                if (!join->connector->empty)
                        return 0;
                seen = comm_reader_read(&join->names, event->pid, monotonic_ns, comm, ret_owner);
                exit_records_expect(&join->records);
                r = exit_records_drain(&join->records);
                if (r)
                        return error_trace(r);
                record = exit_records_peek(&join->records, event->pid);
                if (!record)
                        return seen ? JOIN_E_SEEN : 0;
        }
        if (task && !pending_record_fits(record, task, join_wall(join, record->arrived_ns)))
                return seen ? JOIN_E_SEEN : 0;
        memcpy(comm, record->record.stats.ac_comm, COMM_SIZE);
        return JOIN_E_RECORDED;
}

/*
 * Whether /proc keeps a task from the owner of its ids after it called exec. A program
 * that has privileges by its file, or that he may not read, shows in whom its files
 * in /proc belong to, which costs nothing. What a process has from one that was
 * another's (privileges, a user namespace) is looked for in full, and expected until
 * it was.
 */
static uint16_t join_check_dumpable(Join *join, const Task *after, bool seen, uint32_t owner) {
        Process *process = after->process;
        bool feared = process->ran_as_other_user || (after->flags & TASK_NONDUMPABLE);
        ProcfsTask found;

        if (!seen || after->euid == 0)
                return feared ? TASK_NONDUMPABLE | TASK_RECHECK : 0;
        if (owner == after->euid && !feared && !process->creds_stale)
                return 0;
        /* Files of what is ending are root's too: that says nothing. */
        if (!procfs_read_leader(join->names.procfs_fd, process->pid, &found) || found.ended || found.exiting)
                return feared ? TASK_NONDUMPABLE : 0;
        if (found.ruid != after->ruid || found.rgid != after->rgid || found.nondumpable)
                return TASK_NONDUMPABLE;
        process->creds_stale = join->owners_stale = false;
        return 0;
}

/* The task as it is after it called exec: its memory is new, its ids are those of the thread that called. */
static Task join_exec_task(Join *join, const Task *caller, bool seen, uint32_t owner) {
        Task after = *caller;

        /* The kernel lets its owner look into new memory, whatever was said of the old. */
        after.process->nondumpable = false;
        after.flags &= (uint16_t)~(TASK_CREDENTIALS_CHANGED | TASK_RECHECK);
        after.flags = (uint16_t)((after.flags & ~TASK_NONDUMPABLE) | join_check_dumpable(join, &after, seen, owner));
        if (after.flags & TASK_NONDUMPABLE)
                after.process->ran_as_other_user = true;
        if ((after.flags & TASK_RECHECK) && after.euid != 0)
                recheck_queue_add(&join->recheck_queue, after.process->pid);
        return after;
}

static int join_exec(Join *join, Event *event, uint64_t monotonic_ns) {
        Process *process = task_table_get_process(&join->table, event->pid);
        char comm[COMM_SIZE];
        Program *program = NULL;
        Task *task, *caller = NULL, after = {};
        uint32_t owner = 0;
        bool seen;
        int r;

        if (process && (process->n_live > 1 || !task_table_get(&join->table, event->pid))) {
                r = join_exec_threads(join, process, event->time_ns, &caller);
                if (r)
                        return error_trace(r);
        }

        task = task_table_get(&join->table, event->tid);
        event_fill(event, task);
        if (task && caller) {
                event->uid = caller->ruid;
                event->task_unknown = caller->flags & TASK_UNKNOWN;
                memcpy(event->comm, caller->comm, sizeof(event->comm));
                event->exec.caller_tid = caller->tid;
        }
        r = join_read_name(join, event, task, monotonic_ns, comm, &owner);
        if (r < 0)
                return error_trace(r);
        seen = r == JOIN_E_SEEN;
        event->exec.comm_stale = r == 0;
        if (!event->exec.comm_stale)
                memcpy(event->comm, comm, sizeof(event->comm));
        if (task) {
                r = program_reader_read_at_exec(&join->programs, task, join->connector->empty, &program);
                if (r)
                        return error_trace(r);
                event->program = program;
                after = join_exec_task(join, caller ? caller : task, seen, owner);
                event->owner = owner_of_task(&after);
        }
        join_emit(join, event);
        if (!task)
                return 0;
        if (caller)
                join_replace_leader(join, task, caller);
        memcpy(task->comm, event->comm, sizeof(task->comm));
        task->flags &= (uint16_t)~(TASK_CREDENTIALS_CHANGED | TASK_KERNEL | TASK_NONDUMPABLE | TASK_RECHECK);
        task->flags |= after.flags & (TASK_NONDUMPABLE | TASK_RECHECK);
        task_table_set_program(&join->table, task->process, program);
        return 0;
}

static void join_change_task(const Event *event, Task *task) {
        switch (event->kind) {
        case EVENT_COMM:
                memcpy(task->comm, event->comm, sizeof(task->comm));
                break;
        case EVENT_UID:
                task->ruid = event->credentials.real_id;
                task->euid = event->credentials.effective_id;
                task->flags |= TASK_CREDENTIALS_CHANGED;
                task->process->ran_as_other_user = true;
                break;
        case EVENT_GID:
                task->rgid = event->credentials.real_id;
                task->egid = event->credentials.effective_id;
                task->flags |= TASK_CREDENTIALS_CHANGED;
                task->process->ran_as_other_user = true;
                break;
        case EVENT_SID:
                task->process->session = event->pid;
                break;
        default:
                break;
        }
}

/**
 * join_change() - tell a change of a task, and note it
 * @join:   the join
 * @event:  the event, with what the task has from now on
 */
void join_change(Join *join, Event *event) {
        Task *task = task_table_get(&join->table, event->tid);
        char comm[COMM_SIZE];

        switch (event->kind) {
        case EVENT_COMM:
                memcpy(comm, event->comm, sizeof(comm));
                event_fill(event, task);
                memcpy(event->comm_change.old_comm, event->comm, sizeof(comm));
                memcpy(event->comm, comm, sizeof(comm));
                break;
        case EVENT_UID:
                event_fill(event, task);
                event->uid = event->credentials.real_id;
                event->owner.claim = OWNER_NONE;
                break;
        case EVENT_GID:
                event_fill(event, task);
                event->owner.claim = OWNER_NONE;
                break;
        default:
                event_fill(event, task);
                break;
        }
        join_emit(join, event);
        if (task)
                join_change_task(event, task);
}

/* Connector messages were lost. */
static void join_mark_stale(Join *join) {
        join->births_lost = true;
        join->wants_reconcile = true;
        if (!join->owners_stale)
                task_table_mark_creds_stale(&join->table);
        join->owners_stale = true;
        join->lossy_ns = (uint64_t)clock_read_ns(CLOCK_MONOTONIC);
        if (!join->lossy)
                join->lossy_since_ns = join->lossy_ns;
        join->lossy = true;
}

static int join_has_ended(ProgramReader *programs, const Task *task, bool *ret_ended) {
        Join *join = container_of(programs, Join, programs);
        const PendingRecord *record;
        int r;

        exit_records_expect(&join->records);
        r = exit_records_drain(&join->records);
        if (r)
                return error_trace(r);
        record = exit_records_peek(&join->records, task->tid);
        *ret_ended = pending_record_is_of(record, task) && pending_record_fits(record, task, join_wall(join, record->arrived_ns));
        return 0;
}

/* What a process runs became known later: told to those whose set of tasks that changes. */
static void join_on_program(ProgramReader *programs, const Task *task, const Program *program) {
        Join *join = container_of(programs, Join, programs);
        Event event = {
                .kind = EVENT_COMM,
                .time_ns = join_wall(join, (uint64_t)clock_read_ns(CLOCK_MONOTONIC)),
                .pid = task->process->pid,
                .tid = task->tid,
                .synthesised = true,
                .only_for_sets = true,
        };

        event_fill(&event, task);
        memcpy(event.comm_change.old_comm, task->comm, sizeof(task->comm));
        event.program = program;
        join_emit(join, &event);
}

/* Those of which it was feared only that they are kept from their owners; told where that brings a task into a set. */
static void join_recheck(Join *join) {
        Task *task;

        while ((task = recheck_queue_next(&join->recheck_queue, &join->table, join->names.procfs_fd))) {
                Event event = {
                        .kind = EVENT_COMM,
                        .time_ns = join_wall(join, (uint64_t)clock_read_ns(CLOCK_MONOTONIC)),
                        .pid = task->process->pid,
                        .tid = task->tid,
                        .synthesised = true,
                        .only_for_sets = true,
                };
                Task after = *task;

                event_fill(&event, task);
                after.flags &= (uint16_t)~TASK_NONDUMPABLE;
                event.owner = owner_of_task(&after);
                memcpy(event.comm_change.old_comm, task->comm, sizeof(task->comm));
                join_emit(join, &event);
                task->flags = after.flags;
        }
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
                return error_trace(join_exit_reported(join, event));
        case EVENT_LOSS:
                join_mark_stale(join);
                join_emit(join, event);
                return 0;
        default:
                join_change(join, event);
                return 0;
        }
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
                exit_records_expect(&join->records);

                for (size_t i = 0; i < connector->n_events; ++i) {
                        r = join_event(join, &connector->events[i]);
                        if (r)
                                return error_trace(r);
                }
                if (connector->batch.drained)
                        break;
        }

        /* Woken by a record whose EXIT is still to come: take it out of the queue, or be woken by it again. */
        if (connector->batch.drained && !join->records.drained) {
                r = exit_records_receive(&join->records);
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
        join_mark_stale(join);
}

/* Whether a record's task is still there, on a machine that leaves it no time to go. */
static bool join_is_torn_down(const Join *join, const PendingRecord *record) {
        uint64_t start_ns = join_wall(join, record->arrived_ns) - record->record.stats.ac_etime_us * NSEC_PER_USEC;
        uint32_t tid = record->record.tid;
        ProcfsTask found;

        return procfs_read_task(join->names.procfs_fd, record->record.pid ? record->record.pid : tid, tid, &found) &&
               procfs_starts_agree(found.start_time_ns, start_ns);
}

/*
 * The connector was silent too briefly for anybody to ask it meanwhile: only the
 * records show it, whose EXITs are overdue.
 */
static void join_check_overdue(Join *join, uint64_t now_ns) {
        const PendingRecord *oldest = pending_records_oldest(&join->records.waiting);

        if (join->lossy || !oldest || now_ns - oldest->arrived_ns < OVERDUE_AGE_NS || join_is_torn_down(join, oldest))
                return;
        ++join->connector->counters.muted;
        ++join->connector->counters.repaired;
        join_note_muted(join, oldest->arrived_ns);
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

        join_recheck(join);
        join_check_overdue(join, now);
        if (!join->lossy || now - join->lossy_since_ns < ORPHAN_AGE_NS)
                return 0;

        r = join_exit_synthesise_overdue(join, now - ORPHAN_AGE_NS, &count);
        if (r)
                return error_trace(r);
        if (join->was_muted)
                join->n_blind += count;
        if (now - join->lossy_ns < ORPHAN_AGE_NS)
                return 0;
        if (join->was_muted) {
                Event loss = {
                        .kind = EVENT_LOSS,
                        .time_ns = join_wall(join, now),
                        .loss = {
                                .count = join->n_blind,
                                .source = LOSS_CONNECTOR,
                                .reason = LOSS_MUTED,
                                .at_least = true,
                                .since_time_ns = join_wall(join, join->muted_since_ns),
                        },
                };

                join->connector->counters.lost += join->n_blind;
                join->was_muted = false;
                join->n_blind = 0;
                join_emit(join, &loss);
        }
        if (now - join->lossy_ns >= 4 * ORPHAN_AGE_NS)
                join->lossy = false;
        return 0;
}

/**
 * join_is_settled() - whether the last loss is past
 * @join:  the join
 *
 * Return: Whether nothing was lost for a while, and what was has been told.
 */
bool join_is_settled(const Join *join) {
        return !join->was_muted && (uint64_t)clock_read_ns(CLOCK_MONOTONIC) - join->lossy_ns >= ORPHAN_AGE_NS;
}
