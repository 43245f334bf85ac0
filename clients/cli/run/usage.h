/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "taskbroker/taskbroker.h"

#include "proto/taskstats_fields.h"

typedef struct Usage Usage;
typedef struct UsageCommand UsageCommand;
typedef struct UsageCpu UsageCpu;
typedef struct UsageDelay UsageDelay;

/* So many names have a line of their own; the processes of all others share one. */
#define USAGE_COMMANDS_MAX 16384

/* What records tell of processor time. */
struct UsageCpu {
        uint64_t measured_ns;           /* cpu_run_virtual_total */
        uint64_t sampled_ns;            /* cpu_run_real_total */
        uint64_t user_us;               /* sampled */
        uint64_t system_us;
};

struct UsageDelay {
        uint64_t n_processes;           /* of which it is known */
        uint64_t count;
        uint64_t total_ns;
};

/* All processes that ended under one name. */
struct UsageCommand {
        char name[TB_COMM_SIZE];
        uint64_t n_runs;
        uint64_t n_failed;
        UsageCpu cpu;
        uint64_t n_io;                  /* runs whose input and output is known */
        uint64_t read_bytes;
        uint64_t write_bytes;
        uint64_t peak_rss_kib;          /* 0: not known */
        uint64_t dearest_ns;            /* of the run that @program is of */
        struct tb_program *program;     /* with a command line; NULL: none is known */
};

struct Usage {
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
        UsageCpu cpu;
        UsageCpu orphans;               /* of those that nobody in the tree waited for */
        uint64_t n_orphans;
        uint64_t minflt, majflt;
        uint64_t nvcsw, nivcsw;
        uint64_t read_char_bytes, write_char_bytes;
        uint64_t read_syscalls, write_syscalls;
        uint64_t read_bytes, write_bytes, cancelled_write_bytes;
        struct {
#define USAGE_DELAY(name, ...) UsageDelay name;
                TASKSTATS_DELAYS(USAGE_DELAY)
#undef USAGE_DELAY
        } delays;
        uint64_t peak_rss_kib;
        uint32_t peak_pid;
        char peak_name[TB_COMM_SIZE];

        size_t n_commands;
        UsageCommand others;            /* beyond USAGE_COMMANDS_MAX */

        void *processes;                /* live ones, by number */
        void *commands;                 /* by name */
        uint8_t *members;               /* a bit for each number that was ever one of the tree's processes */
};

int usage_init(Usage *tally, uint32_t root);
void usage_deinit(Usage *tally);
int usage_event(Usage *tally, const struct tb_event *event);
size_t usage_unreported(Usage *tally, bool (*exists)(uint32_t pid));
int usage_settle(Usage *tally, bool (*exists)(uint32_t pid));
bool usage_complete(const Usage *tally);
uint64_t usage_lost(const Usage *tally);
int usage_top(const Usage *tally, const UsageCommand ***ret_commands);
