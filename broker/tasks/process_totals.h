/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * ProcessTotals: what a process has used up to now, by its live threads and by the threads
 * that have ended. The sweep and the statistics requests query the threads one by one.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "broker/kernel/stats_source.h"
#include "broker/model/sample.h"
#include "broker/tasks/join_state.h"

typedef struct ProcessTotals ProcessTotals;

struct ProcessTotals {
        uint32_t pid;                   /* 0: none */
        uint32_t *tids;                 /* its threads; 0: one that ended before it was asked for */
        size_t n, n_max;
        size_t i;                       /* the next whose answer is to be added */
        bool single;                    /* the process is one task, and always was */
        bool failed;                    /* the sum cannot be completed */
        bool gone;                      /* a thread has gone, and its record is not at hand */
        TaskStats total;
        Owner owner;                    /* its leader's; without one, common to its live threads */
        bool owned;                     /* owner is set */
};

void process_totals_deinit(ProcessTotals *sum);

int process_totals_begin(ProcessTotals *sum, const Process *process);
size_t process_totals_fill(ProcessTotals *sum, uint32_t *tids, size_t n_max);
uint32_t process_totals_next(ProcessTotals *sum);
void process_totals_add(ProcessTotals *sum, const Task *task, const StatsAnswer *answer);
bool process_totals_is_complete(ProcessTotals *sum);
void process_totals_on_event(ProcessTotals *sum, const Event *event);
TaskSample process_totals_sample(const Join *join, ProcessTotals *sum, const Task *leader, uint64_t time_ns);

TaskSample process_totals_lost_sample(const Join *join, const Task *leader, uint64_t time_ns);
TaskSample process_totals_lost_task_sample(const Join *join, const Task *task, uint64_t time_ns);

TaskSample process_totals_task_sample(const TaskTable *table,
                                      const Task *task,
                                      const TaskStats *stats,
                                      uint64_t time_ns);
int process_totals_answer(Join *join, StatsSource *source, const Task *task, StatsAnswer *ret_answer);
