/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Filter: which part of the machine a subscription is of. Pure. All zero: all of it.
 * See Filter in broker.proto.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "broker/model/event.h"
#include "broker/policy/limits.h"
#include "broker/tasks/task_table.h"

typedef struct Filter Filter;

/* NR_CPUS of the largest kernels. */
#define FILTER_CPUS 8192u

struct Filter {
        uint32_t n_uids, n_pids, n_subtrees, n_comms, n_cgroups;
        bool has_cpus;
        bool nonzero;
        uint32_t uids[LIMIT_FILTER_NUMBERS];
        uint32_t pids[LIMIT_FILTER_NUMBERS];
        uint32_t subtrees[LIMIT_FILTER_SUBTREES];
        char comms[LIMIT_FILTER_COMMS][LIMIT_FILTER_COMM_BYTES + 1];
        char cgroups[LIMIT_FILTER_CGROUPS][LIMIT_FILTER_CGROUP_BYTES + 1];
        uint64_t cpus[FILTER_CPUS / 64];
};

/* What became of an event. */
typedef enum FilterVerdict {
        FILTER_HIDES,
        FILTER_PASSES,
        FILTER_LEAVES,          /* passes, and its task does so no more */
        FILTER_ENTERS,          /* passes, and its task did not before */
} FilterVerdict;

bool filter_matches_all(const Filter *filter);
bool filter_parse_cpus(Filter *filter, const char *text);

bool filter_passes_task(const Filter *filter, uint64_t mark, const Task *task);
FilterVerdict filter_judge(const Filter *filter, uint64_t mark, const Event *event, const Task *task);
