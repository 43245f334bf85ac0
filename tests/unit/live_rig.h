/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Made-up messages for the live model, and readers of its rows.
 *
 * Include it behind #undef NDEBUG.
 */

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "clients/cli/model/live.h"
#include "clients/cli/model/live_messages.h"
#include "clients/cli/model/live_values.h"

#define SECOND_NS UINT64_C(1000000000)

/* The tests count seconds from this time on. */
#define BEGIN_NS (UINT64_C(1700000000) * SECOND_NS)
#define AT(seconds) ((uint64_t)((int64_t)BEGIN_NS + (int64_t)((seconds) * 1e9)))

#define GROUPS_ALL                                                                                                     \
        (TB_STATS_BIT(TB_STATS_IDENTITY) | TB_STATS_BIT(TB_STATS_CPU) | TB_STATS_BIT(TB_STATS_MEMORY) |                \
         TB_STATS_BIT(TB_STATS_SCHEDULING) | TB_STATS_BIT(TB_STATS_IO) | TB_STATS_BIT(TB_STATS_CPU_DELAY) |            \
         TB_STATS_BIT(TB_STATS_DELAYS))
#define GROUP_IO TB_STATS_BIT(TB_STATS_IO)
#define GROUP_DELAYS TB_STATS_BIT(TB_STATS_DELAYS)

typedef struct Made Made;

/* A made-up task, and the resources that it has used so far. */
struct Made {
        uint32_t pid;
        uint32_t tid;
        double start;
        double step;    /* the time scale of the broker is so many seconds later */
        const char *comm;
        uint64_t cpu_ns;
        uint64_t read_bytes;
        uint64_t write_bytes;
        uint64_t cancelled_write_bytes;
        uint64_t io_delay_ns;
        uint32_t groups; /* 0: all */
        uint32_t withheld;
        uint32_t uncounted;
};

static inline struct tb_task_stats made_stats(const Made *made) {
        struct tb_task_stats stats = {
                .taskstats_version = 16,
                .groups = made->groups ? made->groups : GROUPS_ALL,
                .withheld_groups = made->withheld,
                .uncounted_groups = made->uncounted,
        };

        stats.cpu.cpu_run_virtual_total_ns = made->cpu_ns;
        stats.delays.cpu = (struct tb_delay){.known = true, .count = 1, .total_ns = made->cpu_ns / 2};
        if (stats.groups & GROUP_IO) {
                stats.io.read_bytes = made->read_bytes;
                stats.io.write_bytes = made->write_bytes;
                stats.io.cancelled_write_bytes = made->cancelled_write_bytes;
        }
        if (stats.groups & GROUP_DELAYS) {
                stats.delays.blkio = (struct tb_delay){ .known = true, .total_ns = made->io_delay_ns };
                stats.delays.swapin = (struct tb_delay){ .known = true };
        }

        return stats;
}

static inline void send_message(Live *live, struct tb_message message) {
        assert(live_messages_take(live, &message) == 0);
}

static inline struct tb_task_sample made_sample(const Made *made, double at) {
        struct tb_task_sample sample = {
                .pid = made->pid,
                .tid = made->tid ? made->tid : made->pid,
                .maker = { .known = true, .pid = 1, .start_boot_ns = 1 },
                .parent = { .known = true, .pid = 1, .start_boot_ns = 1 },
                .uid = 4242424,
                .start_time_ns = AT(made->start + made->step),
                .start_boot_ns = AT(made->start) - BEGIN_NS / 2,
                .time_ns = AT(at),
                .tasks = 1,
        };

        snprintf(sample.comm, sizeof(sample.comm), "%s", made->comm ? made->comm : "made");
        return sample;
}

/* The task is sampled at the second @at. */
static inline void send_row(Live *live, const Made *made, double at) {
        struct tb_task_stats stats = made_stats(made);
        struct tb_task_sample sample = made_sample(made, at);

        sample.stats = &stats;
        send_message(live, (struct tb_message){.type = TB_MESSAGE_TASK_SAMPLE, .task_sample = &sample});
}

/* The task ended at the second @at: a sample with its last values. */
static inline void send_ended(Live *live, const Made *made, double at) {
        struct tb_task_stats stats = made_stats(made);
        struct tb_task_sample sample = made_sample(made, at);

        sample.stats = &stats;
        sample.tasks = 0;
        sample.ended = true;
        sample.termination = (struct tb_termination){.known = true};
        send_message(live, (struct tb_message){.type = TB_MESSAGE_TASK_SAMPLE, .task_sample = &sample});
}

/* Completes the sample at the second @at. The sample began a hundredth of a second before. */
static inline void send_sample(Live *live, double at, bool full) {
        struct tb_sample sample = {
                .number = live->sample.number + 1,
                .begin_time_ns = AT(at) - SECOND_NS / 100,
                .end_time_ns = AT(at),
                .span_ns = live->sample.number ? AT(at) - live->sample.summary.end_time_ns : 0,
                .tasks = live->n_changed,
                .full = full,
        };

        send_message(live, (struct tb_message){.type = TB_MESSAGE_SAMPLE, .sample = &sample});
}

static inline struct tb_event made_event(enum tb_kind kind, const Made *made, double at) {
        struct tb_event event = {
                .kind = kind,
                .pid = made->pid,
                .tid = made->tid ? made->tid : made->pid,
                .maker = { .known = true, .pid = 1, .start_boot_ns = 1 },
                .parent = { .known = true, .pid = 1, .start_boot_ns = 1 },
                .uid = 4242424,
                .start_time_ns = AT(made->start + made->step),
                .start_boot_ns = AT(made->start) - BEGIN_NS / 2,
                .time_ns = AT(at),
        };

        snprintf(event.comm, sizeof(event.comm), "%s", made->comm ? made->comm : "made");
        if (kind == TB_KIND_EXIT) {
                event.exit.process_ended = true;
                event.exit.process_termination = (struct tb_termination){.known = true, .exit_code = 3};
                event.exit.termination = event.exit.process_termination;
        }
        if (kind == TB_KIND_FORK)
                event.fork.parent_pid = 1;

        return event;
}

static inline void send_event(Live *live, const struct tb_event *event) {
        send_message(live, (struct tb_message){.type = TB_MESSAGE_EVENT, .event = event});
}

static inline const LiveRow *row_of(const Live *live, const Made *made) {
        return live_find_task(live, made->tid ? made->tid : made->pid, AT(made->start) - BEGIN_NS / 2);
}

/* Return: the use of @made in the last sample, which must be known. */
static inline uint64_t used_of(const Live *live, const Made *made, unsigned int metric) {
        const LiveRow *row = row_of(live, made);
        uint64_t used;

        assert(row);
        assert(live_used(live, row, metric, &used) == METRIC_KNOWN);
        return used;
}

/* Return: the reason why the use of @made in the last sample is unknown, which it must be. */
static inline enum metric_known unknown_of(const Live *live, const Made *made, unsigned int metric) {
        const LiveRow *row = row_of(live, made);
        enum metric_known known;
        double rate;
        uint64_t used;

        assert(row);
        known = live_used(live, row, metric, &used);
        assert(known != METRIC_KNOWN && used == 0);
        assert(live_rate(live, row, metric, &rate) == known && rate == 0);
        return known;
}
