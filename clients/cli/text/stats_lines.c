/* SPDX-License-Identifier: Apache-2.0 */

/*
 * All of a task's statistics as lines for a person: each field of the one table of
 * taskstats fields, in its unit, with what became of it within the last sample; and
 * of each group that is not there, why. Pure, but for the time zone.
 */

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "clients/cli/text/stats_lines.h"

#define NS_PER_S 1e9
#define NO_METRIC N_METRICS

typedef struct StatField StatField;
typedef struct StatDelay StatDelay;
typedef struct StatGroup StatGroup;

struct StatField {
        enum tb_stats_group group;
        const char *name;
        size_t offset;
        size_t size;
        bool is_signed;
        unsigned int metric;
};

struct StatDelay {
        const char *name;
        const char *what;
        size_t offset;
        unsigned int metric;
        enum tb_stats_group group;
};

struct StatGroup {
        enum tb_stats_group group;
        const char *heading;
};

#define SIGNED_U8 false
#define SIGNED_S8 true
#define SIGNED_U32 false
#define SIGNED_U64 false

#define METRIC_IF_SUM(field) METRIC_##field
#define METRIC_IF_MAX(field) NO_METRIC
#define METRIC_IF_LAST(field) NO_METRIC

#define MEMBER(in_group, field) ((struct tb_task_stats *)0)->in_group.field

static const StatField stat_fields[] = {
#define FIELD(in_group, field, type, offset_, offset_v15, since, total)                                                \
        {                                                                                                              \
                (enum tb_stats_group)STATS_GROUP_##in_group,                                                           \
                #field,                                                                                                \
                offsetof(struct tb_task_stats, in_group.field),                                                        \
                sizeof(MEMBER(in_group, field)),                                                                       \
                SIGNED_##type,                                                                                         \
                METRIC_IF_##total(field),                                                                              \
        },
        TASKSTATS_FIELDS(FIELD)
#undef FIELD
};

static const StatDelay stat_delays[] = {
#define DELAY(kind, text, of_group)                                                                                    \
        {                                                                                                              \
                #kind, text, offsetof(struct tb_task_stats, delays.kind), METRIC_DELAY_##kind##_total_ns, of_group,    \
        }
        DELAY(cpu, "for a processor", TB_STATS_CPU_DELAY),
        DELAY(blkio, "for storage", TB_STATS_DELAYS),
        DELAY(swapin, "for pages from swap", TB_STATS_DELAYS),
        DELAY(freepages, "for memory to be reclaimed", TB_STATS_DELAYS),
        DELAY(thrashing, "for pages thrown out before", TB_STATS_DELAYS),
        DELAY(compact, "for memory to be compacted", TB_STATS_DELAYS),
        DELAY(wpcopy, "for write-protected pages", TB_STATS_DELAYS),
        DELAY(irq, "for interrupts", TB_STATS_DELAYS),
#undef DELAY
};

static const StatGroup stat_groups[] = {
        { TB_STATS_CPU, "processor" },
        { TB_STATS_SCHEDULING, "scheduling" },
        { TB_STATS_MEMORY, "memory" },
        { TB_STATS_IO, "input and output" },
        { TB_STATS_CPU_DELAY, "waiting for a processor" },
        { TB_STATS_DELAYS, "other waiting" },
        { TB_STATS_MEMORY_INTEGRALS, "memory over time" },
        { TB_STATS_IDENTITY, "identity" },
        { TB_STATS_EXECUTABLE, "executable" },
        { TB_STATS_EXIT_STATUS, "exit status" },
};

#define N_FIELDS (sizeof(stat_fields) / sizeof(*stat_fields))
#define N_DELAYS (sizeof(stat_delays) / sizeof(*stat_delays))
#define N_GROUPS (sizeof(stat_groups) / sizeof(*stat_groups))

static const char *stat_reason(const LiveRow *row, enum tb_stats_group group) {
        if (!row->sampled)
                return row->ended ? "it ended without statistics" : "not sampled yet";

        switch (metric_group_known(&row->stats, group)) {
        case METRIC_WITHHELD:
                return "hidden: it is another user's, or ran with privileges";
        case METRIC_UNCOUNTED:
                return "not counted: delay accounting was off when it began";
        case METRIC_UNSUPPORTED:
                return "not kept by this kernel";
        default:
                return group == TB_STATS_EXIT_STATUS && !row->ended ? "it has not ended" : "not known";
        }
}

