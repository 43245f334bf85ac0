/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "taskbroker/taskbroker.h"

#include "clients/cli/model/live_exited.h"
#include "clients/cli/model/live_history.h"
#include "clients/cli/model/live_only.h"
#include "clients/cli/model/metrics.h"

typedef struct Live Live;
typedef struct LiveRenamed LiveRenamed;
typedef struct LiveRow LiveRow;
typedef struct LiveSample LiveSample;

/* So many rows can have a history at a time. */
#define LIVE_TRACKED_MAX 8

/* Private: threads that became leaders by exec, within one sample. */
#define LIVE_RENAMED_MAX 256u

/* Ended rows stay so long, and at most so many. */
#define LIVE_ENDED_NS UINT64_C(5000000000)
#define LIVE_ENDED_MAX 1024u

/* One process, or one thread if the samples have threads. */
struct LiveRow {
        /* Identity. */
        uint32_t pid;
        uint32_t tid;
        uint64_t start_time_ns; /* 0: not known */
        uint64_t start_boot_ns; /* the same by the boot clock: with tid, the identity of the task */

        struct tb_process_id maker, parent; /* the maker stays, the parent changes */
        struct tb_process_id session_leader;
        uint32_t uid;
        char comm[TB_COMM_SIZE];
        bool comm_stale; /* comm may be the name before an exec */
        struct tb_program *program; /* NULL: not known */
        uint32_t tasks;             /* live threads of a process; 0: not known */
        bool kernel_thread;
        bool unknown;               /* its fork was lost: a uid of 0 is not known */

        /* The exit event came; the last values come with the next sample. */
        bool exited;
        /* The task has ended, and its last values are here, if there are any. */
        bool ended;
        uint64_t end_time_ns; /* if exited or ended */
        bool end_noticed;     /* end_time_ns is the time when the end was noticed: when it ended is not known */
        struct tb_termination termination;
        enum tb_stats_missing stats_missing;

        /* Totals since the fork, as of time_ns. */
        bool sampled;
        uint64_t time_ns;
        struct tb_task_stats stats;

        /* The use within the last sample that has the task: read it by live_used() and live_rate(). */
        uint64_t sample;      /* LiveSample.number of that sample; 0: none */
        uint32_t used_groups; /* TB_STATS_BIT()s of what is known */
        uint64_t span_ns;     /* 0: the sample's */
        bool unanswered;      /* the kernel's answer was lost: the use is not known */
        uint64_t used[N_METRICS];

        /* The totals in the first sample of the task; 0 if it was forked later. See live_accumulated(). */
        uint32_t base_groups;
        uint64_t base[N_METRICS];

        LiveHistory *history; /* only where asked for: live_track() */

        /* Bits of the owner of the model. The model only sets them to 0 at first. */
        uint32_t marks;

        /* Private. */
        uint64_t expiry_ns;
        size_t index;
        LiveRow *next_same_hash;
        LiveRow *next_awaiting;
        LiveRow *next_ended;
};

/* Private: a process that called exec. Its threads that are not younger than the exec have ended, but for one. */
struct LiveRenamed {
        uint32_t pid;
        uint64_t start_time_ns; /* with pid the identity of the process; 0: not known */
        uint64_t exec_time_ns;
};

/* The last complete sample. The masks have a bit for each group that some row lacks, by reason. */
struct LiveSample {
        uint64_t number; /* counted here; 0: no sample was complete yet */
        struct tb_sample summary; /* from the broker */
        uint64_t span_ns;         /* from the end of the sample before; 0: this is the first */
        uint64_t used[N_METRICS]; /* sums of its rows */
        double per_second[N_METRICS]; /* sums of the rates of its rows */
        uint32_t withheld_groups;
        uint32_t uncounted_groups;
        uint32_t unsupported_groups;
};

struct Live {
        /* All rows, in no order: alive, exited, and those that ended a moment ago. */
        LiveRow **rows;
        size_t n_rows;
        size_t n_alive;

        /* The rows of the last sample, also ended ones, until the next sample begins. */
        LiveRow **changed;
        size_t n_changed;

        LiveSample sample;
        uint64_t began_ns;                          /* the end of the first sample; 0: none has ended */
        uint64_t total_used[N_METRICS];             /* sums over all samples since the first */
        uint64_t n_forks, n_execs, n_exits, n_lost; /* the same */
        bool lost_at_least;     /* more than n_lost may be lost */
        uint64_t n_samples_lost;

        LiveHistory history; /* the machine, one point per sample */
        LiveExited exited; /* tasks that have ended, by name */

        bool snapshot_complete; /* names, parents and command lines are there */
        uint64_t event_losses;  /* events that were lost by the stream of events */

        bool threads; /* rows are threads: set by live_reset() */

        LiveOnlyList only; /* tasks and processes that the user named; live_reset() keeps the list */

        /* Private. */
        LiveRow **buckets;
        size_t n_buckets;
        size_t n_room;
        size_t n_changed_room;
        LiveRow *awaiting; /* exited rows whose last values have not come */
        LiveRow *ended_first, *ended_last;
        size_t n_ended;
        bool in_sample;             /* parts of the next sample have come */
        uint32_t machine_groups;    /* groups that some row has */
        uint32_t machine_uncounted; /* groups that rows lack and no row has */
        uint32_t machine_unsupported;
        LiveRow *tracked[LIVE_TRACKED_MAX];
        LiveRenamed renamed[LIVE_RENAMED_MAX];
        size_t n_renamed;
};

void live_init(Live *live);
void live_deinit(Live *live);

/* Removes all rows; histories, sums and what has exited stay. From now on rows are threads, or processes. */
void live_reset(Live *live, bool threads);

/* Removes rows that ended LIVE_ENDED_NS before @now_ns (since the epoch). To be called before drawing. */
void live_expire(Live *live, uint64_t now_ns);

/*
 * NULL: there is no such row. live_find() finds the newest task that has the number, live_find_task() a task by its
 * identity, live_find_process() the leader of a process. The identity is the same over a restart of the broker.
 */
LiveRow *live_find(const Live *live, uint32_t tid);
LiveRow *live_find_task(const Live *live, uint32_t tid, uint64_t start_boot_ns);
LiveRow *live_find_process(const Live *live, uint32_t pid, uint64_t start_boot_ns);

/* Keeps a history of the row from now on, as long as the row exists. Returns 0; -ENOSPC: there are too many. */
int live_track(Live *live, LiveRow *row);
void live_untrack(Live *live, LiveRow *row);

/* For what fills the model: live_messages.c and live_samples.c. */
int live_index(Live *live, size_t n_buckets);
LiveRow *live_find_or_add(Live *live, uint32_t pid, uint32_t tid, uint64_t start_time_ns, uint64_t start_boot_ns);
void live_set_name(LiveRow *row, const char comm[static TB_COMM_SIZE], bool stale);
int live_set_program(LiveRow *row, const struct tb_program *program);
void live_end_row(Live *live, LiveRow *row, uint64_t now_ns);
void live_remove_row(Live *live, LiveRow *row);
void live_drop_oldest_ended(Live *live);
