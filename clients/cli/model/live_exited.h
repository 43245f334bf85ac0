/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "taskbroker/taskbroker.h"

#include "clients/cli/model/metrics.h"

typedef struct LiveCommand LiveCommand;
typedef struct LiveExited LiveExited;

/* So many names are counted each; all others share one sum. */
#define LIVE_COMMANDS_MAX 4096u

/* The tasks that ended under one name since the program began, with what they used in all their lives. */
struct LiveCommand {
        char comm[TB_COMM_SIZE];
        uint64_t n_ended;  /* processes, or threads if the model has threads */
        uint64_t n_failed; /* with an exit status other than 0, or by a signal */
        uint64_t n_status_unknown;
        uint64_t n_without_stats;
        uint64_t used[N_METRICS];
        uint64_t n_known[N_METRICS]; /* so many tasks are in the sum; if fewer than n_ended, the sum is too small */
        uint64_t longest_ns;         /* the longest lifetime */
        uint64_t last_end_ns;
};

struct LiveExited {
        LiveCommand **commands; /* in no order */
        size_t n_commands;
        LiveCommand others; /* all names beyond LIVE_COMMANDS_MAX */
        LiveCommand total;  /* the sum over all names */
        void *by_name;
        size_t n_room;
};

int live_exited_add(LiveExited *exited, const struct tb_task_sample *ended);
void live_exited_reset(LiveExited *exited);
void live_exited_deinit(LiveExited *exited);