static bool stat_ends(const char *name, const char *end) {
        size_t n = strlen(name), n_end = strlen(end);

        return n >= n_end && strcmp(name + n - n_end, end) == 0;
}

static int64_t stat_read(const StatField *field, const struct tb_task_stats *stats) {
        const char *at = (const char *)stats + field->offset;
        uint64_t value = 0;
        uint32_t small;

        if (field->size == sizeof(value)) {
                memcpy(&value, at, sizeof(value));
        } else if (field->size == sizeof(small)) {
                memcpy(&small, at, sizeof(small));
                value = field->is_signed ? (uint64_t)(int64_t)(int32_t)small : small;
        } else {
                value = *(const unsigned char *)at;
        }

        return (int64_t)value;
}

static void stat_write_flags(uint64_t flags, char *text, size_t n_text) {
        static const char *const names[] = { "forked without exec", "used superuser's rights", "", "dumped core",
                                             "killed by a signal", "last of its process" };
        size_t n = 0;

        text[0] = 0;
        for (size_t i = 0; i < sizeof(names) / sizeof(*names); ++i)
                if ((flags >> i & 1) && *names[i] && n < n_text)
                        n += (size_t)snprintf(text + n, n_text - n, "%s%s", n ? ", " : "", names[i]);
}

static const char *stat_policy(uint64_t policy) {
        static const char *const names[] = { "normal", "FIFO", "round robin", "batch", "", "idle", "deadline", "ext" };

        return policy < sizeof(names) / sizeof(*names) ? names[policy] : "";
}

static void stat_write_value(const StatField *field, int64_t value, StatsLine *stat) {
        uint64_t number = (uint64_t)value;
        char exact[FORMAT_MAX];

        if (stat_ends(field->name, "_mib_us"))
                snprintf(stat->value, FORMAT_MAX, "%.4g MiB s", (double)number / 1e6);
        else if (stat_ends(field->name, "_ns"))
                format_duration(stat->value, number);
        else if (stat_ends(field->name, "_us"))
                format_duration(stat->value, number * 1000);
        else if (stat_ends(field->name, "_s"))
                number ? format_date(stat->value, number * UINT64_C(1000000000)) : strcpy(stat->value, "-");
        else if (stat_ends(field->name, "_kib"))
                format_bytes(stat->value, number * 1024);
        else if (stat_ends(field->name, "_bytes"))
                format_bytes(stat->value, number);
        else if (stat_ends(field->name, "_dev") || stat_ends(field->name, "exitcode"))
                snprintf(stat->value, FORMAT_MAX, "0x%" PRIx64, number);
        else if (stat_ends(field->name, "id") || stat_ends(field->name, "nice") || stat_ends(field->name, "inode"))
                snprintf(stat->value, FORMAT_MAX, "%" PRId64, value);
        else
                format_count(stat->value, number);

        if (stat_ends(field->name, "_bytes") && number >= 1024)
                snprintf(stat->note, sizeof(stat->note), "%s bytes", format_count(exact, number));
        if (strcmp(field->name, "ac_flag") == 0)
                stat_write_flags(number, stat->note, sizeof(stat->note));
        if (strcmp(field->name, "ac_sched") == 0)
                snprintf(stat->note, sizeof(stat->note), "%s", stat_policy(number));
}

static void stat_write_rate(const Live *live, const LiveRow *row, const StatField *field, StatsLine *stat) {
        char bytes[FORMAT_MAX];
        double rate;

        if (field->metric == NO_METRIC || live_rate(live, row, field->metric, &rate) != METRIC_KNOWN)
                return;

        if (stat_ends(field->name, "_mib_us"))
                snprintf(stat->rate, FORMAT_MAX, "%.3g MiB", rate / 1e6);
        else if (stat_ends(field->name, "_ns"))
                snprintf(stat->rate, FORMAT_MAX, "%.1f%%", 100 * rate / NS_PER_S);
        else if (stat_ends(field->name, "_us"))
                snprintf(stat->rate, FORMAT_MAX, "%.1f%%", 100 * rate / 1e6);
        else if (stat_ends(field->name, "_bytes"))
                snprintf(stat->rate, FORMAT_MAX, "%s/s", format_bytes(bytes, (uint64_t)(rate + 0.5)));
        else
                snprintf(stat->rate, FORMAT_MAX, "%.1f/s", rate);
}

