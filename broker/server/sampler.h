/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Sampler: live statistics for clients. Owns the sweep, the feeds of samples and the
 * questions that wait for an answer; does its work in slices of less than a millisecond,
 * between which the loop reads events. When nobody asks it does nothing.
 */

#include <ev.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "broker/base/list.h"
#include "broker/model/status.h"
#include "broker/output/sample_feeds.h"
#include "broker/server/client.h"
#include "broker/server/hub.h"
#include "broker/tasks/ptrace_check.h"
#include "broker/tasks/sweep.h"

typedef struct Sampler Sampler;

/* Somebody samples now, or nobody does any more. */
typedef void (*SamplerInUse)(Sampler *sampler, bool in_use);

struct Sampler {
        Hub *hub;                       /* not owned */
        Join *join;                     /* not owned */
        StatsSource *source;            /* not owned */
        SamplerInUse in_use;            /* NULL: nobody cares */

        PtraceCheck glance;
        SampleFeeds feeds;
        Sweep sweep;
        uint64_t begin_time_ns;         /* of the sweep that runs, since the epoch */
        List jobs;                      /* questions, the next to be worked on first */
        ev_timer due;                   /* until a feed's next sample */
        ev_timer slice;                 /* runs while there is work */
        bool jobs_turn;                 /* the last slice was a question's */
        size_t n_slice;                 /* tasks that a slice asks for */
        int r;                          /* negative: what makes the broker end */

        size_t n_subscribers;
        uint64_t n_lost;                /* samples that readers lost */
        uint64_t cpu_ns;
};

void sampler_init(Sampler *sampler, Hub *hub, Join *join, StatsSource *source, int procfs_fd, SamplerInUse in_use);
void sampler_deinit(Sampler *sampler);

void sampler_ask(Sampler *sampler, Client *client, const Request *request);
void sampler_begin(Sampler *sampler, Client *client, const Request *request);
void sampler_leave(Sampler *sampler, Client *client);
void sampler_recover(Sampler *sampler, Client *client);

void sampler_publish(Sampler *sampler, const Event *event);
int sampler_end_turn(Sampler *sampler);
void sampler_report(const Sampler *sampler, BrokerStatus *status);
