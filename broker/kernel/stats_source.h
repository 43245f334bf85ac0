/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * StatsSource: where live tasks' statistics come from: numbers of tasks in, TaskStats
 * out. The narrow interface between the sweep and the kernel: netlink answers it today
 * (stats_query.c); whatever else can, a BPF iterator, say, can stand beside it. Tests
 * have their own.
 */

#include <stddef.h>
#include <stdint.h>

#include "broker/model/taskstats.h"

typedef struct StatsAnswer StatsAnswer;
typedef struct StatsSource StatsSource;

typedef enum StatsAnswerState {
        STATS_ANSWER_LIVE,      /* stats has what the task used up to now */
        STATS_ANSWER_GONE,      /* there is no such task (any more) */
        STATS_ANSWER_LOST,      /* there is no answer */
} StatsAnswerState;

struct StatsAnswer {
        StatsAnswerState state;
        TaskStats stats;
};

struct StatsSource {
        size_t n_max;           /* tasks that can be asked for at once */

        /*
         * Asks for @n tasks; 0 asks for nothing. The answers to the last query were read, or are given up.
         * Return: 0, or a negative errno.
         */
        int (*ask)(StatsSource *source, const uint32_t *tids, size_t n);

        /*
         * The answer for the next of them, in the order in which they were asked for:
         * as many calls as there were tasks.
         * Return: 0, or a negative errno.
         */
        int (*next)(StatsSource *source, StatsAnswer *ret_answer);
};
