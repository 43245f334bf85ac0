/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * FilterIndex: the lists of a filter in order, so that a value is found in a few steps,
 * however long its list is. Pure.
 */

#include <stdbool.h>
#include <stdint.h>

#include "broker/policy/filter.h"

typedef struct FilterIndex FilterIndex;

#define FILTER_INDEX_NONE UINT32_MAX

struct FilterIndex {
        uint32_t n_uids, uids[FILTER_UIDS_MAX];         /* ascending, each once */
        uint32_t n_pids, pids[FILTER_PIDS_MAX];         /* the same */
        uint8_t pid_place[FILTER_PIDS_MAX];             /* the first place of each in the filter's list */
        uint32_t n_cgroups;
        uint8_t cgroups[FILTER_CGROUPS_MAX];            /* places in the filter's list: none is below another */
        uint16_t n_cgroup[FILTER_CGROUPS_MAX];          /* the length of each of these */
};

void filter_index_init(FilterIndex *index, const Filter *filter);
uint64_t filter_index_steps_max(const FilterIndex *index);
bool filter_index_has_uid(const FilterIndex *index, uint32_t uid, uint64_t *n_steps);
uint32_t filter_index_find_pid(const FilterIndex *index, uint32_t pid, uint64_t *n_steps);
bool filter_index_has_cgroup(const FilterIndex *index, const Filter *filter, const char *path, uint64_t *n_steps);
