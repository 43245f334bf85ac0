/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

#include "clients/cli/base/format.h"
#include "clients/cli/model/live.h"

typedef struct StatsLine StatsLine;

#define STATS_LINES_MAX 96u

/* A line of a task's statistics. */
struct StatsLine {
        const char *heading;            /* of a group; else NULL */
        const char *name;               /* the kernel's */
        char value[FORMAT_MAX];
        char rate[FORMAT_MAX];          /* within the last sample; "": has none */
        char note[96];                  /* more of it; of a group, why it is not there */
};

size_t stats_lines(const Live *live, const LiveRow *row, StatsLine stats[static STATS_LINES_MAX]);
