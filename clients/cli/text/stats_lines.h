/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "taskbroker/taskbroker.h"

#include "clients/cli/base/format.h"
#include "clients/cli/model/metrics.h"

typedef struct StatsLine StatsLine;

#define STATS_LINES_MAX 96u

/* A line of a task's statistics. */
struct StatsLine {
        const char *heading;            /* the name of a group; NULL: the line is not a heading */
        const char *name;               /* the kernel's */
        char value[FORMAT_MAX];
        char rate[FORMAT_MAX];          /* per second; "": not known */
        char note[96];                  /* more of the value; of a heading: why the group is missing */
};

size_t stats_lines(const struct tb_task_stats *stats,
                   const MetricRates *rates,
                   bool ended,
                   StatsLine lines[static STATS_LINES_MAX]);