static size_t stat_add_fields(const Live *live, const LiveRow *row, enum tb_stats_group group, StatsLine *stats) {
        size_t n = 0;

        for (size_t i = 0; i < N_FIELDS; ++i) {
                if (stat_fields[i].group != group)
                        continue;
                stats[n] = (StatsLine){ .name = stat_fields[i].name };
                stat_write_value(stat_fields + i, stat_read(stat_fields + i, &row->stats), stats + n);
                stat_write_rate(live, row, stat_fields + i, stats + n);
                n++;
        }

        return n;
}

static void stat_write_delay(const struct tb_delay *delay, StatsLine *stat) {
        char mean[FORMAT_MAX], most[FORMAT_MAX], least[FORMAT_MAX], when[FORMAT_MAX], count[FORMAT_MAX];
        size_t n;

        format_duration(stat->value, delay->total_ns);
        if (!delay->count)
                return;

        n = (size_t)snprintf(stat->note,
                             sizeof(stat->note),
                             "%s times, %s on average",
                             format_count(count, delay->count),
                             format_duration(mean, delay->total_ns / delay->count));
        if (delay->peak_known && n < sizeof(stat->note))
                n += (size_t)snprintf(stat->note + n,
                                      sizeof(stat->note) - n,
                                      ", %s to %s",
                                      format_duration(least, delay->min_ns),
                                      format_duration(most, delay->max_ns));
        if (delay->max_time_ns && n < sizeof(stat->note))
                snprintf(stat->note + n, sizeof(stat->note) - n, " at %s", format_clock(when, delay->max_time_ns));
}

static size_t stat_add_delays(const Live *live, const LiveRow *row, enum tb_stats_group group, StatsLine *stats) {
        size_t n = 0;
        double rate;

        for (size_t i = 0; i < N_DELAYS; ++i) {
                struct tb_delay delay;

                if (stat_delays[i].group != group)
                        continue;
                memcpy(&delay, (const char *)&row->stats + stat_delays[i].offset, sizeof(delay));
                stats[n] = (StatsLine){ .name = stat_delays[i].what };
                if (delay.known)
                        stat_write_delay(&delay, stats + n);
                else
                        strcpy(stats[n].value, "n/a");
                if (live_rate(live, row, stat_delays[i].metric, &rate) == METRIC_KNOWN)
                        snprintf(stats[n].rate, FORMAT_MAX, "%.1f%%", 100 * rate / NS_PER_S);
                n++;
        }

        return n;
}

/**
 * stats_lines() - all statistics of a row
 * @live:       the model
 * @row:        of it, or a copy
 * @stats:      output
 *
 * Return: How many lines there are.
 */
size_t stats_lines(const Live *live, const LiveRow *row, StatsLine stats[static STATS_LINES_MAX]) {
        size_t n = 0;

        _Static_assert(N_FIELDS + N_DELAYS + N_GROUPS <= STATS_LINES_MAX, "there is a line for each");
        for (size_t i = 0; i < N_GROUPS; ++i) {
                enum tb_stats_group group = stat_groups[i].group;
                StatsLine *heading = stats + n++;

                *heading = (StatsLine){ .heading = stat_groups[i].heading };
                if (!row->sampled || metric_group_known(&row->stats, group) != METRIC_KNOWN) {
                        snprintf(heading->note, sizeof(heading->note), "%s", stat_reason(row, group));
                        continue;
                }
                if (group == TB_STATS_CPU_DELAY || group == TB_STATS_DELAYS)
                        n += stat_add_delays(live, row, group, stats + n);
                else
                        n += stat_add_fields(live, row, group, stats + n);
        }

        return n;
}
