/* SPDX-License-Identifier: Apache-2.0 */

/*
 * All of a task's statistics as lines for a person: each field of the table of
 * taskstats fields in its unit, with its rate if the caller knows that. A group that is
 * missing has one line, which says why.
 *
 * Called by the verb stats, and by top for one process. Pure, but for the time zone.
 */

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "clients/cli/text/stats_lines.h"

#define NS_PER_S 1e9
#define NO_METRIC N_METRICS

typedef struct StatsField StatsField;
typedef struct StatsDelay StatsDelay;
typedef struct StatsGroup StatsGroup;

struct StatsField {
        enum tb_stats_group group;
        const char *name;
        size_t offset;
        size_t size;
        bool is_signed;
        uint32_t since; /* the first version of the kernel's record that has it */
        unsigned int metric;
};

struct StatsDelay {
        const char *name;
        const char *what;
        size_t offset;
        unsigned int metric;
        enum tb_stats_group group;
};

struct StatsGroup {
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
#define METRIC_IF_LEADER(field) NO_METRIC
#define METRIC_IF_FLAGS(field) NO_METRIC

#define MEMBER(in_group, field) ((struct tb_task_stats *)0)->in_group.field

static const StatsField stats_fields[] = {
#define FIELD(in_group, field, type, offset_, offset_v15, since, total)                                                \
        {                                                                                                              \
                (enum tb_stats_group)STATS_GROUP_##in_group,                                                           \
                #field,                                                                                                \
                offsetof(struct tb_task_stats, in_group.field),                                                        \
                sizeof(MEMBER(in_group, field)),                                                                       \
                SIGNED_##type,                                                                                         \
                (since),                                                                                               \
                METRIC_IF_##total(field),                                                                              \
        },
        TASKSTATS_FIELDS(FIELD)
#undef FIELD
};

static const StatsDelay stats_delays[] = {
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

static const StatsGroup stats_groups[] = {
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

#define N_FIELDS (sizeof(stats_fields) / sizeof(*stats_fields))
#define N_DELAYS (sizeof(stats_delays) / sizeof(*stats_delays))
#define N_GROUPS (sizeof(stats_groups) / sizeof(*stats_groups))

/* Why the group is not there. */
static const char *stats_reason(const struct tb_task_stats *stats, bool ended, enum tb_stats_group group) {
        if (!stats)
                return ended ? "it ended without statistics" : "not sampled yet";

        switch (metric_group_known(stats, group)) {
        case METRIC_WITHHELD:
                return "hidden: it is another user's, or ran with privileges";
        case METRIC_UNCOUNTED:
                return "not counted: delay accounting was off, or not known, when it began";
        case METRIC_UNSUPPORTED:
                return "not kept by this kernel";
        default:
                return group == TB_STATS_EXIT_STATUS && !ended ? "it has not ended" : "not known";
        }
}

static bool stats_ends(const char *name, const char *end) {
        size_t n = strlen(name), n_end = strlen(end);

        return n >= n_end && strcmp(name + n - n_end, end) == 0;
}

static int64_t stats_read(const StatsField *field, const struct tb_task_stats *stats) {
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

static void stats_write_flags(uint64_t flags, char *text, size_t n_text) {
        static const char *const names[] = { "forked without exec", "used superuser's rights", "", "dumped core",
                                             "killed by a signal", "last of its process" };
        size_t n = 0;

        text[0] = 0;
        for (size_t i = 0; i < sizeof(names) / sizeof(*names); ++i)
                if ((flags >> i & 1) && *names[i] && n < n_text)
                        n += (size_t)snprintf(text + n, n_text - n, "%s%s", n ? ", " : "", names[i]);
}

static const char *stats_policy(uint64_t policy) {
        static const char *const names[] = { "normal", "FIFO", "round robin", "batch", "", "idle", "deadline", "ext" };

        return policy < sizeof(names) / sizeof(*names) ? names[policy] : "";
}

static void stats_write_value(const StatsField *field, int64_t value, StatsLine *line) {
        uint64_t number = (uint64_t)value;
        char exact[FORMAT_MAX];

        if (stats_ends(field->name, "_mib_us"))
                snprintf(line->value, FORMAT_MAX, "%.4g MiB s", (double)number / 1e6);
        else if (stats_ends(field->name, "_ns"))
                format_duration(line->value, number);
        else if (stats_ends(field->name, "_us"))
                format_duration(line->value, number * 1000);
        else if (stats_ends(field->name, "_s"))
                number ? format_realtime(line->value, number) : strcpy(line->value, "-");
        else if (stats_ends(field->name, "_kib"))
                number ? (void)format_bytes(line->value, number * 1024) : (void)strcpy(line->value, "-");
        else if (stats_ends(field->name, "_bytes"))
                format_bytes(line->value, number);
        else if (stats_ends(field->name, "_dev") || stats_ends(field->name, "exitcode"))
                snprintf(line->value, FORMAT_MAX, "0x%" PRIx64, number);
        else if (stats_ends(field->name, "id") || stats_ends(field->name, "nice") || stats_ends(field->name, "inode"))
                snprintf(line->value, FORMAT_MAX, "%" PRId64, value);
        else
                format_count(line->value, number);

        if (stats_ends(field->name, "_bytes") && number >= 1024)
                snprintf(line->note, sizeof(line->note), "%s bytes", format_count(exact, number));
        if (strcmp(field->name, "ac_flag") == 0)
                stats_write_flags(number, line->note, sizeof(line->note));
        if (strcmp(field->name, "ac_sched") == 0)
                snprintf(line->note, sizeof(line->note), "%s", stats_policy(number));
}

static void stats_write_rate(const MetricRates *rates, const StatsField *field, StatsLine *line) {
        char bytes[FORMAT_MAX];
        double rate;

        if (!rates || field->metric == NO_METRIC || !rates->known[field->metric])
                return;
        rate = rates->per_second[field->metric];

        if (stats_ends(field->name, "_mib_us"))
                snprintf(line->rate, FORMAT_MAX, "%.3g MiB", rate / 1e6);
        else if (stats_ends(field->name, "_ns"))
                snprintf(line->rate, FORMAT_MAX, "%.1f%%", 100 * rate / NS_PER_S);
        else if (stats_ends(field->name, "_us"))
                snprintf(line->rate, FORMAT_MAX, "%.1f%%", 100 * rate / 1e6);
        else if (stats_ends(field->name, "_bytes"))
                snprintf(line->rate, FORMAT_MAX, "%s/s", format_bytes(bytes, (uint64_t)(rate + 0.5)));
        else
                snprintf(line->rate, FORMAT_MAX, "%.1f/s", rate);
}

static size_t stats_add_fields(const struct tb_task_stats *stats,
                               const MetricRates *rates,
                               enum tb_stats_group group,
                               StatsLine *lines) {
        size_t n = 0;

        for (size_t i = 0; i < N_FIELDS; ++i) {
                if (stats_fields[i].group != group)
                        continue;
                lines[n] = (StatsLine){ .name = stats_fields[i].name };
                if (stats->taskstats_version < stats_fields[i].since)
                        strcpy(lines[n].value, "-");
                else
                        stats_write_value(stats_fields + i, stats_read(stats_fields + i, stats), lines + n);
                stats_write_rate(rates, stats_fields + i, lines + n);
                ++n;
        }

        return n;
}

static void stats_write_delay(const struct tb_delay *delay, StatsLine *line) {
        char mean[FORMAT_MAX], most[FORMAT_MAX], least[FORMAT_MAX], when[FORMAT_MAX], count[FORMAT_MAX];
        size_t n;

        format_duration(line->value, delay->total_ns);
        if (!delay->count)
                return;

        n = (size_t)snprintf(line->note,
                             sizeof(line->note),
                             "%s times, %s on average",
                             format_count(count, delay->count),
                             format_duration(mean, delay->total_ns / delay->count));
        if (delay->peak_known && n < sizeof(line->note))
                n += (size_t)snprintf(line->note + n,
                                      sizeof(line->note) - n,
                                      ", %s to %s",
                                      format_duration(least, delay->min_ns),
                                      format_duration(most, delay->max_ns));
        if (delay->max_time_ns && n < sizeof(line->note))
                snprintf(line->note + n, sizeof(line->note) - n, " at %s", format_clock(when, delay->max_time_ns));
}

static size_t stats_add_delays(const struct tb_task_stats *stats,
                               const MetricRates *rates,
                               enum tb_stats_group group,
                               StatsLine *lines) {
        size_t n = 0;

        for (size_t i = 0; i < N_DELAYS; ++i) {
                struct tb_delay delay;

                if (stats_delays[i].group != group)
                        continue;
                memcpy(&delay, (const char *)stats + stats_delays[i].offset, sizeof(delay));
                lines[n] = (StatsLine){ .name = stats_delays[i].what };
                if (delay.known)
                        stats_write_delay(&delay, lines + n);
                else
                        strcpy(lines[n].value, "n/a");
                if (rates && rates->known[stats_delays[i].metric])
                        snprintf(lines[n].rate,
                                 FORMAT_MAX,
                                 "%.1f%%",
                                 100 * rates->per_second[stats_delays[i].metric] / NS_PER_S);
                ++n;
        }

        return n;
}

/**
 * stats_lines() - write all statistics of a task
 * @stats:      the statistics; NULL: no sample had the task
 * @rates:      the rates of the task; NULL: the lines have no rates
 * @ended:      the task has ended
 * @lines:      output
 *
 * Return: The number of lines.
 */
size_t stats_lines(const struct tb_task_stats *stats,
                   const MetricRates *rates,
                   bool ended,
                   StatsLine lines[static STATS_LINES_MAX]) {
        size_t n = 0;

        _Static_assert(N_FIELDS + N_DELAYS + N_GROUPS <= STATS_LINES_MAX, "there is a line for each");
        for (size_t i = 0; i < N_GROUPS; ++i) {
                enum tb_stats_group group = stats_groups[i].group;
                StatsLine *heading = lines + n++;

                *heading = (StatsLine){ .heading = stats_groups[i].heading };
                if (!stats || metric_group_known(stats, group) != METRIC_KNOWN) {
                        snprintf(heading->note, sizeof(heading->note), "%s", stats_reason(stats, ended, group));
                        continue;
                }
                if (group == TB_STATS_CPU_DELAY || group == TB_STATS_DELAYS)
                        n += stats_add_delays(stats, rates, group, lines + n);
                else
                        n += stats_add_fields(stats, rates, group, lines + n);
        }

        return n;
}
