/* SPDX-License-Identifier: Apache-2.0 */

#include <string.h>

#include "broker/base/clock.h"
#include "broker/base/error.h"
#include "broker/base/util.h"
#include "broker/model/owner.h"
#include "broker/tasks/stats_request.h"

#define SLICE_TASKS 256u

/* An answer that was lost, or a thread that ended without a trace, is asked for again. */
#define TRIES 3u

void stats_request_init(StatsRequest *inquiry,
                  StatsRequestShows shows,
                  const uint32_t *pids,
                  size_t n_pids,
                  const uint32_t *tids,
                  size_t n_tids) {
        *inquiry = (StatsRequest){ .shows = shows, .n_pids = n_pids, .n = n_pids + n_tids };
        if (n_pids > 0)
                memcpy(inquiry->numbers, pids, n_pids * sizeof(*pids));
        if (n_tids > 0)
                memcpy(inquiry->numbers + n_pids, tids, n_tids * sizeof(*tids));
}

void stats_request_deinit(StatsRequest *inquiry) {
        process_totals_deinit(&inquiry->sum);
}

bool stats_request_is_done(const StatsRequest *inquiry) {
        return inquiry->i == inquiry->n;
}

/**
 * stats_request_gone() - the answer that there is nobody
 * @inquiry:  the inquiry, while it tells an answer
 */
TaskSample stats_request_gone(const StatsRequest *inquiry) {
        uint32_t number = inquiry->numbers[inquiry->i - 1];
        TaskSample gone = { .gone = true };

        if (inquiry->i <= inquiry->n_pids)
                gone.pid = number;
        else
                gone.tid = number;
        return gone;
}

static int stats_request_answer(StatsRequest *inquiry, const TaskSample *sample, StatsRequestReply tell) {
        TaskSample gone;

        ++inquiry->i;
        inquiry->tries = 0;
        inquiry->sum.pid = 0;
        gone = stats_request_gone(inquiry);
        return error_trace(tell(inquiry, sample ? sample : &gone));
}

static int stats_request_task(StatsRequest *inquiry, Join *join, StatsSource *source, StatsRequestReply tell) {
        uint64_t time_ns = join_wall(join, (uint64_t)clock_read_ns(CLOCK_MONOTONIC));
        const Task *task = task_table_get(&join->table, inquiry->numbers[inquiry->i]);
        StatsAnswer answer;
        TaskSample sample;
        int r;

        if (!task || !inquiry->shows(inquiry, task))
                return error_trace(stats_request_answer(inquiry, NULL, tell));
        r = source->ask(source, &task->tid, 1);
        if (!r)
                r = live_answer(join, source, task, &answer);
        if (r)
                return error_trace(r);
        if (answer.state == STATS_ANSWER_LOST && ++inquiry->tries < TRIES)
                return 0;
        if (answer.state == STATS_ANSWER_GONE)
                return error_trace(stats_request_answer(inquiry, NULL, tell));
        if (answer.state == STATS_ANSWER_LOST)
                answer.stats = (TaskStats){};
        sample = live_sample_of_task(task, &answer.stats, time_ns);
        if (answer.state == STATS_ANSWER_LOST) {
                sample.comm = task->comm;
                sample.stats = NULL;
                sample.owner = owner_of_task(task);
        }
        return error_trace(stats_request_answer(inquiry, &sample, tell));
}

/* A slice of a process: all of it, unless it has too many threads. */
static int stats_request_process(StatsRequest *inquiry, Join *join, StatsSource *source, size_t n_max, StatsRequestReply tell, size_t *ret_n) {
        const Task *leader = task_table_get_leader(&join->table, inquiry->numbers[inquiry->i]);
        ProcessTotals *sum = &inquiry->sum;
        uint32_t tids[SLICE_TASKS];
        TaskSample sample;
        int r = 0;

        *ret_n = 0;
        if (!leader || leader->process->n_live == 0 || !inquiry->shows(inquiry, leader))
                return error_trace(stats_request_answer(inquiry, NULL, tell));
        if (sum->pid == 0)
                r = process_totals_begin(sum, leader->process);
        if (!r && !sum->failed) {
                *ret_n = process_totals_fill(sum, tids, n_max);
                r = source->ask(source, tids, *ret_n);
        }
        for (size_t i = 0; i < *ret_n && !r && !sum->failed; ++i) {
                const Task *task = task_table_get(&join->table, process_totals_next(sum));
                StatsAnswer answer;

                r = live_answer(join, source, task, &answer);
                if (!r)
                        process_totals_add(sum, task, &answer);
        }
        if (r)
                return error_trace(r);
        if (sum->failed && ++inquiry->tries < TRIES) {
                sum->pid = 0;
                return 0;
        }
        if (!sum->failed && !process_totals_is_complete(sum))
                return 0;
        if (sum->failed && sum->single)
                return error_trace(stats_request_answer(inquiry, NULL, tell));
        sample = process_totals_sample(sum, leader, join_wall(join, (uint64_t)clock_read_ns(CLOCK_MONOTONIC)));
        if (sum->failed) {
                sample.comm = leader->comm;
                sample.stats = NULL;
        }
        return error_trace(stats_request_answer(inquiry, &sample, tell));
}

/**
 * stats_request_slice() - do a part of it
 * @inquiry:  the inquiry, not done
 * @join:     the join
 * @source:   whom to ask
 * @n_max:    tasks to ask for, at most
 * @tell:     gets the samples
 *
 * Return: 0, or a negative errno.
 */
int stats_request_slice(StatsRequest *inquiry, Join *join, StatsSource *source, size_t n_max, StatsRequestReply tell) {
        n_max = MIN(n_max, source->n_max);
        n_max = MIN(n_max, (size_t)SLICE_TASKS);
        for (size_t n = 0; n < n_max && !stats_request_is_done(inquiry);) {
                size_t n_here = 1;
                int r;

                if (inquiry->i < inquiry->n_pids)
                        r = stats_request_process(inquiry, join, source, n_max, tell, &n_here);
                else
                        r = stats_request_task(inquiry, join, source, tell);
                if (r)
                        return error_trace(r);
                n += MAX(n_here, (size_t)1);
        }
        return 0;
}

/**
 * stats_request_on_event() - something happened
 * @inquiry:  the inquiry
 * @event:    the event, after the join
 */
void stats_request_on_event(StatsRequest *inquiry, const Event *event) {
        process_totals_on_event(&inquiry->sum, event);
}
