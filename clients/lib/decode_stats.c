/* SPDX-License-Identifier: Apache-2.0 */

/*
 * One TaskStats of the wire becomes one struct tb_task_stats.
 *
 * Called by the decoder of events. The table proto/taskstats_fields.h has the
 * fields; no field has a name here.
 */

#include <string.h>

#include "clients/lib/decode_parts.h"
#include "proto/taskstats_fields.h"

#define ASSERT_GROUP(group, GROUP, number) _Static_assert(TB_STATS_##GROUP == (number), #group);
TASKSTATS_GROUPS(ASSERT_GROUP)
#undef ASSERT_GROUP

static uint32_t decode_delay(struct tb_delay *delay, const Taskbroker__V1__TaskStats__Delay *wire, uint32_t group) {
        uint32_t groups = group;

        if (!wire)
                return 0;

        delay->known = true;
        delay->count = wire->count;
        delay->total_ns = wire->total_ns;
        if (!wire->peak)
                return groups;

        delay->peak_known = true;
        delay->max_ns = wire->peak->max_ns;
        delay->min_ns = wire->peak->min_ns;
        delay->max_time_ns = wire->peak->max_time_ns;
        groups |= TB_STATS_BIT(TB_STATS_DELAY_PEAKS);
        if (wire->peak->max_time_ns)
                groups |= TB_STATS_BIT(TB_STATS_DELAY_PEAK_TIMES);

        return groups;
}

static uint32_t decode_delays(struct tb_task_stats *stats, const Taskbroker__V1__TaskStats__Delays *wire) {
        uint32_t groups = 0;

        if (!wire)
                return 0;

#define DECODE_DELAY(name, ...)                                                                                        \
        groups |= decode_delay(&stats->delays.name,                                                                    \
                               wire->name,                                                                             \
                               &stats->delays.name == &stats->delays.cpu ? TB_STATS_BIT(TB_STATS_CPU_DELAY)            \
                                                                         : TB_STATS_BIT(TB_STATS_DELAYS));
        TASKSTATS_DELAYS(DECODE_DELAY)
#undef DECODE_DELAY

        return groups;
}

void decode_task_stats(struct tb_task_stats *stats, const Taskbroker__V1__TaskStats *wire) {
        memset(stats, 0, sizeof(*stats));

        stats->unsupported_groups = wire->unsupported_groups;
        stats->uncounted_groups = wire->uncounted_groups;
        stats->withheld_groups = wire->withheld_groups;
        stats->taskstats_version = wire->taskstats_version;
        stats->tasks = wire->task_count;
        stats->tasks_missing = wire->tasks_missing;
        stats->tasks_unseen = wire->tasks_unseen;

#define DECODE_FIELD(group, name, ...) stats->group.name = wire->group->name;
#define DECODE_GROUP(group, GROUP, number)                                                                             \
        if (wire->group) {                                                                                             \
                stats->groups |= TB_STATS_BIT(number);                                                                 \
                TASKSTATS_##GROUP##_FIELDS(DECODE_FIELD)                                                               \
        }
        TASKSTATS_PLAIN_GROUPS(DECODE_GROUP)
#undef DECODE_GROUP
#undef DECODE_FIELD

        if (wire->identity)
                decode_comm(stats->identity.ac_comm, wire->identity->ac_comm);
        stats->groups |= decode_delays(stats, wire->delays);
}
