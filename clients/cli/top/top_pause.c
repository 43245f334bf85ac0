/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A copy of the model as it is now, for a screen that is paused: the rows of the
 * model itself come and go with what the broker tells, which goes on.
 *
 * The copy has what is shown: rows, the last sample, the machine's history. It must
 * be given to none of the model's functions that change something.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "clients/cli/connect/program.h"
#include "clients/cli/top/top_pause.h"

/**
 * top_history_copy() - copy a history
 * @copy:       a history, maybe of an earlier copy
 * @history:    whose points it gets
 *
 * Return: 0, or -ENOMEM.
 */
int top_history_copy(LiveHistory *copy, const LiveHistory *history) {
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

static LiveRow *pause_row(const LiveRow *row) {
        LiveRow *copy = malloc(sizeof(*copy));

        if (!copy)
                return NULL;

        *copy = *row;
        copy->history = NULL;
        if (row->program) {
                copy->program = program_copy(row->program);
                if (!copy->program) {
                        free(copy);
                        return NULL;
                }
        }

        return copy;
}

static void pause_free(Live *frozen) {
        for (size_t i = 0; i < frozen->n_rows; ++i) {
                free(frozen->rows[i]->program);
                free(frozen->rows[i]);
        }
        free(frozen->rows);
        live_history_deinit(&frozen->history);
        free(frozen);
}

/* Returns NULL where there is too little memory. */
Live *top_pause(const Live *live) {
        Live *frozen = calloc(1, sizeof(*frozen));

        if (!frozen)
                return NULL;

        frozen->n_alive = live->n_alive;
        frozen->sample = live->sample;
        frozen->n_forks = live->n_forks;
        frozen->n_execs = live->n_execs;
        frozen->n_exits = live->n_exits;
        frozen->n_lost = live->n_lost;
        frozen->n_samples_lost = live->n_samples_lost;
        frozen->threads = live->threads;
        frozen->rows = calloc(live->n_rows + 1, sizeof(*frozen->rows));
        if (!frozen->rows || top_history_copy(&frozen->history, &live->history) < 0)
                goto no_memory;
        for (; frozen->n_rows < live->n_rows; ++frozen->n_rows) {
                frozen->rows[frozen->n_rows] = pause_row(live->rows[frozen->n_rows]);
                if (!frozen->rows[frozen->n_rows])
                        goto no_memory;
        }

        return frozen;

no_memory:
        pause_free(frozen);
        return NULL;
}

/* Ends the pause: what was marked meanwhile is marked in the model too. NULL-safe; returns NULL. */
Live *top_resume(Live *frozen, const Live *live) {
        if (!frozen)
                return NULL;

        for (size_t i = 0; i < frozen->n_rows; ++i) {
                const LiveRow *copy = frozen->rows[i];
                LiveRow *row = live_find_started(live, copy->tid, copy->start_time_ns);

                if (row)
                        row->marks = copy->marks;
        }
        pause_free(frozen);
        return NULL;
}
