/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "taskbroker/taskbroker.h"

#include "proto/taskstats_fields.h"

typedef struct Tally Tally;
typedef struct TallyCommand TallyCommand;
typedef struct TallyCpu TallyCpu;
typedef struct TallyDelay TallyDelay;

/* So many names have a line of their own; the processes of all others share one. */
#define TALLY_COMMANDS_MAX 16384

/* What records tell of processor time. */
struct TallyCpu {
        uint64_t measured_ns;           /* cpu_run_virtual_total */
        uint64_t sampled_ns;            /* cpu_run_real_total */
        uint64_t user_us;               /* sampled */
        uint64_t system_us;
};

struct TallyDelay {
        uint64_t n_processes;           /* of which it is known */
        uint64_t count;
        uint64_t total_ns;
};

/* All processes that ended under one name. */
struct TallyCommand {
        char name[TB_COMM_SIZE];
        uint64_t n_runs;
        uint64_t n_failed;
        TallyCpu cpu;
        uint64_t n_io;                  /* runs whose input and output is known */
        uint64_t read_bytes;
        uint64_t write_bytes;
        uint64_t peak_rss_kib;          /* 0: not known */
        uint64_t dearest_ns;            /* of the run that @program is of */
        struct tb_program *program;     /* with a command line; NULL: none is known */
};

struct Tally {
        uint32_t root;
        bool root_ended;

        uint64_t n_processes;           /* that were made, the root included */
        uint64_t n_threads;             /* that were made, besides each process' first */
        uint64_t n_live;
        uint64_t n_live_max;
        uint64_t n_ended;
        uint64_t n_failed;
        uint64_t n_status_unknown;
        uint64_t n_without_stats;
        uint64_t n_tasks_missing;       /* threads that are not in their process' totals */
        uint64_t n_unseen;              /* that have gone, and whose end was not told */

        uint64_t n_lost[TB_LOSS_SOURCE_READER + 1]; /* by source; 0: of one that has no name here */
        bool lost_at_least;

        /* Of the processes that ended and have statistics. */
        uint64_t n_stats;
        uint64_t n_groups[32];          /* by tb_stats_group: how many of them have it */
        uint64_t n_uncounted[32];       /* how many lack it because nobody counted */
        TallyCpu cpu;
        TallyCpu orphans;               /* of those that nobody in the tree waited for */
        uint64_t n_orphans;
        uint64_t minflt, majflt;
        uint64_t nvcsw, nivcsw;
        uint64_t read_char_bytes, write_char_bytes;
        uint64_t read_syscalls, write_syscalls;
        uint64_t read_bytes, write_bytes, cancelled_write_bytes;
        struct {
#define TALLY_DELAY(name, ...) TallyDelay name;
                TASKSTATS_DELAYS(TALLY_DELAY)
#undef TALLY_DELAY
        } delays;
        uint64_t peak_rss_kib;
        uint32_t peak_pid;
        char peak_name[TB_COMM_SIZE];

        size_t n_commands;
        TallyCommand others;            /* beyond TALLY_COMMANDS_MAX */

        void *processes;                /* live ones, by number */
        void *commands;                 /* by name */
        uint8_t *members;               /* a bit for each number that was ever one of the tree's processes */
};

int tally_init(Tally *tally, uint32_t root);
void tally_deinit(Tally *tally);
int tally_event(Tally *tally, const struct tb_event *event);
size_t tally_untold(Tally *tally, bool (*exists)(uint32_t pid));
int tally_settle(Tally *tally, bool (*exists)(uint32_t pid));
bool tally_complete(const Tally *tally);
uint64_t tally_lost(const Tally *tally);
int tally_top(const Tally *tally, const TallyCommand ***ret_commands);
