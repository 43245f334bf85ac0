/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * StatsService: owns what live statistics need, that is, the query socket, the sampler and
 * the switch of delay accounting, and connects the sampler to the hub.
 */

#include <ev.h>

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
        struct ev_loop *loop;           /* not owned; NULL: there are no live statistics */
        ev_timer off;                   /* on demand: the switch goes off, as nobody has sampled for so long */
        bool is_on;                     /* on demand: the switch is on */
        KernelFeatures *features;       /* not owned */
        int procfs_fd;                  /* not owned */
};

#define STATS_SERVICE_NULL { .query = STATS_QUERY_NULL, .delayacct = DELAYACCT_NULL }

enum {
        _STATS_SERVICE_E_SUCCESS,
        STATS_SERVICE_E_FAILED,         /* the reason was logged */
};

int stats_service_init(StatsService *service, Hub *hub, Join *join, KernelFeatures *features, int procfs_fd,
                       const Options *options);
void stats_service_deinit(StatsService *service);
