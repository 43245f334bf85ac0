/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "taskbroker/taskbroker.h"

#include "proto/taskstats_fields.h"

typedef struct Metric Metric;
typedef struct MetricRates MetricRates;

/*
 * All values in the statistics of a task that only grow: METRIC_ and the name of the
 * field. For each kind of waiting: METRIC_DELAY_, its name, and _count or _total_ns.
 */
enum {
#define METRIC_OF_SUM(name) METRIC_##name,
#define METRIC_OF_MAX(name)
#define METRIC_OF_LAST(name)
#define METRIC_OF_LEADER(name)
#define METRIC_OF_FLAGS(name)
#define METRIC_NUMBER(group, name, type, offset, offset_v15, since, total) METRIC_OF_##total(name)
        TASKSTATS_FIELDS(METRIC_NUMBER)
#undef METRIC_NUMBER
#undef METRIC_OF_FLAGS
#undef METRIC_OF_LEADER
#undef METRIC_OF_LAST
#undef METRIC_OF_MAX
#undef METRIC_OF_SUM
#define METRIC_DELAY(name, ...) METRIC_DELAY_##name##_count, METRIC_DELAY_##name##_total_ns,
                TASKSTATS_DELAYS(METRIC_DELAY)
#undef METRIC_DELAY
                        N_METRICS,
};

/* The groups of plain fields: STATS_GROUP_ and their name in the table. */
enum {
#define STATS_GROUP(group, GROUP, number) STATS_GROUP_##group = TB_STATS_##GROUP,
        TASKSTATS_PLAIN_GROUPS(STATS_GROUP)
#undef STATS_GROUP
};

/* Short names of the metrics that are used most. */
#define METRIC_CPU METRIC_cpu_run_virtual_total_ns
#define METRIC_CPU_DELAY METRIC_DELAY_cpu_total_ns
#define METRIC_IO_DELAY METRIC_DELAY_blkio_total_ns
#define METRIC_SWAP_DELAY METRIC_DELAY_swapin_total_ns
#define METRIC_READ METRIC_read_bytes
#define METRIC_WRITE METRIC_write_bytes
#define METRIC_CANCELLED METRIC_cancelled_write_bytes

/* Whether a value is known, or why not. A value that is not known is stored as 0, but never shown as 0. */
enum metric_known {
        METRIC_KNOWN,
        METRIC_WITHHELD,    /* this client may not see it */
        METRIC_UNCOUNTED,   /* delay accounting was off, or not known, when the task was forked */
        METRIC_UNSUPPORTED, /* not kept by this kernel */
        METRIC_NOT_YET,     /* not sampled, or not twice */
        METRIC_LOST,        /* it ended without statistics */
};

struct Metric {
        const char *name; /* in its part, as in JSON */
        const char *part; /* the group, or the kind of waiting */
        enum tb_stats_group group;
        bool delay;
        size_t offset;       /* in struct tb_task_stats */
        size_t known_offset; /* for a delay: the bool that says whether it is known */
};

/* The use of a task per second. */
struct MetricRates {
        bool known[N_METRICS];
        double per_second[N_METRICS];
};

extern const Metric metrics[N_METRICS];

void metrics_read(const struct tb_task_stats *stats, uint64_t values[static N_METRICS]);
enum metric_known metric_known(const struct tb_task_stats *stats, unsigned int metric);
bool metric_is_at_least(const struct tb_task_stats *stats, unsigned int metric, bool ended);
enum metric_known metric_group_known(const struct tb_task_stats *stats, enum tb_stats_group group);
