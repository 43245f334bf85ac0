/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The history behind a graph: one point per sample. A new point replaces the oldest if
 * the history is full.
 *
 * Owns its points. Pure.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "clients/cli/model/live_history.h"

/**
 * live_history_add() - add the newest point
 * @history:    the history; allocates its points at the first call
 * @point:      the point, copied
 *
 * Return: 0, or -ENOMEM.
 */
int live_history_add(LiveHistory *history, const LivePoint *point) {
        if (!history->points) {
                history->points = calloc(LIVE_HISTORY_MAX, sizeof(*history->points));
                if (!history->points)
                        return -ENOMEM;
        }

        history->points[(history->first + history->n) % LIVE_HISTORY_MAX] = *point;
        if (history->n < LIVE_HISTORY_MAX)
                ++history->n;
        else
                history->first = (history->first + 1) % LIVE_HISTORY_MAX;

        return 0;
}

void live_history_deinit(LiveHistory *history) {
        free(history->points);
        *history = (LiveHistory){0};
}

const LivePoint *live_history_at(const LiveHistory *history, size_t age) {
        if (age >= history->n)
                return NULL;

        return history->points + (history->first + history->n - 1 - age) % LIVE_HISTORY_MAX;
}

/* A point covers the time from the point before to its own. */
bool live_history_max(const LiveHistory *history, enum live_graph graph, uint64_t begin_ns, uint64_t end_ns,
                      float *ret_value) {
        bool found = false;
        float max = 0;

        for (size_t age = 0; age < history->n; ++age) {
                const LivePoint *point = live_history_at(history, age);

                if (point->time_ns <= begin_ns)
                        break;
                if (point->time_ns - point->span_ns >= end_ns || !(point->known & 1u << graph))
                        continue;
                if (!found || point->value[graph] > max)
                        max = point->value[graph];
                found = true;
        }
        if (found)
                *ret_value = max;

        return found;
}

/**
 * live_history_copy() - copy a history
 * @copy:       output; may be an earlier copy
 * @history:    the history
 *
 * Return: 0, or -ENOMEM.
 */
int live_history_copy(LiveHistory *copy, const LiveHistory *history) {
        if (!history->points) {
                live_history_deinit(copy);
                return 0;
        }
        if (!copy->points)
                copy->points = calloc(LIVE_HISTORY_MAX, sizeof(*copy->points));
        if (!copy->points)
                return -ENOMEM;

        memcpy(copy->points, history->points, LIVE_HISTORY_MAX * sizeof(*copy->points));
        copy->n = history->n;
        copy->first = history->first;
        return 0;
}
