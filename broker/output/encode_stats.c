/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A TaskStats of the wire: the generated structs, filled from the broker's record.
 *
 * proto/taskstats_fields.h lists the fields; only the field of the name is written here.
 * The encoders of events and of samples call this file. It allocates no memory.
 */

#include "broker/output/encode_parts.h"

static void delays_fill(StatsMessage *m, const TaskStats *s) {
        bool delays = s->groups & STATS_DELAYS, peaks = s->groups & STATS_DELAY_PEAKS;

        if (!(s->groups & (STATS_CPU_DELAY | STATS_DELAYS)))
                return;
        taskbroker__v1__task_stats__delays__init(&m->delays);
        m->stats.delays = &m->delays;

        /* The group CPU_DELAY has one delay. All others are one group. */
#define DELAY(name, offset, offset_v15, since, at_peak, at_peak_v15, at_time)  \
        if ((&s->name##_delay == &s->cpu_delay ? s->groups & STATS_CPU_DELAY : delays) && s->version >= (since)) { \
                taskbroker__v1__task_stats__delay__init(&m->name##_delay);    \
                m->delays.name = &m->name##_delay;                            \
                m->name##_delay.count = s->name##_delay.count;                \
                m->name##_delay.total_ns = s->name##_delay.total_ns;          \
                if (s->name##_delay.count > 0 && peaks) {                     \
                        taskbroker__v1__task_stats__delay_peak__init(&m->name##_peak); \
                        m->name##_delay.peak = &m->name##_peak;               \
                        m->name##_peak.max_ns = s->name##_delay.max_ns;       \
                        m->name##_peak.min_ns = s->name##_delay.min_ns;       \
                        m->name##_peak.max_time_ns = s->name##_delay.max_time_ns; \
                }                                                             \
        }
        TASKSTATS_DELAYS(DELAY)
#undef DELAY
}

/* Fills the groups that the record has; the structs of absent groups are neither initialised nor pointed to. */
static PB(TaskStats) *stats_fill(StatsMessage *m, const TaskStats *s) {
        taskbroker__v1__task_stats__init(&m->stats);
        m->stats.taskstats_version = s->version;
        m->stats.unsupported_groups = s->unsupported;
        m->stats.uncounted_groups = s->uncounted;
        m->stats.withheld_groups = s->withheld;
        m->stats.task_count = s->tasks;
        m->stats.tasks_missing = s->tasks_missing;
        m->stats.tasks_unseen = s->tasks_unseen;

#define FIELD(group, name, type, offset, offset_v15, since, total) m->group.name = s->name;
#define FILL(group, GROUP, number)                                            \
        if (s->groups & STATS_##GROUP) {                                      \
                taskbroker__v1__task_stats__##group##__init(&m->group);       \
                m->stats.group = &m->group;                                   \
                TASKSTATS_##GROUP##_FIELDS(FIELD)                             \
        }
        TASKSTATS_PLAIN_GROUPS(FILL)
#undef FILL
#undef FIELD

        if (s->groups & STATS_IDENTITY)
                m->identity.ac_comm = bytes_of_comm(s->ac_comm);
        delays_fill(m, s);
        return &m->stats;
}

/*
 * Restricts a record to the statistics that everyone may know. The mask of withheld
 * groups is always the same, so that it does not reveal which groups the record had.
 */
static void stats_restrict(TaskStats *stats, uint32_t variant) {
        uint32_t withheld = POLICY_WITHHELD_STATS;

        if (!(variant & ENCODE_STATUS)) {
                withheld |= STATS_EXIT_STATUS;
                stats->ac_flag &= ~(uint32_t)(AC_FLAG_CORE | AC_FLAG_XSIG);
        }
        stats->groups &= ~withheld;
        stats->unsupported &= ~withheld;
        stats->uncounted &= ~withheld;
        stats->withheld = withheld;
}

/* Leaves out groups that the client did not ask for. */
static void stats_leave_out(TaskStats *stats, uint32_t groups) {
        stats->groups &= groups;
        stats->unsupported &= groups;
        stats->uncounted &= groups;
        stats->withheld &= groups;
}

PB(TaskStats) *encode_stats_view(StatsMessage *m, const TaskStats *stats, uint32_t variant, uint32_t groups) {
        bool whole = !(STATS_ALL_GROUPS & ~groups);

        if (!(variant & ENCODE_PUBLIC) && whole)
                return stats_fill(m, stats);
        m->restricted = *stats;
        if (variant & ENCODE_PUBLIC)
                stats_restrict(&m->restricted, variant);
        if (!whole)
                stats_leave_out(&m->restricted, groups);
        return stats_fill(m, &m->restricted);
}
