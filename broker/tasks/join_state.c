/* SPDX-License-Identifier: Apache-2.0 */

#include "broker/tasks/join_state.h"
#include "broker/tasks/parents.h"

/* Converts a monotonic time to the time scale of clock.h. */
uint64_t join_time_ns(const Join *join, uint64_t monotonic_ns) {
        return monotonic_ns + (uint64_t)join->time_offset_ns;
}

/**
 * join_mask_stats() - leave out the statistics that were not measured
 * @join:   the join
 * @stats:  statistics of a task, as the kernel sent them
 * @task:   the task; NULL: not in the table
 *
 * Delay accounting is a property of a task, which it gets at its fork. If the fork was
 * not seen, or the state at the fork is unknown, a count above zero proves it. Otherwise
 * zeros may be no measurements, and are left out. Without a switch in the kernel, one
 * task proves it for all.
 */
void join_mask_stats(const Join *join, TaskStats *stats, const Task *task) {
        KernelFeatures *features = join->features;
        bool proven = stats->blkio_delay.count || stats->swapin_delay.count || stats->freepages_delay.count ||
                      stats->thrashing_delay.count || stats->compact_delay.count || stats->wpcopy_delay.count ||
                      stats->irq_delay.count;
        bool counted = proven || (task && (task->flags & TASK_COUNTED));

        if (features->delays_constant) {
                if (proven)
                        features->delay_accounting = DELAY_ACCOUNTING_ON;
                counted = features->delay_accounting == DELAY_ACCOUNTING_ON;
        }
        stats->groups &= ~features->unsupported;
        stats->unsupported |= features->unsupported;
        if (!counted && (stats->groups & STATS_DELAYS)) {
                stats->groups &= ~STATS_DELAYS;
                stats->uncounted |= STATS_DELAYS;
        }
}

/* Adds the present parent, or the start of the one that the kernel named. */
static void event_complete_parent(const Join *join, Event *event) {
        const Process *process = task_table_get_process(&join->table, event->pid);

        if (!process)
                return;
        if (!event->parent.known)
                event->parent = parents_present(&join->table, process);
        else if (event->parent.start_time_ns == 0)
                event->parent = parents_find(&join->table, process, event->parent.pid);
}

/**
 * join_emit() - emit a finished event that changes no known task
 * @join:   the join
 * @event:  a loss, or a fork whose task is in the table already
 */
void join_emit(Join *join, Event *event) {
        event_complete_parent(join, event);
        event->time_offset_ns = join->time_offset_ns;
        join->last_time_ns = event->time_ns;
        join->emit(join, event);
}

/* Emits an event about a task, and its process' leader, that the table has as they were before. */
static void join_emit_of(Join *join, Event *event, const Task *task, const Task *leader) {
        if (!event->task_before && task && !(task->flags & TASK_GONE))
                event->task_before = task;
        event->leader_before = leader;
        if (event->process_start_ns == 0 && leader)
                event->process_start_ns = leader->start_time_ns;
        join_emit(join, event);
}

/**
 * join_commit() - emit an event that changes a task, then change the table
 * @join:    the join
 * @event:   the event, with what the task is afterwards
 * @task:    the task; NULL: not in the table
 * @change:  the task afterwards; NULL: the event changes nothing in the table
 *
 * The caller sets @event->task_before only if another task becomes this one.
 */
void join_commit(Join *join, Event *event, Task *task, const TaskChange *change) {
        join_emit_of(join, event, task, task_table_get_leader(&join->table, event->pid));
        if (change)
                task_change_store(&join->table, task, change);
}

/**
 * join_commit_exit() - emit the exit of a task, then remove it from the table
 * @join:     the join
 * @event:    the exit
 * @task:     the task; NULL: not in the table
 * @process:  its process, removed too if the event ended it; NULL: not in the table
 *
 * A leader that ends before its process keeps its place in the table, for the identity of
 * the process.
 */
void join_commit_exit(Join *join, Event *event, Task *task, Process *process) {
        join_emit_of(join, event, task, process ? task_table_get_leader(&join->table, process->pid) : NULL);
        if (process && !event->exit.process_ended && event->parent.known && !parents_is_known(&join->table, process))
                (void)parents_set(&join->table, process, event->parent.pid);
        if (task && task->tid == event->pid)
                task->exit_signal =
                        event->synthesised ? TASK_EXIT_SIGNAL_UNKNOWN : (uint8_t)event->exit.exit_signal;
        if (task)
                task_table_end_task(&join->table, task);
        if (process && event->exit.process_ended) {
                parents_note_end(&join->table, process);
                task_table_end_process(&join->table, process);
        }
}
