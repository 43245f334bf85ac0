/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The scenarios, loads and figures of a measurement, and the table of the figures: medians over the rounds. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/bench/workload.h"

#define ROUNDS_MAX 100

typedef enum Audience {
        AUDIENCE_NONE,
        AUDIENCE_DIRECT,
        AUDIENCE_BROKER,
} Audience;

typedef struct Scenario {
        const char *name;
        Audience audience;
        size_t n;               /* listeners, or subscribers */
        bool batched;
        bool forks_only;
        uint32_t delay_ms;      /* max_delay_ms of subscribers, the pause of direct listeners */
} Scenario;

typedef struct Load {
        const char *name;
        WorkloadKind kind;
        bool pinned;
} Load;

typedef struct Measurement {
        uint64_t operations;
        double rate;            /* operations a second */
        double cpu_share;       /* the broker's share of one processor while events flowed */
        double us_per_event;    /* processor time of the broker, or of one direct listener, per connector datagram */
        double us_per_datagram; /* per datagram of either source */
        double bytes_per_event; /* bytes that one subscriber read */
        double events_per_read;
        uint64_t lost;
} Measurement;

/* Sorts them. */
double median(double *values, size_t n);

/* @measurements: ROUNDS_MAX for each scenario; the first scenario is that with nobody listening. */
void report_print(const Load *load,
                  const Scenario *scenarios,
                  size_t n_scenarios,
                  const Measurement *measurements,
                  size_t n_rounds);
