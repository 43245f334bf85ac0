/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

#include "clients/format.h"
#include "clients/live.h"

typedef struct TopStat TopStat;

#define TOP_STATS_LINES_MAX 96u

/* A line of a task's statistics. */
struct TopStat {
        const char *heading;            /* of a group; else NULL */
        const char *name;               /* the kernel's */
        char value[FORMAT_MAX];
        char rate[FORMAT_MAX];          /* within the last sample; "": has none */
        char note[96];                  /* more of it; of a group, why it is not there */
};

size_t top_stats(const Live *live, const LiveRow *row, TopStat stats[static TOP_STATS_LINES_MAX]);
