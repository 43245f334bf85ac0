/* SPDX-License-Identifier: Apache-2.0 */

#include <string.h>

#include "broker/model/event.h"
#include "broker/model/task.h"

/* EVENT_* bits of each kind. */
static const uint32_t kind_flags[_EVENT_KIND_N] = {
#define KIND(NAME, name, number, kernel, task_at, parse, member, wire, WIRE, message, form, flags)                     \
        [EVENT_##NAME] = (flags),
        EVENT_KINDS(KIND)
#undef KIND
};

/**
 * event_fill() - complete an event with what is known of its task
 * @event:  the event
 * @task:   its task; NULL: not known
 */
void event_fill(Event *event, const Task *task) {
        if (!task) {
                event->task_unknown = true;
                return;
        }
        event->process_start_ns = process_leader(task->process)->start_time_ns;
        event->origin = process_origin(task->process);
        event->maker = process_maker(task->process);
        event->uid = task->ruid;
        event->start_time_ns = task->start_time_ns;
        memcpy(event->comm, task->comm, sizeof(event->comm));
        event->program = task->process->program;
        event->program_inherited = !task->process->execed;
        event->marks = task->process->marks;
        event->task_unknown = task->flags & TASK_UNKNOWN;
        event->comm_stale = task->flags & TASK_COMM_STALE;
        event->owner = owner_of_task(task);
}

/**
 * event_is_of_process() - whether a subscription to processes only has the event
 * @event:  the event, after the join
 *
 * An exit concerns the process if it ended it, whichever thread was last. A kind
 * with EVENT_OF_PROCESS concerns the whole process.
 *
 * Return: Whether it concerns a process or its leader.
 */
bool event_is_of_process(const Event *event) {
        if (event->kind == EVENT_EXIT)
                return event->exit.process_ended;
        return kind_flags[event->kind] & EVENT_OF_PROCESS || event->tid == event->pid;
}

/*
 * The event is about the leader from now on, gone or not. The leader's own record, in the
 * totals, is newer than the table.
 */
static void event_fill_from_leader(Event *event, const Task *leader) {
        const TaskStats *totals = event->kind == EVENT_EXIT ? event->exit.process_stats : NULL;
        Owner owner;

        event->tid = event->pid;
        event->task_unknown = !leader || (leader->flags & TASK_UNKNOWN);
        event->comm_stale = leader && (leader->flags & TASK_COMM_STALE);
        event->uid = event->task_unknown ? 0 : leader->ruid;
        event->start_time_ns = leader ? leader->start_time_ns : 0;
        if (event->task_unknown) {
                memset(event->comm, 0, sizeof(event->comm));
        } else {
                owner = owner_of_task(leader);
                /* Only its ids outlive a leader that has ended: the rest of its memory the threads still have. */
                if (leader->flags & TASK_GONE)
                        owner.claim = event->owner.claim;
                owner_restrict(&event->owner, &owner);
                memcpy(event->comm, leader->comm, sizeof(event->comm));
        }
        if (leader && totals && totals->has_leader) {
                event->task_unknown = event->comm_stale = false;
                event->uid = totals->ac_uid;
                memcpy(event->comm, totals->ac_comm, sizeof(event->comm));
        }
}

/**
 * event_of_process() - an event as the process has it
 * @event:    the event, after the join
 * @storage:  used if the process has it otherwise than its task
 *
 * A process has the identity, the name and the owner of its leader, even if the leader has
 * ended. So an event that a thread caused gets them. An exit gets the cause of the process'
 * end, and the totals of the process.
 *
 * Return: The event of the process, valid as long as both; NULL: it is a thread's only.
 */
const Event *event_of_process(const Event *event, Event *storage) {
        bool of_thread = event->tid != event->pid;
        bool of_exit = event->kind == EVENT_EXIT;
        const Task *leader = event->leader_before;

        if (!event_is_of_process(event))
                return NULL;
        if (event->kind == EVENT_LOSS || (!of_thread && !of_exit))
                return event;
        /* most processes: one task */
        if (!of_thread && !event->exit.process_stats && event->exit.wait_status == event->exit.process_wait_status &&
            event->exit.status_unknown == event->exit.process_status_unknown)
                return event;
        *storage = *event;
        if (of_thread)
                event_fill_from_leader(storage, leader);
        if (!of_exit)
                return storage;
        storage->exit.wait_status = event->exit.process_wait_status;
        storage->exit.status_unknown = event->exit.process_status_unknown;
        if (of_thread) {
                storage->exit.exit_signal_unknown = !leader || leader->exit_signal == TASK_EXIT_SIGNAL_UNKNOWN;
                storage->exit.exit_signal = storage->exit.exit_signal_unknown ? 0 : leader->exit_signal;
        }
        if (event->exit.process_stats)
                storage->exit.stats = event->exit.process_stats;
        storage->exit.process_stats = NULL;
        if (storage->exit.stats)
                storage->exit.stats_missing = STATS_MISSING_NO;
        return storage;
}

/* Whether the task's name, ids or owner can differ behind the event. */
bool event_changes_task(const Event *event) {
        return kind_flags[event->kind] & EVENT_CHANGES_TASK;
}

/* Whether the task can enter or leave the set of a filter by the event. */
bool event_changes_set(const Event *event) {
        return kind_flags[event->kind] & EVENT_CHANGES_SET;
}

/* Whether the event's kind alone shows how a task ends. */
bool event_shows_status(const Event *event) {
        return kind_flags[event->kind] & EVENT_SHOWS_STATUS;
}

/* EVENT_BIT()s of what a subscription has that names no kinds. */
uint32_t event_default_kinds(void) {
        uint32_t kinds = 0;

        for (unsigned int kind = 0; kind < _EVENT_KIND_N; ++kind)
                if (kind_flags[kind] & EVENT_BY_DEFAULT)
                        kinds |= EVENT_BIT(kind);
        return kinds;
}

/* Whether a number of the wire is a kind. */
bool event_kind_is_known(int64_t kind) {
        switch (kind) {
#define KIND(NAME, ...) case EVENT_##NAME:
                EVENT_KINDS(KIND)
#undef KIND
                return true;
        default:
                return false;
        }
}
