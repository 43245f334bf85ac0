/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "taskbroker/taskbroker.h"

#include "proto/taskstats_fields.h"

typedef struct Metric Metric;
typedef struct MetricRates MetricRates;

/*
 * Everything in a task's statistics that only grows: METRIC_ and the field's name,
 * and for each kind of waiting METRIC_DELAY_, its name, and _count or _total_ns.
 */
enum {
#define METRIC_OF_SUM(name) METRIC_##name,
#define METRIC_OF_MAX(name)
#define METRIC_OF_LAST(name)
#define METRIC_NUMBER(group, name, type, offset, offset_v15, since, total) METRIC_OF_##total(name)
        TASKSTATS_FIELDS(METRIC_NUMBER)
#undef METRIC_NUMBER
#undef METRIC_OF_LAST
#undef METRIC_OF_MAX
#undef METRIC_OF_SUM
#define METRIC_DELAY(name, ...) METRIC_DELAY_##name##_count, METRIC_DELAY_##name##_total_ns,
                TASKSTATS_DELAYS(METRIC_DELAY)
#undef METRIC_DELAY
                        N_METRICS,
};

/* The groups of plain fields, by the names that they have in the table: STATS_GROUP_ and the name. */
enum {
#define STATS_GROUP(group, GROUP, number) STATS_GROUP_##group = TB_STATS_##GROUP,
        TASKSTATS_PLAIN_GROUPS(STATS_GROUP)
#undef STATS_GROUP
};

/* The ones that most have use for. */
#define METRIC_CPU METRIC_cpu_run_virtual_total_ns
#define METRIC_CPU_DELAY METRIC_DELAY_cpu_total_ns
#define METRIC_IO_DELAY METRIC_DELAY_blkio_total_ns
#define METRIC_SWAP_DELAY METRIC_DELAY_swapin_total_ns
#define METRIC_READ METRIC_read_bytes
#define METRIC_WRITE METRIC_write_bytes
#define METRIC_CANCELLED METRIC_cancelled_write_bytes

/* Whether a value is known, and why not. A value that is not known is 0 wherever it is stored, and never shown as such.
 */
enum metric_known {
        METRIC_KNOWN,
        METRIC_WITHHELD,    /* not for this client to know */
        METRIC_UNCOUNTED,   /* delay accounting was off when the task was born */
        METRIC_UNSUPPORTED, /* not kept by this kernel */
        METRIC_NOT_YET,     /* not sampled, or not twice */
        METRIC_LOST,        /* it ended without statistics */
};

struct Metric {
        const char *name; /* within its part, as in JSON */
        const char *part; /* the group, or the kind of waiting */
        enum tb_stats_group group;
        bool delay;
        size_t offset;       /* in struct tb_task_stats */
        size_t known_offset; /* of a delay: of its bool */
};

/* What a task used per second. */
struct MetricRates {
        bool known[N_METRICS];
        double per_second[N_METRICS];
};

extern const Metric metrics[N_METRICS];

void metrics_read(const struct tb_task_stats *stats, uint64_t values[static N_METRICS]);
enum metric_known metric_known(const struct tb_task_stats *stats, unsigned int metric);
enum metric_known metric_group_known(const struct tb_task_stats *stats, enum tb_stats_group group);
