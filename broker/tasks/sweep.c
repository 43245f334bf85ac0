/* SPDX-License-Identifier: Apache-2.0 */

/*
 * From one pass to the next a task keeps two numbers: a digest of four bytes, which shows
 * whether it has run since, and the last pass that found a change. A feed that has pass N
 * needs the tasks that changed after N. So it keeps one number, at any interval, and no
 * statistics stay in memory.
 *
 * The digest is made of public statistics (processor time, switches, waits), because the
 * choice of tasks in a sample must not disclose more. A task uses nothing without running.
 */

#include <string.h>

#include "broker/base/clock.h"
#include "broker/base/error.h"
#include "broker/base/util.h"
#include "broker/tasks/parents.h"
#include "broker/tasks/sweep.h"

/* Tasks in a slice, at most. */
#define SLICE_TASKS 256u

/* The work to look at a task, in steps of a filter. */
#define LOOK_STEPS 16u

/* Whether a process is wanted. */
typedef enum Choice {
        CHOICE_NO,
        CHOICE_YES,
        CHOICE_OPEN,            /* the slice has no steps left for it */
} Choice;

void sweep_init(Sweep *sweep, Join *join, StatsSource *source, SampleConsumer *consumer) {
        *sweep = (Sweep){ .join = join, .source = source, .consumer = consumer };
}

void sweep_deinit(Sweep *sweep) {
        process_totals_deinit(&sweep->sum);
        *sweep = (Sweep){};
}

/**
 * sweep_renumber() - begin to count passes anew, before their number wraps
 * @sweep:  the sweep, none running
 *
 * All changes so far become changes of pass 1. So each feed must send a full sample next.
 *
 * Return: Whether the number was at its end.
 */
bool sweep_renumber(Sweep *sweep) {
        const TaskTable *table = &sweep->join->table;

        if (sweep->number < UINT32_MAX)
                return false;
        for (Task *task = task_table_next(table, 1); task; task = task_table_next(table, task->tid + 1))
                task->changed_sweep = MIN(task->changed_sweep, 1u);
        for (Task *task = task_table_next_leader(table, 1); task; task = task_table_next_leader(table, task->tid + 1))
                task->process->changed_sweep = MIN(task->process->changed_sweep, 1u);
        sweep->number = 1;
        return true;
}

/**
 * sweep_start() - begin a pass
 * @sweep:         the sweep, none running
 * @of_tasks:      tasks are reported
 * @of_processes:  processes are reported
 */
void sweep_start(Sweep *sweep, bool of_tasks, bool of_processes) {
        ++sweep->number;
        sweep->running = true;
        sweep->of_tasks = of_tasks;
        sweep->of_processes = of_processes;
        sweep->next_pid = 1;
        sweep->large = false;
        sweep->choosing = false;
        sweep->wanted_pid = 0;
}

static uint64_t mix(uint64_t h, uint64_t value) {
        return (h ^ value) * 0x9e3779b97f4a7c15u;
}

static uint32_t folded(uint64_t h) {
        return (uint32_t)(h >> 32) | 1;
}

static void note_task(Sweep *sweep, Task *task, const TaskStats *stats) {
        uint64_t h = mix(mix(0, stats->cpu_run_virtual_total_ns), stats->nvcsw + stats->nivcsw);
        uint32_t sampled = folded(mix(mix(h, stats->cpu_delay.count), stats->ac_utime_us + stats->ac_stime_us));

        if (task->sampled == sampled)
                return;
        task->sampled = sampled;
        task->changed_sweep = sweep->number;
        task->process->changed_sweep = sweep->number;
}

/* A fork or an exit of a thread changes a process too, and so does another parent. */
static void note_process(Sweep *sweep, Process *process) {
        bool with_parent = parents_is_known(&sweep->join->table, process);

        if (process->sampled && process->sampled_with_parent == with_parent)
                return;
        process->sampled = true;
        process->sampled_with_parent = with_parent;
        process->changed_sweep = sweep->number;
}

/*
 * An answer was lost: the task may have run. Without this report, the task would look as if it had not. The next pass
 * reports it again.
 */
static void sweep_report_lost_task(Sweep *sweep, Task *task, uint64_t time_ns) {
        TaskSample sample = process_totals_lost_task_sample(sweep->join, task, time_ns);

        task->sampled = 0;
        task->changed_sweep = sweep->number;
        sweep->consumer->take(sweep->consumer, task, false, &sample);
}

