/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Each thread is counted once. While it lives, the kernel's answer counts. After its exit
 * the process' totals have it. In between, its record counts, which was queued before the
 * kernel freed the thread.
 *
 * As a rule all threads are queried between two events. A process with too many threads
 * for one query is summed over several turns of the loop. Then the totals of the beginning
 * count, and the exit of a thread that was not queried yet.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "broker/base/clock.h"
#include "broker/base/error.h"
#include "broker/base/util.h"
#include "broker/model/owner.h"
#include "broker/tasks/parents.h"
#include "broker/tasks/process_exit.h"
#include "broker/tasks/process_peaks.h"
#include "broker/tasks/process_totals.h"

void process_totals_deinit(ProcessTotals *sum) {
        free(sum->tids);
        *sum = (ProcessTotals){};
}

/**
 * process_totals_begin() - begin with a process
 * @sum:      the sum; its former content is lost
 * @process:  the process, with a live task
 *
 * Return: 0, or a negative errno.
 */
int process_totals_begin(ProcessTotals *sum, const Process *process) {
        uint32_t leader = 0;

        if (process->n_live > sum->n_max) {
                size_t n = MAX((size_t)process->n_live, 2 * sum->n_max);
                uint32_t *tids = realloc(sum->tids, n * sizeof(*tids));

                if (!tids)
                        return error_origin(-ENOMEM);
                sum->tids = tids;
                sum->n_max = n;
        }

        sum->pid = process->pid;
        sum->n = sum->i = 0;
        sum->failed = sum->gone = sum->owned = false;
        sum->single = process->n_live == 1 && !process->totals;
        if (process->totals)
                sum->total = *process->totals;
        else if (!sum->single)
                sum->total = (TaskStats){};

        /* The leader comes last: its fields that cannot be summed are kept. */
        list_for_each(link, safe, &process->tasks) {
                const Task *task = container_of(link, Task, link);

                if (task->flags & TASK_GONE)
                        continue;
                if (task->tid == process->pid)
                        leader = task->tid;
                else
                        sum->tids[sum->n++] = task->tid;
        }
        if (leader)
                sum->tids[sum->n++] = leader;
        return 0;
}

/**
 * process_totals_fill() - list the threads to query next
 * @sum:    the sum
 * @tids:   output
 * @n_max:  how many at most
 *
 * Return: How many: the answers for these are the next to be added.
 */
size_t process_totals_fill(ProcessTotals *sum, uint32_t *tids, size_t n_max) {
        size_t n = 0;

        for (size_t i = sum->i; i < sum->n && n < n_max; ++i)
                if (sum->tids[i] > 0)
                        tids[n++] = sum->tids[i];
        return n;
}

/* The thread whose answer is added next; 0: all were added. */
uint32_t process_totals_next(ProcessTotals *sum) {
        while (sum->i < sum->n && sum->tids[sum->i] == 0)
                ++sum->i;
        return sum->i < sum->n ? sum->tids[sum->i] : 0;
}

bool process_totals_is_complete(ProcessTotals *sum) {
        return process_totals_next(sum) == 0;
}

/**
 * process_totals_add() - add an answer
 * @sum:     the sum
 * @task:    process_totals_next()
 * @answer:  for it
 */
void process_totals_add(ProcessTotals *sum, const Task *task, const StatsAnswer *answer) {
        Owner owner =
                answer->state == STATS_ANSWER_LIVE ? owner_of_live_task(task, &answer->stats) : owner_of_task(task);

        ++sum->i;
        /* /proc/PID/io has the sums of all threads, and the owner of the leader, whose answer comes last. */
        if (task->tid != sum->pid && sum->owned)
                owner_restrict(&sum->owner, &owner);
        else
                sum->owner = owner;
        sum->owned = true;
        sum->gone |= answer->state == STATS_ANSWER_GONE;
        if (answer->state != STATS_ANSWER_LIVE)
                sum->failed = true;
        else if (sum->single)
                sum->total = answer->stats;
        else
                task_stats_add(&sum->total, &answer->stats, task->tid == sum->pid);
}

/**
 * process_totals_on_event() - count an event that happens while a sum is made
 * @sum:    the sum
 * @event:  the event, after the join
 */
void process_totals_on_event(ProcessTotals *sum, const Event *event) {
        if (sum->pid == 0 || event->pid != sum->pid)
                return;
        /* By exec a thread takes the leader's number. */
        if (event->kind == EVENT_EXEC && !event->only_for_sets)
                sum->failed = true;
        if (event->kind != EVENT_EXIT)
                return;
        if (event->exit.process_ended)
                sum->failed = true;
        for (size_t i = sum->i; i < sum->n; ++i) {
                if (sum->tids[i] != event->tid)
                        continue;
                sum->tids[i] = 0;
                if (event->exit.stats)
                        task_stats_add(&sum->total, event->exit.stats, event->tid == event->pid);
                else
                        ++sum->total.tasks_missing;
        }
}

/**
 * process_totals_sample() - the sum as a sample
 * @join:     the join, which has its parent
 * @sum:      the sum, complete and not failed
 * @leader:   the process' leader, gone or not
 * @time_ns:  since the epoch
 *
 * Return: The sample, which borrows from both.
 */
