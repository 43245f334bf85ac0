/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Statistics as an array of numbers that can be added, subtracted and compared, and
 * whether each is known. Made from the table of taskstats fields. Pure.
 */

#include <string.h>

#include "clients/cli/model/metrics.h"

#define STATS_OFFSET(member) __builtin_offsetof(struct tb_task_stats, member)

const Metric metrics[N_METRICS] = {
#define ENTRY_OF_SUM(in_group, field)                                                                                  \
        [METRIC_##field] = {                                                                                           \
                .name = #field,                                                                                        \
                .part = #in_group,                                                                                     \
                .group = (enum tb_stats_group)STATS_GROUP_##in_group,                                                  \
                .offset = STATS_OFFSET(in_group.field),                                                                \
        },
#define ENTRY_OF_MAX(group, name)
#define ENTRY_OF_LAST(group, name)
#define ENTRY_OF_LEADER(group, name)
#define ENTRY_OF_FLAGS(group, name)
#define ENTRY(group, name, type, offset, offset_v15, since, total) ENTRY_OF_##total(group, name)
        TASKSTATS_FIELDS(ENTRY)
#undef ENTRY
#undef ENTRY_OF_FLAGS
#undef ENTRY_OF_LEADER
#undef ENTRY_OF_LAST
#undef ENTRY_OF_MAX
#undef ENTRY_OF_SUM
/* The scheduler counts the waiting for a processor: it is known also without delay accounting. */
#define DELAY_GROUP(kind) (STATS_OFFSET(delays.kind) == STATS_OFFSET(delays.cpu) ? TB_STATS_CPU_DELAY : TB_STATS_DELAYS)
#define DELAY_ENTRY(kind, field)                                                                                       \
        [METRIC_DELAY_##kind##_##field] = {                                                                            \
                .name = #field,                                                                                        \
                .part = #kind,                                                                                         \
                .group = DELAY_GROUP(kind),                                                                            \
                .delay = true,                                                                                         \
                .offset = STATS_OFFSET(delays.kind.field),                                                             \
                .known_offset = STATS_OFFSET(delays.kind.known),                                                       \
        },
#define DELAY_ENTRIES(kind, ...) DELAY_ENTRY(kind, count) DELAY_ENTRY(kind, total_ns)
                TASKSTATS_DELAYS(DELAY_ENTRIES)
#undef DELAY_ENTRIES
#undef DELAY_ENTRY
#undef DELAY_GROUP
};

void metrics_read(const struct tb_task_stats *stats, uint64_t values[static N_METRICS]) {
        for (unsigned int i = 0; i < N_METRICS; ++i)
                memcpy(values + i, (const char *)stats + metrics[i].offset, sizeof(*values));
}

enum metric_known metric_group_known(const struct tb_task_stats *stats, enum tb_stats_group group) {
        uint32_t bit = TB_STATS_BIT(group);

        if (stats->groups & bit)
                return METRIC_KNOWN;
        if (stats->withheld_groups & bit)
                return METRIC_WITHHELD;
        if (stats->uncounted_groups & bit)
                return METRIC_UNCOUNTED;
        if (stats->unsupported_groups & bit)
                return METRIC_UNSUPPORTED;

        return METRIC_NOT_YET;
}

/**
 * metric_is_at_least() - whether the totals of a process may lack something of a metric
 * @stats:      the totals
 * @metric:     the metric
 * @ended:      they are the last totals of a process: the kernel's own sums are in them
 *
 * Threads of the process ended without statistics, or unseen.
 */
bool metric_is_at_least(const struct tb_task_stats *stats, unsigned int metric, bool ended) {
        bool in_kernel_sums = metrics[metric].group == TB_STATS_CPU || metrics[metric].delay ||
                              metrics[metric].group == TB_STATS_SCHEDULING;

        return stats->tasks_missing || (stats->tasks_unseen && !(ended && in_kernel_sums));
}

enum metric_known metric_known(const struct tb_task_stats *stats, unsigned int metric) {
        const Metric *of = metrics + metric;
        enum metric_known known = metric_group_known(stats, of->group);
        bool delay_known;

        if (known != METRIC_KNOWN || !of->delay)
                return known;

        memcpy(&delay_known, (const char *)stats + of->known_offset, sizeof(delay_known));
        return delay_known ? METRIC_KNOWN : METRIC_UNSUPPORTED;
}
