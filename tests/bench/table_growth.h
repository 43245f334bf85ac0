/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Measures what making room for more tasks costs: the broker's task table by itself, without a
 * kernel, filled one task after the other.
 */

#include <stddef.h>

typedef struct GrowthFigures GrowthFigures;

struct GrowthFigures {
        size_t n_tasks;
        double mean_us;
        double max_us;                  /* for one task: the longest pause that growing makes */
        double bytes_per_task;
        double bytes_per_process;       /* where each task is a process of its own */
};

int growth_measure(size_t n_tasks, GrowthFigures *ret);
