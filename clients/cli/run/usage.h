/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "taskbroker/taskbroker.h"

#include "proto/taskstats_fields.h"

#include "clients/cli/run/usage_commands.h"

typedef struct Usage Usage;
typedef struct UsageDelay UsageDelay;

struct UsageDelay {
        uint64_t n_processes;           /* processes with known delays */
        uint64_t count;
        uint64_t total_ns;
};

struct Usage {
        uint32_t root;
        bool root_ended;

        uint64_t n_processes;           /* forked, with the root */
        uint64_t n_threads;             /* forked, without the first thread of each process */
        uint64_t n_live;
        uint64_t n_live_max;
        uint64_t n_ended;
        uint64_t n_failed;
        uint64_t n_status_unknown;
        uint64_t n_without_stats;
        uint64_t n_tasks_missing;       /* threads that are not in the totals of their process */
        uint64_t n_unseen;              /* that have gone, and whose exit was not reported */

        uint64_t n_lost[TB_LOSS_SOURCE_FILTER + 1]; /* by source; 0: an unknown source */
        bool lost_at_least;

        /* Sums over processes that ended and have statistics. */
        uint64_t n_stats;
        uint64_t n_groups[32];          /* by tb_stats_group: how many processes have the group */
        uint64_t n_uncounted[32];       /* how many lack it because it was not counted */
        UsageCpu cpu;
        UsageCpu orphans;               /* processes that were not waited for in the tree */
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

        UsageCommands commands;

        void *processes;                /* live processes, by pid */
        uint8_t *members;               /* a bit for each pid that was ever in the tree */
};

int usage_init(Usage *usage, uint32_t root);
void usage_deinit(Usage *usage);
int usage_event(Usage *usage, const struct tb_event *event);
size_t usage_unreported(Usage *usage, bool (*exists)(uint32_t pid, uint64_t start_boot_ns));
int usage_settle(Usage *usage, bool (*exists)(uint32_t pid, uint64_t start_boot_ns));
bool usage_complete(const Usage *usage);
uint64_t usage_lost(const Usage *usage);
