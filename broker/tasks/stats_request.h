/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * StatsRequest: what certain processes and tasks have used up to now, asked for in slices.
 * Its consumer gets a sample for each number, in their order.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "broker/tasks/process_totals.h"
#include "broker/tasks/sample_consumer.h"

/* Numbers in one request. */
#define STATS_REQUEST_MAX 128u

typedef struct StatsRequest StatsRequest;

struct StatsRequest {
        SampleConsumer *consumer;       /* not owned; it takes one sample for each number */
        uint32_t numbers[STATS_REQUEST_MAX]; /* processes, then tasks */
        size_t n_pids, n;
        size_t i;                       /* the next to be answered */
        ProcessTotals sum;              /* the present process, if it is larger than a slice */
        uint32_t tries;                 /* for the present number */
};

void stats_request_init(StatsRequest *request,
                        SampleConsumer *consumer,
                        const uint32_t *pids,
                        size_t n_pids,
                        const uint32_t *tids,
                        size_t n_tids);
void stats_request_deinit(StatsRequest *request);

TaskSample stats_request_gone(const StatsRequest *request);
bool stats_request_is_done(const StatsRequest *request);
int stats_request_slice(StatsRequest *request, Join *join, StatsSource *source, size_t n_max);
void stats_request_on_event(StatsRequest *request, const Event *event);
