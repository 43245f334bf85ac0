/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Live: what live statistics are made of, put together. */

#include "broker/clients/sampler.h"
#include "broker/kernel/stats_query.h"
#include "broker/model/status.h"
#include "broker/root/delayacct.h"
#include "broker/root/options.h"

typedef struct Live Live;

struct Live {
        StatsQuery query;
        Sampler sampler;
        Delayacct delayacct;
        KernelFacts *facts;             /* not owned */
        int procfs_fd;                  /* not owned */
};

#define LIVE_NULL { .query = STATS_QUERY_NULL, .delayacct = DELAYACCT_NULL }

enum {
        _LIVE_E_SUCCESS,
        LIVE_E_FAILED,                  /* init: said why */
};

int live_init(Live *live, Hub *hub, Join *join, KernelFacts *facts, int procfs_fd, const Options *options);
void live_deinit(Live *live);
