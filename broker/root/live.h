/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Live: what live statistics are made of, put together. */

#include "broker/clients/sampler.h"
#include "broker/kernel/stats_query.h"
#include "broker/root/options.h"

typedef struct Live Live;

struct Live {
        StatsQuery query;
        Sampler sampler;
};

#define LIVE_NULL { .query = STATS_QUERY_NULL }

int live_init(Live *live, Hub *hub, Join *join, const Options *options);
void live_deinit(Live *live);
