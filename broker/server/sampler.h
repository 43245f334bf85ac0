/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Sampler: reads live statistics, for the feeds of samples and for the requests. It owns
 * the sweep and the feeds of samples, and works in slices of less than a millisecond,
 * between which the loop reads events. Without feeds and requests it does nothing.
 *
 * It has no access to clients. A feed's readers are woken by the hub.
 */

#include <ev.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "broker/output/sample_feeds.h"
#include "broker/server/stats_requests.h"
#include "broker/tasks/ptrace_check.h"
#include "broker/tasks/sweep.h"

typedef struct Sampler Sampler;

struct Sampler {
        struct ev_loop *loop;           /* not owned; NULL: there is no sampler */
        Join *join;                     /* not owned */
        StatsSource *source;            /* not owned */

        PtraceCheck ptrace_check;
        SampleFeeds feeds;
        StatsRequests requests;
        Sweep sweep;
        SampleConsumer consumer;        /* the sweep works for it */
        uint64_t due_ns;                /* monotonic: when a sweep became due that begins at the turn's end; 0: none */
        bool ending;                    /* the sweep is through, and its samples are completed at the turn's end */
        uint64_t begin_time_ns;         /* when the sweep that runs began, since the epoch */
        ev_timer due;                   /* until a feed's next sample */
        ev_timer slice;                 /* while there is work */
        bool request_sliced;            /* the last slice served a request */
        size_t n_slice;                 /* tasks that a slice reads */
        int r;                          /* the fatal errno of a slice; 0: none */
        uint64_t cpu_ns;
};

void sampler_init(Sampler *sampler, struct ev_loop *loop, Feeds *feeds, Join *join, StatsSource *source, int procfs_fd);
void sampler_deinit(Sampler *sampler);

void sampler_schedule(Sampler *sampler);
void sampler_publish(Sampler *sampler, const Event *event);
bool sampler_needs_drain(const Sampler *sampler);
int sampler_end_turn(Sampler *sampler);
