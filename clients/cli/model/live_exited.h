/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "taskbroker/taskbroker.h"

#include "clients/cli/model/metrics.h"

typedef struct LiveCommand LiveCommand;
typedef struct LiveExited LiveExited;

/* So many names have a line of their own; the rest share one. */
#define LIVE_COMMANDS_MAX 4096u

/* All that ended under one name since the program began, with what they used in all their lives. */
struct LiveCommand {
        char comm[TB_COMM_SIZE];
        uint64_t n_ended;  /* processes; of threads, threads */
        uint64_t n_failed; /* with a status that is not 0, or by a signal */
        uint64_t n_status_unknown;
        uint64_t n_without_stats;
        uint64_t used[N_METRICS];
        uint64_t n_known[N_METRICS]; /* of how many the sum is; less than n_ended: it is at least so much */
        uint64_t longest_ns;         /* the longest life */
        uint64_t last_end_ns;
};

struct LiveExited {
        LiveCommand **commands; /* in no order */
        size_t n_commands;
        LiveCommand others; /* beyond LIVE_COMMANDS_MAX; n_ended 0: none */
        LiveCommand total;  /* all of them */
        void *by_name;
        size_t n_room;
};

int live_exited_add(LiveExited *exited, const struct tb_task_sample *ended);
void live_exited_reset(LiveExited *exited);
void live_exited_deinit(LiveExited *exited);
