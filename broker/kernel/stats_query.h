/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * StatsQuery: asks the kernel for live tasks' statistics (TASKSTATS_CMD_GET), many at
 * once. Owns its socket: what is asked here is never behind, or in front of, an exit.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "broker/kernel/exit_record.h"
#include "broker/kernel/recv_batch.h"
#include "broker/kernel/stats_source.h"

typedef struct StatsQuery StatsQuery;

/* At once: less than a millisecond's work. */
#define STATS_QUERY_MAX 256u

/* A request: netlink's header, generic netlink's, one attribute. */
#define STATS_REQUEST_BYTES 28u

enum {
        _STATS_QUERY_E_SUCCESS,
        STATS_QUERY_E_NO_TASKSTATS,     /* init: the kernel was built without it */
};

struct StatsQuery {
        StatsSource source;
        int fd;
        uint16_t family;
        int wait_ms;                    /* the kernel has answered when send() returns; a test's needs a moment */
        uint32_t seq;                   /* number of the first request of the last query */
        size_t n_asked, i_next;
        uint8_t *requests;
        RecvBatch batch;
        size_t i_datagram;
        ExitRecord record;              /* room for a reply */
        bool refused_logged;
        SourceCounters counters;
};

#define STATS_QUERY_NULL { .fd = -1 }

int stats_query_init(StatsQuery *query, int fd);
void stats_query_deinit(StatsQuery *query);
