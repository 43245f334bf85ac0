/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The live model: what tasks use while they live, as rows. live_messages.c fills it
 * from the messages of the broker; live_values.c says what its values are.
 *
 * Owns the rows and what they point to: finds them by number and start, ends them, and
 * drops them after a while. Pure: knows no connection, no clock and no /proc.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "clients/cli/connect/program.h"
#include "clients/cli/model/live.h"

#define LIVE_BUCKETS_MIN 1024u

static size_t live_bucket(const Live *live, uint32_t tid) {
        return (tid * UINT32_C(2654435769)) & (live->n_buckets - 1);
}

/* Makes the table by which rows are found. Returns 0, or -ENOMEM. */
int live_index(Live *live, size_t n_buckets) {
        LiveRow **buckets;

        buckets = calloc(n_buckets, sizeof(*buckets));
        if (!buckets)
                return -ENOMEM;

        free(live->buckets);
        live->buckets = buckets;
        live->n_buckets = n_buckets;
        for (size_t i = 0; i < live->n_rows; ++i) {
                LiveRow *row = live->rows[i], **bucket = buckets + live_bucket(live, row->tid);

                row->next_same_hash = *bucket;
                *bucket = row;
        }

        return 0;
}

static int live_grow_buckets(Live *live) {
        if (live->n_rows < live->n_buckets)
                return 0;

        return live_index(live, live->n_buckets ? 2 * live->n_buckets : LIVE_BUCKETS_MIN);
}

static int live_make_room(Live *live) {
        size_t n_room = live->n_room ? 2 * live->n_room : 256;
        LiveRow **rows;

        if (live->n_rows < live->n_room)
                return 0;

        rows = reallocarray(live->rows, n_room, sizeof(*rows));
        if (!rows)
                return -ENOMEM;

        live->rows = rows;
        live->n_room = n_room;
        return 0;
}

LiveRow *live_find_task(const Live *live, uint32_t tid, uint64_t start_boot_ns) {
        LiveRow *row;

        if (!live->n_buckets)
                return NULL;

        row = live->buckets[live_bucket(live, tid)];
        while (row && (row->tid != tid || row->start_boot_ns != start_boot_ns))
                row = row->next_same_hash;

        return row;
}

LiveRow *live_find_process(const Live *live, uint32_t pid, uint64_t start_boot_ns) {
        return start_boot_ns ? live_find_task(live, pid, start_boot_ns) : NULL;
}

LiveRow *live_find(const Live *live, uint32_t tid) {
        LiveRow *row, *newest = NULL;

        if (!live->n_buckets)
                return NULL;

        for (row = live->buckets[live_bucket(live, tid)]; row; row = row->next_same_hash)
                if (row->tid == tid && (!newest || row->start_boot_ns > newest->start_boot_ns))
                        newest = row;

        return newest;
}

/* Finds the row of a task, or makes it. NULL: there is too little memory. */
LiveRow *live_find_or_add(Live *live, uint32_t pid, uint32_t tid, uint64_t start_time_ns, uint64_t start_boot_ns) {
        LiveRow *row, **bucket;

        row = live_find_task(live, tid, start_boot_ns);
        if (row) {
                row->start_time_ns = start_time_ns;
                return row;
        }
        if (live_make_room(live) < 0 || live_grow_buckets(live) < 0)
                return NULL;

        row = calloc(1, sizeof(*row));
        if (!row)
                return NULL;
        row->pid = pid;
        row->tid = tid;
        row->start_time_ns = start_time_ns;
        row->start_boot_ns = start_boot_ns;
        row->index = live->n_rows;
        live->rows[live->n_rows++] = row;
        ++live->n_alive;
        bucket = live->buckets + live_bucket(live, tid);
        row->next_same_hash = *bucket;
        *bucket = row;

        return row;
}

static void row_free(LiveRow *row) {
        if (row->history) {
                live_history_deinit(row->history);
                free(row->history);
        }
        free(row->program);
        free(row);
}

