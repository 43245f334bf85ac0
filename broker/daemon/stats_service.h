/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* StatsService: what live statistics are made of, put together. */

#include "broker/daemon/delayacct.h"
#include "broker/daemon/options.h"
#include "broker/kernel/stats_query.h"
#include "broker/model/status.h"
#include "broker/server/hub.h"
#include "broker/server/sampler.h"

typedef struct StatsService StatsService;

struct StatsService {
        StatsQuery query;
        Sampler sampler;
        Delayacct delayacct;
        bool in_use;                    /* there are subscriptions to samples */
        KernelFeatures *features;             /* not owned */
        int procfs_fd;                  /* not owned */
};

#define STATS_SERVICE_NULL { .query = STATS_QUERY_NULL, .delayacct = DELAYACCT_NULL }

enum {
        _STATS_SERVICE_E_SUCCESS,
        STATS_SERVICE_E_FAILED,                  /* init: said why */
};

int stats_service_init(StatsService *live, Hub *hub, Join *join, KernelFeatures *features, int procfs_fd, const Options *options);
void stats_service_deinit(StatsService *live);
void stats_service_update(StatsService *live, bool in_use);
