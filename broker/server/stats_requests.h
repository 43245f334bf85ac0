/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * StatsRequests: the requests for live statistics (GetTaskStats) that are not answered yet.
 * The request handler adds them; the sampler works on them in slices, because a process
 * may have thousands of threads.
 */

#include <stdbool.h>
#include <stddef.h>

#include "broker/base/list.h"
#include "broker/model/event.h"
#include "broker/output/request_decode.h"
#include "broker/server/client.h"
#include "broker/tasks/join.h"
#include "broker/tasks/ptrace_check.h"
#include "broker/tasks/stats_request.h"

typedef struct StatsRequests StatsRequests;

struct StatsRequests {
        const TaskTable *table;         /* not owned */
        PtraceCheck *ptrace_check;      /* not owned */
        List jobs;                      /* the next to work on is first */
};

void stats_requests_init(StatsRequests *requests, const TaskTable *table, PtraceCheck *ptrace_check);
void stats_requests_deinit(StatsRequests *requests);

void stats_requests_add(StatsRequests *requests, Client *client, const Request *request);
void stats_requests_forget(StatsRequests *requests, const Client *client);

bool stats_requests_are_done(const StatsRequests *requests);
int stats_requests_slice(StatsRequests *requests, Join *join, StatsSource *source, size_t n_max);
void stats_requests_publish(StatsRequests *requests, const Event *event);
