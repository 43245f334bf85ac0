/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A copy of the model, for a screen that is paused. The model itself goes on with the
 * messages of the broker, so that nothing is missed.
 *
 * The copy has all that is shown: rows, the last sample, the history of the machine.
 * Functions that change a model must not be called with it.
 */

#include <stdlib.h>

#include "clients/cli/connect/program.h"
#include "clients/cli/top/top_pause.h"

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

static void pause_free(Live *paused) {
        for (size_t i = 0; i < paused->n_rows; ++i) {
                free(paused->rows[i]->program);
                free(paused->rows[i]);
        }
        free(paused->rows);
        free(paused->buckets);
        live_history_deinit(&paused->history);
        free(paused);
}

/* Returns NULL if there is too little memory. */
Live *top_pause_begin(const Live *live) {
        Live *paused = calloc(1, sizeof(*paused));

        if (!paused)
                return NULL;

        paused->n_alive = live->n_alive;
        paused->sample = live->sample;
        paused->n_forks = live->n_forks;
        paused->n_execs = live->n_execs;
        paused->n_exits = live->n_exits;
        paused->n_lost = live->n_lost;
        paused->lost_at_least = live->lost_at_least;
        paused->n_samples_lost = live->n_samples_lost;
        paused->threads = live->threads;
        paused->rows = calloc(live->n_rows + 1, sizeof(*paused->rows));
        if (!paused->rows || live_history_copy(&paused->history, &live->history) < 0)
                goto no_memory;
        for (; paused->n_rows < live->n_rows; ++paused->n_rows) {
                paused->rows[paused->n_rows] = pause_row(live->rows[paused->n_rows]);
                if (!paused->rows[paused->n_rows])
                        goto no_memory;
        }

        if (live->n_buckets && live_index(paused, live->n_buckets) < 0)
                goto no_memory;

        return paused;

no_memory:
        pause_free(paused);
        return NULL;
}

/* Ends the pause. Marks that were set in the copy are set in the model too. NULL-safe; returns NULL. */
Live *top_pause_end(Live *paused, const Live *live) {
        if (!paused)
                return NULL;

        for (size_t i = 0; i < paused->n_rows; ++i) {
                const LiveRow *copy = paused->rows[i];
                LiveRow *row = live_find_task(live, copy->tid, copy->start_boot_ns);

                if (row)
                        row->marks = copy->marks;
        }
        pause_free(paused);
        return NULL;
}
