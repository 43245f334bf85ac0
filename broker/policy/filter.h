/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Filter: the part of the machine that a subscription selects. Pure. All zero: all of it.
 * See Filter in broker.proto.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "broker/model/event.h"
#include "broker/model/task.h"
#include "broker/policy/limits.h"
#include "proto/filter_criteria.h"

typedef struct Filter Filter;
typedef struct FilterStarts FilterStarts;

/* NR_CPUS of the largest kernels. */
#define FILTER_CPUS 8192u

/* FILTER_UIDS_MAX, FILTER_COMMS_BYTES_MAX and so on. */
enum {
#define MAXIMA(name, NAME, shape, max, max_bytes, ...)                                                                 \
        FILTER_##NAME##_MAX = (max), FILTER_##NAME##_BYTES_MAX = (max_bytes),
        FILTER_CRITERIA(MAXIMA)
#undef MAXIMA
};

/*
 * The criteria of proto/filter_criteria.h: n_uids and uids, has_cpus and cpus, nonzero.
 * Feeds compare filters byte by byte, so that one is zeroed whole before it is filled.
 */
struct Filter {
#define MEMBERS_NUMBERS(name, max, max_bytes) uint32_t n_##name, name[max];
#define MEMBERS_TEXTS(name, max, max_bytes) uint32_t n_##name; char name[max][(max_bytes) + 1];
#define MEMBERS_PATHS(name, max, max_bytes) MEMBERS_TEXTS(name, max, max_bytes)
#define MEMBERS_CPU_LIST(name, max, max_bytes) bool has_##name; uint64_t name[FILTER_CPUS / 64];
#define MEMBERS_FLAG(name, max, max_bytes) bool name;
#define MEMBERS(name, NAME, shape, max, max_bytes, ...) MEMBERS_##shape(name, max, max_bytes)
        FILTER_CRITERIA(MEMBERS)
#undef MEMBERS
#undef MEMBERS_FLAG
#undef MEMBERS_CPU_LIST
#undef MEMBERS_PATHS
#undef MEMBERS_TEXTS
#undef MEMBERS_NUMBERS
};

/*
 * The starts of the processes that a filter's numbers name, in the order of the numbers. 0: no process had the number
 * yet.
 */
struct FilterStarts {
        uint64_t pids[FILTER_PIDS_MAX];
        uint64_t subtrees[FILTER_SUBTREES_MAX];
};

/* filter_has_uids() and so on: whether the filter restricts by that criterion. */
#define HAS_NUMBERS(name) (filter->n_##name > 0)
#define HAS_TEXTS(name) (filter->n_##name > 0)
#define HAS_PATHS(name) (filter->n_##name > 0)
#define HAS_CPU_LIST(name) (filter->has_##name)
#define HAS_FLAG(name) (filter->name)
#define HAS(name, NAME, shape, ...)                                            \
        static inline bool filter_has_##name(const Filter *filter) {           \
                return HAS_##shape(name);                                      \
        }
FILTER_CRITERIA(HAS)
#undef HAS
#undef HAS_FLAG
#undef HAS_CPU_LIST
#undef HAS_PATHS
#undef HAS_TEXTS
#undef HAS_NUMBERS

bool filter_matches_all(const Filter *filter);
bool filter_parse_cpus(Filter *filter, const char *text);
