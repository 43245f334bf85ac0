/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * FilterCopy: a filter with all that it points to. It must not be moved, because the
 * filter points into it. All zero: a copy of the empty filter.
 */

#include <stdint.h>

#include "taskbroker/taskbroker.h"

#include "proto/filter_criteria.h"

typedef struct FilterCopy FilterCopy;

struct FilterCopy {
        struct tb_filter filter;
#define VALUES_NUMBERS(name, max) uint32_t name[max];
#define VALUES_TEXTS(name, max) const char *name[max];
#define VALUES_PATHS(name, max) const char *name[max];
#define VALUES_CPU_LIST(name, max)
#define VALUES_FLAG(name, max)
#define VALUES(name, NAME, shape, max, ...) VALUES_##shape(name, max)
        FILTER_CRITERIA(VALUES)
#undef VALUES
#undef VALUES_FLAG
#undef VALUES_CPU_LIST
#undef VALUES_PATHS
#undef VALUES_TEXTS
#undef VALUES_NUMBERS
        char *texts;            /* the bytes of all texts, each with its NUL */
};

void filter_copy_deinit(FilterCopy *copy);
int filter_copy_set(FilterCopy *copy, const struct tb_filter *filter);
