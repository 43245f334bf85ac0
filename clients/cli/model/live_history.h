/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct LiveHistory LiveHistory;
typedef struct LivePoint LivePoint;

/* At one sample per second: 17 minutes. */
#define LIVE_HISTORY_MAX 1024u

/* The values that a graph can show. All are per second; CPU and delays are seconds per second. */
enum live_graph {
        LIVE_GRAPH_FORKS,
        LIVE_GRAPH_EXITS,
        LIVE_GRAPH_EXECS,
        LIVE_GRAPH_CPU,
        LIVE_GRAPH_CPU_DELAY,
        LIVE_GRAPH_READ,
        LIVE_GRAPH_WRITE,
        LIVE_GRAPH_IO_DELAY,
        LIVE_GRAPH_LOST,
        N_LIVE_GRAPHS,
};

struct LivePoint {
        uint64_t time_ns; /* the end of its time, since the epoch */
        uint64_t span_ns;
        uint32_t known; /* bits 1 << LIVE_GRAPH_...: a value that is not known leaves a gap */
        float value[N_LIVE_GRAPHS];
};

/* A ring buffer. Zeroed, it is empty. */
struct LiveHistory {
        LivePoint *points;
        size_t n;
        size_t first;
};

int live_history_add(LiveHistory *history, const LivePoint *point);
int live_history_copy(LiveHistory *copy, const LiveHistory *history);
void live_history_deinit(LiveHistory *history);

/* @age 0: the newest point. NULL: there is no point so old. */
const LivePoint *live_history_at(const LiveHistory *history, size_t age);

/*
 * Finds the highest value between @begin_ns and @end_ns, since the epoch: what a column
 * of a graph shows. Returns false if no value is known.
 */
bool live_history_max(const LiveHistory *history, enum live_graph graph, uint64_t begin_ns, uint64_t end_ns,
                      float *ret_value);