/* The same for a process. If the thread that is missing has gone, its exit follows. */
static void sweep_report_lost_process(Sweep *sweep, Task *leader, uint64_t time_ns) {
        TaskSample sample = process_totals_lost_sample(sweep->join, leader, time_ns);

        leader->process->sampled = false;
        if (sweep->sum.gone || !sweep->of_processes)
                return;
        leader->process->changed_sweep = sweep->number;
        sweep->consumer->take(sweep->consumer, leader, true, &sample);
}

/* Receives the next answers of a process. */
static int sweep_take(Sweep *sweep, size_t n) {
        ProcessTotals *sum = &sweep->sum;
        uint64_t time_ns = join_time_ns(sweep->join, (uint64_t)clock_read_ns(CLOCK_MONOTONIC));

        for (; n > 0; --n) {
                Task *task = task_table_get(&sweep->join->table, process_totals_next(sum));
                StatsAnswer answer;
                int r;

                r = process_totals_answer(sweep->join, sweep->source, task, &answer);
                if (r)
                        return error_trace(r);
                ++sweep->n_tasks;
                sweep->n_gone += answer.state == STATS_ANSWER_GONE;
                sweep->n_lost += answer.state == STATS_ANSWER_LOST;
                process_totals_add(sum, task, &answer);
                if (answer.state == STATS_ANSWER_LOST && sweep->of_tasks)
                        sweep_report_lost_task(sweep, task, time_ns);
                if (answer.state != STATS_ANSWER_LIVE)
                        continue;
                note_task(sweep, task, &answer.stats);
                if (sweep->of_tasks) {
                        TaskSample sample = process_totals_task_sample(&sweep->join->table, task, &answer.stats,
                                                                       time_ns);

                        sweep->consumer->take(sweep->consumer, task, false, &sample);
                }
        }
        return 0;
}

static void sweep_report_process(Sweep *sweep, Task *leader) {
        uint64_t time_ns = join_time_ns(sweep->join, (uint64_t)clock_read_ns(CLOCK_MONOTONIC));
        TaskSample sample;

        if (sweep->sum.failed)
                return sweep_report_lost_process(sweep, leader, time_ns);
        note_process(sweep, leader->process);
        if (!sweep->of_processes)
                return;
        sample = process_totals_sample(sweep->join, &sweep->sum, leader, time_ns);
        sweep->consumer->take(sweep->consumer, leader, true, &sample);
}

/* A slice of a process that is larger than one. */
static int sweep_slice_of_large(Sweep *sweep, size_t n_max) {
        uint32_t tids[SLICE_TASKS];
        Task *leader;
        size_t n;
        int r;

        if (!sweep->sum.failed) {
                n = process_totals_fill(&sweep->sum, tids, n_max);
                r = sweep->source->ask(sweep->source, tids, n);
                if (!r)
                        r = sweep_take(sweep, n);
                if (r)
                        return error_trace(r);
                if (!process_totals_is_complete(&sweep->sum))
                        return 0;
        }
        leader = task_table_get_leader(&sweep->join->table, sweep->sum.pid);
        if (leader && leader->process->n_live > 0)
                sweep_report_process(sweep, leader);
        sweep->large = false;
        sweep->sum.pid = 0;
        return 0;
}

/*
 * The choice of processes.
 */

/* Whether the slice has steps left. To look at a task is work too. */
static bool sweep_has_steps(const Sweep *sweep) {
        return sweep->n_steps + sweep->consumer->n_steps - sweep->n_consumer_steps < SWEEP_SLICE_STEPS;
}

static bool sweep_wants_task(Sweep *sweep, const Task *task) {
        sweep->n_steps += LOOK_STEPS;
        return !(task->flags & TASK_GONE) && sweep->consumer->wants_task(sweep->consumer, task);
}

static Choice sweep_choose(Sweep *sweep, const Task *leader) {
        const Process *process = leader->process;

        sweep->n_steps += LOOK_STEPS;
        if (process->n_live == 0)
                return CHOICE_NO;
        if (process->pid == sweep->wanted_pid || sweep->consumer->wants(sweep->consumer, leader))
                return CHOICE_YES;
        if (!sweep->of_tasks || !sweep->consumer->wants_task)
                return CHOICE_NO;
        list_for_each(link, safe, &process->tasks) {
                if (sweep_wants_task(sweep, container_of(link, Task, link)))
                        return CHOICE_YES;
                if (!sweep_has_steps(sweep))
                        return CHOICE_OPEN;
        }
        return CHOICE_NO;
}

