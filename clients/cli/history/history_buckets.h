/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * HistoryBuckets: a span in equal parts, with the rates of each.
 */

#include <stddef.h>
#include <stdint.h>

#include "clients/cli/history/history_view.h"

typedef enum HistoryRate HistoryRate;
typedef struct HistoryBuckets HistoryBuckets;

enum HistoryRate {
        HISTORY_RATE_FORKS,
        HISTORY_RATE_EXITS,
        HISTORY_RATE_FAILURES,
        HISTORY_RATE_CPU,
        HISTORY_RATE_READ,
        HISTORY_RATE_WRITE,
        HISTORY_N_RATES,
};

#define HISTORY_BUCKETS_MAX 512

struct HistoryBuckets {
        size_t n;
        uint64_t since_ns, until_ns;    /* by the wall clock */
        double rates[HISTORY_N_RATES][HISTORY_BUCKETS_MAX];     /* a second */
        double max[HISTORY_N_RATES];
        bool missing[HISTORY_BUCKETS_MAX];      /* events were lost, or nothing was recorded */
};

extern const char *const history_rate_names[HISTORY_N_RATES];

int history_buckets_fill(HistoryBuckets *buckets, History *history, size_t n);
uint64_t history_buckets_time(const HistoryBuckets *buckets, size_t i);
const char *history_rate_text(char text[static FORMAT_MAX], HistoryRate rate, double value);
