/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * HistoryClock: the boots of a database, and how the wall clock was set in each.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "clients/cli/db/db.h"

typedef struct HistoryBoot HistoryBoot;
typedef struct HistoryClock HistoryClock;
typedef struct HistorySpan HistorySpan;
typedef struct HistoryStep HistoryStep;

struct HistoryStep {
        uint64_t from_ns;
        int64_t step_ns;
};

struct HistoryBoot {
        uint64_t id;
        char name[40];
        uint64_t begin_ns, end_ns;      /* the span that was recorded */
        uint64_t pruned_ns;             /* processes that ended before were removed; 0: none were */
        HistoryStep *steps;             /* by from_ns */
        size_t n_steps;
};

struct HistoryClock {
        HistoryBoot *boots;             /* in their order */
        size_t n_boots;
};

/* A span by the wall clock. */
struct HistorySpan {
        uint64_t since_ns;              /* 0: from the beginning */
        uint64_t until_ns;              /* 0: to the end */
};

int history_clock_load(HistoryClock *clock, Db *db);
void history_clock_free(HistoryClock *clock);
const HistoryBoot *history_clock_find(const HistoryClock *clock, const char *name);
uint64_t history_clock_wall(const HistoryClock *clock, uint64_t boot, uint64_t time_ns);
bool history_boot_span(const HistoryBoot *boot, const HistorySpan *span, uint64_t *ret_since_ns,
                       uint64_t *ret_until_ns);