/* Looks for a wanted task of a process that has too many of them for the steps of one slice. */
static int sweep_slice_of_choice(Sweep *sweep) {
        uint32_t tid;

        while ((tid = process_totals_next(&sweep->sum))) {
                const Task *task = task_table_get(&sweep->join->table, tid);

                ++sweep->sum.i;
                if (task && sweep_wants_task(sweep, task)) {
                        sweep->wanted_pid = sweep->sum.pid;
                        break;
                }
                if (!sweep_has_steps(sweep))
                        return 0;
        }
        if (!tid)
                sweep->next_pid = sweep->sum.pid + 1;
        sweep->choosing = false;
        sweep->sum.pid = 0;
        return 0;
}

/* The process has more tasks than a slice queries, or than it has steps for. */
static int sweep_begin_large(Sweep *sweep, const Process *process, Choice choice) {
        sweep->large = choice == CHOICE_YES;
        sweep->choosing = choice == CHOICE_OPEN;
        if (sweep->large)
                sweep->next_pid = process->pid + 1;
        return error_trace(process_totals_begin(&sweep->sum, process));
}

/* Queries whole processes, and reports them. */
static int sweep_query(Sweep *sweep, const uint32_t *tids, size_t n, Task *const *leaders, size_t n_leaders) {
        int r;

        r = n > 0 ? sweep->source->ask(sweep->source, tids, n) : 0;
        if (r)
                return error_trace(r);
        for (size_t i = 0; i < n_leaders; ++i) {
                r = process_totals_begin(&sweep->sum, leaders[i]->process);
                if (!r)
                        r = sweep_take(sweep, sweep->sum.n);
                if (r)
                        return error_trace(r);
                sweep_report_process(sweep, leaders[i]);
        }
        sweep->sum.pid = 0;
        return 0;
}

/* As many whole processes as fit into a slice. */
static int sweep_slice_of_small(Sweep *sweep, size_t n_max) {
        uint32_t tids[SLICE_TASKS];
        Task *leaders[SLICE_TASKS], *leader;
        size_t n = 0, n_leaders = 0;
        Choice choice = CHOICE_NO;
        int r;

        while ((leader = task_table_next_leader(&sweep->join->table, sweep->next_pid))) {
                Process *process = leader->process;

                choice = sweep_choose(sweep, leader);
                if (choice == CHOICE_OPEN || (choice == CHOICE_YES && n + process->n_live > n_max))
                        break;
                if (choice == CHOICE_YES) {
                        r = process_totals_begin(&sweep->sum, process);
                        if (r)
                                return error_trace(r);
                        n += process_totals_fill(&sweep->sum, tids + n, n_max - n);
                        leaders[n_leaders++] = leader;
                }
                choice = CHOICE_NO;
                sweep->next_pid = process->pid + 1;
                if (!sweep_has_steps(sweep))
                        break;
        }

        if (n == 0 && choice != CHOICE_NO)
                return error_trace(sweep_begin_large(sweep, leader->process, choice));
        r = sweep_query(sweep, tids, n, leaders, n_leaders);
        if (r)
                return error_trace(r);
        if (!leader) {
                sweep->running = false;
                ++sweep->n_passes;
        }
        return 0;
}

/**
 * sweep_slice() - do a part of the pass
 * @sweep:  the sweep, running; when it is through, it does not any more
 * @n_max:  tasks to ask for, at most
 *
 * Return: 0, or a negative errno.
 */
int sweep_slice(Sweep *sweep, size_t n_max) {
        uint64_t n_steps_of_task = MAX(sweep->consumer->n_steps_of_task, (uint64_t)1);

        n_max = MIN(n_max, sweep->source->n_max);
        n_max = MIN(n_max, (size_t)SLICE_TASKS);
        if (n_max > SWEEP_SLICE_STEPS / n_steps_of_task)
                n_max = MAX((size_t)(SWEEP_SLICE_STEPS / n_steps_of_task), (size_t)1);
        sweep->n_steps = 0;
        sweep->n_consumer_steps = sweep->consumer->n_steps;
        if (sweep->choosing)
                return error_trace(sweep_slice_of_choice(sweep));
        return error_trace(sweep->large ? sweep_slice_of_large(sweep, n_max) : sweep_slice_of_small(sweep, n_max));
}

/**
 * sweep_on_event() - count an event that happens during a pass
 * @sweep:  the sweep
 * @event:  the event, after the join
 */
void sweep_on_event(Sweep *sweep, const Event *event) {
        Task *task;

        process_totals_on_event(&sweep->sum, event);
        /* The task may enter the set of a feed by this: it is sampled as if it had run. */
        if (!event_changes_task(event))
                return;
        task = task_table_get(&sweep->join->table, event->tid);
        if (!task)
                return;
        task->sampled = 0;
        task->process->sampled = false;
}