void live_untrack(Live *live, LiveRow *row) {
        for (size_t i = 0; i < LIVE_TRACKED_MAX; ++i)
                if (live->tracked[i] == row)
                        live->tracked[i] = NULL;
        if (row->history) {
                live_history_deinit(row->history);
                free(row->history);
                row->history = NULL;
        }
}

int live_track(Live *live, LiveRow *row) {
        if (row->history)
                return 0;

        for (size_t i = 0; i < LIVE_TRACKED_MAX; ++i) {
                if (live->tracked[i])
                        continue;
                row->history = calloc(1, sizeof(*row->history));
                if (!row->history)
                        return -ENOMEM;
                live->tracked[i] = row;
                return 0;
        }

        return -ENOSPC;
}

static void live_unlink_exited(Live *live, LiveRow *row) {
        for (LiveRow **at = &live->awaiting; *at; at = &(*at)->next_awaiting)
                if (*at == row) {
                        *at = row->next_awaiting;
                        return;
                }
}

/* Takes the row out of everything but the lists of exited and ended rows, and frees it. */
void live_remove_row(Live *live, LiveRow *row) {
        LiveRow **at = live->buckets + live_bucket(live, row->tid);

        while (*at != row)
                at = &(*at)->next_same_hash;
        *at = row->next_same_hash;

        live->rows[row->index] = live->rows[--live->n_rows];
        live->rows[row->index]->index = row->index;
        live->n_alive -= !row->ended;
        live_untrack(live, row);
        row_free(row);
}

/* Ends the row: no more values come. It stays for a while, so that it can be shown. */
void live_end_row(Live *live, LiveRow *row, uint64_t now_ns) {
        if (row->ended)
                return;

        row->ended = true;
        row->expiry_ns = now_ns + LIVE_ENDED_NS;
        row->next_ended = NULL;
        if (live->ended_last)
                live->ended_last->next_ended = row;
        else
                live->ended_first = row;
        live->ended_last = row;
        ++live->n_ended;
        --live->n_alive;
}

void live_drop_oldest_ended(Live *live) {
        LiveRow *row = live->ended_first;

        live->ended_first = row->next_ended;
        if (!live->ended_first)
                live->ended_last = NULL;
        --live->n_ended;
        if (row->exited)
                live_unlink_exited(live, row);
        live_remove_row(live, row);
}

/* Rows of the last sample must stay until the next sample begins. */
void live_expire(Live *live, uint64_t now_ns) {
        while (live->ended_first && live->ended_first->expiry_ns <= now_ns &&
               live->ended_first->sample != live->sample.number + live->in_sample)
                live_drop_oldest_ended(live);
}

void live_set_name(LiveRow *row, const char comm[static TB_COMM_SIZE], bool stale) {
        if (!comm[0])
                return;
        memcpy(row->comm, comm, sizeof(row->comm));
        row->comm_stale = stale;
}

int live_set_program(LiveRow *row, const struct tb_program *program) {
        struct tb_program *copy;

        if (!program)
                return 0;

        copy = program_copy(program);
        if (!copy)
                return -ENOMEM;

        free(row->program);
        row->program = copy;
        return 0;
}

void live_init(Live *live) { *live = (Live){0}; }

void live_reset(Live *live, bool threads) {
        for (size_t i = 0; i < live->n_rows; ++i)
                row_free(live->rows[i]);
        free(live->buckets);
        live->buckets = NULL;
        live->n_buckets = 0;
        live->n_rows = live->n_alive = live->n_changed = live->n_ended = live->n_renamed = 0;
        live->awaiting = live->ended_first = live->ended_last = NULL;
        memset(live->tracked, 0, sizeof(live->tracked));
        live->sample = (LiveSample){0};
        live->in_sample = live->snapshot_complete = false;
        live->threads = threads;
}

void live_deinit(Live *live) {
        live_reset(live, false);
        free(live->rows);
        free(live->changed);
        live_history_deinit(&live->history);
        live_exited_deinit(&live->exited);
        *live = (Live){0};
}
