/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "taskbroker/taskbroker.h"

#include "clients/cli/model/live_exited.h"
#include "clients/cli/model/live_history.h"
#include "clients/cli/model/metrics.h"

typedef struct Live Live;
typedef struct LiveRow LiveRow;
typedef struct LiveSample LiveSample;

/* So many rows can have a history at a time. */
#define LIVE_TRACKED_MAX 8

/* live.c's own: threads that exec has made leaders, within one sample. */
#define LIVE_RENAMED_MAX 256u

/* Ended rows stay so long, and so many of them. */
#define LIVE_ENDED_NS UINT64_C(5000000000)
#define LIVE_ENDED_MAX 1024u

/* One process, or one thread: what the samples are of. */
struct LiveRow {
        /* Identity. */
        uint32_t pid;
        uint32_t tid;
        uint64_t start_time_ns; /* 0: not known */

        uint32_t ppid; /* 0: none or not known */
        uint32_t uid;
        char comm[TB_COMM_SIZE];
        struct tb_program *program; /* what it runs; NULL: not known */
        uint32_t tasks;             /* of a process: its live threads; 0: not known */
        bool kernel_thread;

        /* It has exited; its last values come with the next sample. */
        bool exited;
        /* It has ended, and its last values are here, if there are any. */
        bool ended;
        uint64_t end_time_ns; /* exited, ended: when */
        struct tb_termination termination;
        enum tb_stats_missing stats_missing;

        /* Totals since its birth, as of time_ns. */
        bool sampled;
        uint64_t time_ns;
        struct tb_task_stats stats;

        /* What it used within the last sample that it was in: use live_used() and live_rate(). */
        uint64_t sample;      /* which that was, as LiveSample.number; 0: none */
        uint32_t used_groups; /* TB_STATS_BIT()s of what is known of it */
        uint64_t span_ns;     /* 0: the sample's */
        uint64_t used[N_METRICS];

        /* Its totals when it was first seen: 0 of those born since. Use live_accumulated(). */
        uint32_t base_groups;
        uint64_t base[N_METRICS];

        LiveHistory *history; /* only where asked for: live_track() */

        /* For whoever shows it: zero at first, and not looked at. */
        uint32_t marks;

        /* live.c's own. */
        uint64_t expiry_ns;
        size_t index;
        LiveRow *next_same_hash;
        LiveRow *next_exited;
        LiveRow *next_ended;
};

/* The last complete sample. The masks have a bit for each group that some row of it lacked, by reason. */
struct LiveSample {
        uint64_t number; /* our own count; 0: none was complete yet */
        struct tb_sample told;
        uint64_t span_ns;         /* from the end of the one before to the end of this; 0: there was none */
        uint64_t used[N_METRICS]; /* sums of its rows */
        uint32_t withheld_groups;
        uint32_t uncounted_groups;
        uint32_t unsupported_groups;
};

struct Live {
        /* All rows, in no order: alive, exited, and those that ended a moment ago. */
        LiveRow **rows;
        size_t n_rows;
        size_t n_alive;

        /* Those of the last sample, ended ones too, until the next begins. */
        LiveRow **changed;
        size_t n_changed;

        LiveSample sample;
        uint64_t began_ns;                          /* the end of the first sample; 0: there was none */
        uint64_t total_used[N_METRICS];             /* all that the samples since the first told */
        uint64_t n_forks, n_execs, n_exits, n_lost; /* the same */
        uint64_t n_samples_lost;

        LiveHistory history; /* of the machine: one point a sample */
        LiveExited ranking; /* of what has ended, by name */

        bool snapshot_complete; /* names, parents and command lines are there */
        uint64_t event_losses;  /* events that the stream of events said are missing */

        bool threads; /* rows are threads: set by live_reset() */

        /* Not empty: only tasks of these numbers, of processes or of threads. The caller's. */
        const uint32_t *only;
        size_t n_only;

        /* live.c's own. */
        LiveRow **buckets;
        size_t n_buckets;
        size_t n_room;
        size_t n_changed_room;
        LiveRow *exited;
        LiveRow *ended_first, *ended_last;
        size_t n_ended;
        bool in_sample;             /* parts of the next have come */
        bool restarted;             /* the broker is another: starts may differ a little */
        uint32_t machine_groups;    /* what some row has */
        uint32_t machine_uncounted; /* what rows lack, and none has */
        uint32_t machine_unsupported;
        LiveRow *tracked[LIVE_TRACKED_MAX];
        uint32_t renamed[LIVE_RENAMED_MAX];
        size_t n_renamed;
};

/*
 * The model: messages in, rows out. Pure; live-link.h has the connections.
 *
 * live_message() takes any message of either connection. After TB_MESSAGE_SAMPLE
 * the sample is complete: that is the moment to draw, or to print `changed`.
 */
void live_init(Live *live);
void live_deinit(Live *live);

/* All rows go; histories, sums and the ranking stay. Rows are of threads, or of processes, from now on. */
void live_reset(Live *live, bool threads);

/* Returns 0, or -ENOMEM. */
int live_message(Live *live, const struct tb_message *message);

/* Rows that were told as ended LIVE_ENDED_NS before @now_ns (since the epoch) go. To be called before drawing. */
void live_expire(Live *live, uint64_t now_ns);

/* NULL: there is none. Of a number that is used again, the newest. */
LiveRow *live_find(const Live *live, uint32_t tid);
LiveRow *live_find_started(const Live *live, uint32_t tid, uint64_t start_time_ns);

/*
 * Values of a row. Each says whether it is known; where it is not, the output is 0
 * and must not be shown.
 */
enum metric_known live_total(const Live *live, const LiveRow *row, unsigned int metric, uint64_t *ret_value);
enum metric_known live_used(const Live *live, const LiveRow *row, unsigned int metric, uint64_t *ret_value);
enum metric_known live_rate(const Live *live, const LiveRow *row, unsigned int metric, double *ret_per_second);
void live_rates(const Live *live, const LiveRow *row, MetricRates *ret_rates);
enum metric_known live_accumulated(const Live *live, const LiveRow *row, unsigned int metric, uint64_t *ret_value);

/* The same of the machine, or of what of it the client asked for and may know, within the last sample. */
enum metric_known live_machine_rate(const Live *live, unsigned int metric, double *ret_per_second);

/* Keeps a history of this row from now on, as long as there is the row. Returns 0; -ENOSPC: too many are. */
int live_track(Live *live, LiveRow *row);
void live_untrack(Live *live, LiveRow *row);
