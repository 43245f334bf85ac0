/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * How late events come: a steady fork loop, and a subscriber without any delay of its own that compares each fork's
 * stamp, which the kernel gave it, with the clock when it has read it.
 */

#include <stddef.h>
#include <stdint.h>

#include "tests/bench/crew.h"
#include "tests/bench/table_forker.h"

#define WATCHER_DELAYS_MAX 65536

typedef struct WatcherShare {
        pid_t forker;           /* the process whose children count */
        uint64_t delays_ns[WATCHER_DELAYS_MAX];
} WatcherShare;

typedef struct Watch {
        const char *path;
        Crew watcher;           /* slot 0: events: forks that have come, and their delays; lost: as reported */
        Crew forker;
        ForkerOptions forker_options;
        WatcherShare *share;
        size_t n_begin;         /* where the span that is being measured begins */
} Watch;

typedef struct WatchResult {
        size_t n;               /* forks of the span */
        double median_ns;
        double max_ns;
} WatchResult;

int watch_init(Watch *watch);
int watch_start(Watch *watch, const char *path, uint64_t interval_ns);
int watch_begin(Watch *watch);
int watch_end(Watch *watch, WatchResult *ret);
int watch_stop(Watch *watch);