TaskSample process_totals_sample(const Join *join, ProcessTotals *sum, const Task *leader, uint64_t time_ns) {
        const Process *process = leader->process;
        TaskSample sample = process_totals_task_sample(&join->table, leader, &sum->total, time_ns);
        bool unseen = process_exit_may_lack_tasks(join, process);

        process_peaks_raise(process, &sum->total);
        /* One live thread is not all, if others may have ended before. */
        if (sum->single && unseen)
                sum->total.tasks = 1;
        if (!sum->single || unseen) {
                sum->total.tasks_unseen = unseen;
                sum->total.ac_pid = process->pid;
                sum->total.ac_etime_us = MAX(sum->total.ac_etime_us, sum->total.ac_tgetime_us);
        }
        if (leader->flags & TASK_GONE) {
                sample.comm = leader->comm;
                sample.comm_stale = leader->flags & TASK_COMM_STALE;
        }
        sample.tasks = process->n_live;
        sample.owner = sum->owned ? sum->owner : owner_of_task(leader);
        return sample;
}

static TaskSample sample_without_answer(const TaskTable *table, const Task *task, uint64_t time_ns) {
        static const TaskStats nothing;
        TaskSample sample = process_totals_task_sample(table, task, &nothing, time_ns);

        sample.comm = task->comm;
        sample.comm_stale = task->flags & TASK_COMM_STALE;
        sample.stats = NULL;
        sample.lost = true;
        sample.owner = owner_of_task(task);
        return sample;
}

/**
 * process_totals_lost_sample() - the sample of a process whose sum could not be completed
 * @join:     the join
 * @leader:   the process' leader, gone or not
 * @time_ns:  since the epoch
 *
 * Return: The sample, without statistics; it borrows from @leader.
 */
TaskSample process_totals_lost_sample(const Join *join, const Task *leader, uint64_t time_ns) {
        TaskSample sample = sample_without_answer(&join->table, leader, time_ns);

        sample.tasks = leader->process->n_live;
        return sample;
}

/* The same for a single task. */
TaskSample process_totals_lost_task_sample(const Join *join, const Task *task, uint64_t time_ns) {
        return sample_without_answer(&join->table, task, time_ns);
}

/* A single task's sample; it borrows from both. */
TaskSample process_totals_task_sample(const TaskTable *table,
                                      const Task *task,
                                      const TaskStats *stats,
                                      uint64_t time_ns) {
        bool unknown = task->flags & TASK_UNKNOWN, found = unknown && (stats->groups & STATS_IDENTITY);

        return (TaskSample){
                .pid = task->process->pid,
                .tid = task->tid,
                .maker = process_maker(task->process),
                .parent = parents_present(table, task->process),
                .session_leader = parents_session(table, task->process),
                .uid = found ? stats->ac_uid : task->ruid,
                .comm = stats->ac_comm,
                .start_time_ns = task->start_time_ns,
                .time_ns = time_ns,
                .stats = stats,
                .kernel_thread = task->flags & TASK_KERNEL,
                .task_unknown = unknown && !found,
                .owner = owner_of_live_task(task, stats),
        };
}

/*
 * Whether a task that the kernel still finds has freed its memory. Then its record was
 * queued, and the present answer has larger counts and lacks the peaks.
 */
static bool answer_is_of_ending(const StatsAnswer *answer, const Task *task) {
        const TaskStats *stats = &answer->stats;

        return answer->state == STATS_ANSWER_LIVE && stats->version >= 12 && !(stats->groups & STATS_EXECUTABLE) &&
               stats->hiwater_rss_kib == 0 && !(task->flags & TASK_KERNEL);
}

static int answer_from_record(Join *join, const Task *task, StatsAnswer *answer) {
        uint64_t now_ns = join_time_ns(join, (uint64_t)clock_read_ns(CLOCK_MONOTONIC));
        PendingRecord *record;
        int r;

        exit_records_expect(&join->records);
        r = exit_records_drain(&join->records);
        if (r)
                return error_trace(r);
        record = exit_records_peek(&join->records, task->tid);
        if (pending_record_belongs_to(record, task) && pending_record_fits(record, task, now_ns)) {
                answer->state = STATS_ANSWER_LIVE;
                answer->stats = record->record.stats;
        }
        return 0;
}

/**
 * process_totals_answer() - take an answer and complete it
 * @join:        the join
 * @source:      the source that was queried
 * @task:        the task that it is for
 * @ret_answer:  output
 *
 * Return: 0, or a negative errno.
 */
int process_totals_answer(Join *join, StatsSource *source, const Task *task, StatsAnswer *ret_answer) {
        int r;

        r = source->next(source, ret_answer);
        if (r)
                return error_trace(r);
        if (ret_answer->state == STATS_ANSWER_GONE || answer_is_of_ending(ret_answer, task)) {
                r = answer_from_record(join, task, ret_answer);
                if (r)
                        return error_trace(r);
        }
        if (ret_answer->state == STATS_ANSWER_LIVE) {
                join_mask_stats(join, &ret_answer->stats, task);
                /* A live task has no exit status. */
                ret_answer->stats.groups &= ~STATS_EXIT_STATUS;
                return error_trace(process_peaks_note(&join->table, task->process, &ret_answer->stats));
        }
        return 0;
}
