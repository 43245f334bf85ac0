/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * FilterMatcher: a filter that was compiled for a feed. It judges tasks and events, and
 * counts the work. Compiling allocates memory; judging never does. The work for a task or
 * an event is less than FILTER_STEPS_MAX, whatever the filter is.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "broker/policy/filter.h"
#include "broker/policy/filter_glob.h"
#include "broker/policy/filter_index.h"

typedef struct FilterBinding FilterBinding;
typedef struct FilterMatcher FilterMatcher;

/* The largest work for a task, and for an event, whose task is judged as it was before and as it is after. */
#define FILTER_STEPS_MAX 4096u

enum {
        _FILTER_E_SUCCESS,
        FILTER_E_MEMORY,
};

/* The processes that a filter names. A later process with the number of one of them is another process. */
struct FilterBinding {
        FilterStarts starts;
        bool changed;                   /* a number got its process: the readers are to be sent a Named */
        uint64_t mark;                  /* marks the tasks of the subtrees; 0: there are no subtrees */
};

struct FilterMatcher {
        const Filter *filter;           /* not owned */
        bool matches_all;               /* the filter leaves nothing out */
        FilterBinding binding;
        FilterIndex index;
        FilterGlob *glob;               /* NULL: no patterns of names */
        uint64_t n_steps;               /* work of all judgements so far */
};

/* The result for an event. */
typedef enum FilterVerdict {
        FILTER_HIDES,
        FILTER_PASSES,
        FILTER_LEAVES,          /* passes, and its task does so no more */
        FILTER_ENTERS,          /* passes, and its task did not before */
} FilterVerdict;

int filter_matcher_init(FilterMatcher *matcher, const Filter *filter);
void filter_matcher_deinit(FilterMatcher *matcher);
size_t filter_matcher_size(const FilterMatcher *matcher);
uint64_t filter_matcher_steps_max(const FilterMatcher *matcher);
void filter_matcher_bind(FilterMatcher *matcher, uint32_t pid, uint64_t start_time_ns, uint64_t slack_ns);

bool filter_matcher_has_task(FilterMatcher *matcher, const Task *task);
FilterVerdict filter_matcher_judge(FilterMatcher *matcher, const Event *event, const Task *before);
