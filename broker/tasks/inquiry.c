/* SPDX-License-Identifier: Apache-2.0 */

#include <string.h>

#include "broker/base/clock.h"
#include "broker/base/error.h"
#include "broker/base/util.h"
#include "broker/tasks/inquiry.h"
#include "broker/tasks/owner.h"

#define SLICE_TASKS 256u

/* An answer that was lost, or a thread that ended without a trace, is asked for again. */
#define TRIES 3u

void inquiry_init(Inquiry *inquiry,
                  InquiryShows shows,
                  const uint32_t *pids,
                  size_t n_pids,
                  const uint32_t *tids,
                  size_t n_tids) {
        *inquiry = (Inquiry){ .shows = shows, .n_pids = n_pids, .n = n_pids + n_tids };
        if (n_pids > 0)
                memcpy(inquiry->numbers, pids, n_pids * sizeof(*pids));
        if (n_tids > 0)
                memcpy(inquiry->numbers + n_pids, tids, n_tids * sizeof(*tids));
}

void inquiry_deinit(Inquiry *inquiry) {
        live_sum_deinit(&inquiry->sum);
}

bool inquiry_is_done(const Inquiry *inquiry) {
        return inquiry->i == inquiry->n;
}

/**
 * inquiry_gone() - the answer that there is nobody
 * @inquiry:  the inquiry, while it tells an answer
 */
TaskSample inquiry_gone(const Inquiry *inquiry) {
        uint32_t number = inquiry->numbers[inquiry->i - 1];
        TaskSample gone = { .gone = true };

        if (inquiry->i <= inquiry->n_pids)
                gone.pid = number;
        else
                gone.tid = number;
        return gone;
}

static int inquiry_answer(Inquiry *inquiry, const TaskSample *sample, InquiryTell tell) {
        TaskSample gone;

        ++inquiry->i;
        inquiry->tries = 0;
        inquiry->sum.pid = 0;
        gone = inquiry_gone(inquiry);
        return error_trace(tell(inquiry, sample ? sample : &gone));
}

static int inquiry_task(Inquiry *inquiry, Join *join, StatsSource *source, InquiryTell tell) {
        uint64_t time_ns = join_wall(join, (uint64_t)clock_read_ns(CLOCK_MONOTONIC));
        const Task *task = task_table_get(&join->table, inquiry->numbers[inquiry->i]);
        StatsAnswer answer;
        TaskSample sample;
        int r;

        if (!task || !inquiry->shows(inquiry, task))
                return error_trace(inquiry_answer(inquiry, NULL, tell));
        r = source->ask(source, &task->tid, 1);
        if (!r)
                r = live_answer(join, source, task, &answer);
        if (r)
                return error_trace(r);
        if (answer.state == STATS_ANSWER_LOST && ++inquiry->tries < TRIES)
                return 0;
        if (answer.state == STATS_ANSWER_GONE)
                return error_trace(inquiry_answer(inquiry, NULL, tell));
        if (answer.state == STATS_ANSWER_LOST)
                answer.stats = (TaskStats){};
        sample = live_sample_of_task(task, &answer.stats, time_ns);
        if (answer.state == STATS_ANSWER_LOST) {
                sample.comm = task->comm;
                sample.stats = NULL;
                sample.owner = task_owner(task);
        }
        return error_trace(inquiry_answer(inquiry, &sample, tell));
}

/* A slice of a process: all of it, unless it has too many threads. */
static int inquiry_process(Inquiry *inquiry, Join *join, StatsSource *source, size_t n_max, InquiryTell tell, size_t *ret_n) {
        const Task *leader = task_table_get_leader(&join->table, inquiry->numbers[inquiry->i]);
        LiveSum *sum = &inquiry->sum;
        uint32_t tids[SLICE_TASKS];
        TaskSample sample;
        int r = 0;

        *ret_n = 0;
        if (!leader || leader->process->n_live == 0 || !inquiry->shows(inquiry, leader))
                return error_trace(inquiry_answer(inquiry, NULL, tell));
        if (sum->pid == 0)
                r = live_sum_begin(sum, leader->process);
        if (!r && !sum->failed) {
                *ret_n = live_sum_fill(sum, tids, n_max);
                r = source->ask(source, tids, *ret_n);
        }
        for (size_t i = 0; i < *ret_n && !r && !sum->failed; ++i) {
                const Task *task = task_table_get(&join->table, live_sum_next(sum));
                StatsAnswer answer;

                r = live_answer(join, source, task, &answer);
                if (!r)
                        live_sum_add(sum, task, &answer);
        }
        if (r)
                return error_trace(r);
        if (sum->failed && ++inquiry->tries < TRIES) {
                sum->pid = 0;
                return 0;
        }
        if (!sum->failed && !live_sum_is_complete(sum))
                return 0;
        if (sum->failed && sum->single)
                return error_trace(inquiry_answer(inquiry, NULL, tell));
        sample = live_sum_sample(sum, leader, join_wall(join, (uint64_t)clock_read_ns(CLOCK_MONOTONIC)));
        if (sum->failed) {
                sample.comm = leader->comm;
                sample.stats = NULL;
        }
        return error_trace(inquiry_answer(inquiry, &sample, tell));
}

/**
 * inquiry_slice() - do a part of it
 * @inquiry:  the inquiry, not done
 * @join:     the join
 * @source:   whom to ask
 * @n_max:    tasks to ask for, at most
 * @tell:     gets the samples
 *
 * Return: 0, or a negative errno.
 */
int inquiry_slice(Inquiry *inquiry, Join *join, StatsSource *source, size_t n_max, InquiryTell tell) {
        n_max = MIN(n_max, source->n_max);
        n_max = MIN(n_max, (size_t)SLICE_TASKS);
        for (size_t n = 0; n < n_max && !inquiry_is_done(inquiry);) {
                size_t n_here = 1;
                int r;

                if (inquiry->i < inquiry->n_pids)
                        r = inquiry_process(inquiry, join, source, n_max, tell, &n_here);
                else
                        r = inquiry_task(inquiry, join, source, tell);
                if (r)
                        return error_trace(r);
                n += MAX(n_here, (size_t)1);
        }
        return 0;
}

/**
 * inquiry_on_event() - something happened
 * @inquiry:  the inquiry
 * @event:    the event, after the join
 */
void inquiry_on_event(Inquiry *inquiry, const Event *event) {
        live_sum_on_event(&inquiry->sum, event);
}
