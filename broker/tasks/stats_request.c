/* SPDX-License-Identifier: Apache-2.0 */

#include <string.h>

#include "broker/base/clock.h"
#include "broker/base/error.h"
#include "broker/base/util.h"
#include "broker/model/owner.h"
#include "broker/tasks/stats_request.h"

#define SLICE_TASKS 256u

/* Queries for an answer that was lost, or for a thread that ended meanwhile. */
#define TRIES 3u

void stats_request_init(StatsRequest *request,
                        SampleConsumer *consumer,
                        const uint32_t *pids,
                        size_t n_pids,
                        const uint32_t *tids,
                        size_t n_tids) {
        *request = (StatsRequest){ .consumer = consumer, .n_pids = n_pids, .n = n_pids + n_tids };
        if (n_pids > 0)
                memcpy(request->numbers, pids, n_pids * sizeof(*pids));
        if (n_tids > 0)
                memcpy(request->numbers + n_pids, tids, n_tids * sizeof(*tids));
}

void stats_request_deinit(StatsRequest *request) {
        process_totals_deinit(&request->sum);
}

bool stats_request_is_done(const StatsRequest *request) {
        return request->i == request->n;
}

/**
 * stats_request_gone() - make the answer for a task that is not there
 * @request:  the request, while it answers
 */
TaskSample stats_request_gone(const StatsRequest *request) {
        uint32_t number = request->numbers[request->i - 1];
        TaskSample gone = { .gone = true };

        if (request->i <= request->n_pids)
                gone.pid = number;
        else
                gone.tid = number;
        return gone;
}

static bool stats_request_wants(const StatsRequest *request, const Task *task) {
        return task && request->consumer->wants(request->consumer, task);
}

static void stats_request_answer(StatsRequest *request, const Task *task, const TaskSample *sample) {
        bool of_process = request->i < request->n_pids;
        TaskSample gone;

        ++request->i;
        request->tries = 0;
        request->sum.pid = 0;
        gone = stats_request_gone(request);
        request->consumer->take(request->consumer, task, of_process, sample ? sample : &gone);
}

/* There is no such task, or the consumer does not want it. Return: 0. */
static int stats_request_answer_none(StatsRequest *request) {
        stats_request_answer(request, NULL, NULL);
        return 0;
}

static int stats_request_task(StatsRequest *request, Join *join, StatsSource *source) {
        uint64_t time_ns = join_time_ns(join, (uint64_t)clock_read_ns(CLOCK_MONOTONIC));
        const Task *task = task_table_get(&join->table, request->numbers[request->i]);
        StatsAnswer answer;
        TaskSample sample;
        int r;

        if (!stats_request_wants(request, task))
                return stats_request_answer_none(request);
        r = source->ask(source, &task->tid, 1);
        if (!r)
                r = process_totals_answer(join, source, task, &answer);
        if (r)
                return error_trace(r);
        if (answer.state == STATS_ANSWER_LOST && ++request->tries < TRIES)
                return 0;
        if (answer.state == STATS_ANSWER_GONE)
                return stats_request_answer_none(request);
        if (answer.state == STATS_ANSWER_LOST)
                sample = process_totals_lost_task_sample(join, task, time_ns);
        else
                sample = process_totals_task_sample(&join->table, task, &answer.stats, time_ns);
        stats_request_answer(request, task, &sample);
        return 0;
}

/* A slice of a process: all of it, unless it has too many threads. */
static int stats_request_process(StatsRequest *request, Join *join, StatsSource *source, size_t n_max,
                                 size_t *ret_n) {
        const Task *leader = task_table_get_leader(&join->table, request->numbers[request->i]);
        ProcessTotals *sum = &request->sum;
        uint32_t tids[SLICE_TASKS];
        TaskSample sample;
        uint64_t time_ns;
        int r = 0;

        *ret_n = 0;
        if (!leader || leader->process->n_live == 0 || !stats_request_wants(request, leader))
                return stats_request_answer_none(request);
        if (sum->pid == 0)
                r = process_totals_begin(sum, leader->process);
        if (!r && !sum->failed) {
                *ret_n = process_totals_fill(sum, tids, n_max);
                r = source->ask(source, tids, *ret_n);
        }
        for (size_t i = 0; i < *ret_n && !r && !sum->failed; ++i) {
                const Task *task = task_table_get(&join->table, process_totals_next(sum));
                StatsAnswer answer;

                r = process_totals_answer(join, source, task, &answer);
                if (!r)
                        process_totals_add(sum, task, &answer);
        }
        if (r)
                return error_trace(r);
        if (sum->failed && ++request->tries < TRIES) {
                sum->pid = 0;
                return 0;
        }
        if (!sum->failed && !process_totals_is_complete(sum))
                return 0;
        if (sum->gone && sum->single)
                return stats_request_answer_none(request);
        time_ns = join_time_ns(join, (uint64_t)clock_read_ns(CLOCK_MONOTONIC));
        if (sum->failed)
                sample = process_totals_lost_sample(join, leader, time_ns);
        else
                sample = process_totals_sample(join, sum, leader, time_ns);
        stats_request_answer(request, leader, &sample);
        return 0;
}

/**
 * stats_request_slice() - answer a part of a request
 * @request:  the request, not done
 * @join:     the join
 * @source:   the source to query
 * @n_max:    tasks to query, at most
 *
 * Return: 0, or a negative errno.
 */
int stats_request_slice(StatsRequest *request, Join *join, StatsSource *source, size_t n_max) {
        n_max = MIN(n_max, source->n_max);
        n_max = MIN(n_max, (size_t)SLICE_TASKS);
        for (size_t n = 0; n < n_max && !stats_request_is_done(request);) {
                size_t n_here = 1;
                int r;

                if (request->i < request->n_pids)
                        r = stats_request_process(request, join, source, n_max, &n_here);
                else
                        r = stats_request_task(request, join, source);
                if (r)
                        return error_trace(r);
                n += MAX(n_here, (size_t)1);
        }
        return 0;
}

/**
 * stats_request_on_event() - something happened
 * @request:  the request
 * @event:    the event, after the join
 */
void stats_request_on_event(StatsRequest *request, const Event *event) {
        process_totals_on_event(&request->sum, event);
}
