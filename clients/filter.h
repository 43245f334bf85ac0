/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "taskbroker/taskbroker.h"

typedef struct Filter Filter;

/* How often each option may be given. */
#define FILTER_MAX 64

struct Filter {
        uint32_t uids[FILTER_MAX];
        size_t n_uids;
        uint32_t pids[FILTER_MAX];
        size_t n_pids;
        const char *comms[FILTER_MAX];  /* patterns; the command line's */
        size_t n_comms;
};

bool filter_passes(const Filter *filter, const struct tb_event *event);
