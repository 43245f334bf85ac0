/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The processes that run, by their numbers, and those that ended since the last
 * transaction. Called by record_events.c and record_write.c. A row belongs to the table.
 */

#include <stdlib.h>

#include "clients/cli/record/record_table.h"

void record_table_init(RecordTable *table) {
        *table = (RecordTable){ 0 };
        table->ended_end = &table->ended;
}

static void record_row_free(RecordRow *row) {
        free(row->stats);
        free(row);
}

static RecordRow **table_bucket(RecordTable *table, uint32_t pid) {
        return table->buckets + pid % RECORD_TABLE_BUCKETS;
}

/* The process that runs with the number; NULL: none. */
RecordRow *record_table_find(RecordTable *table, uint32_t pid) {
        RecordRow *row = *table_bucket(table, pid);

        while (row && row->pid != pid)
                row = row->next;

        return row;
}

/* Adds a process, which must not be in the table. Returns NULL without memory. */
RecordRow *record_table_add(RecordTable *table, uint32_t pid) {
        RecordRow **bucket = table_bucket(table, pid);
        RecordRow *row = calloc(1, sizeof(*row));

        if (!row)
                return NULL;
        row->pid = pid;
        row->next = *bucket;
        *bucket = row;
        ++table->n_rows;

        return row;
}

/* A process that runs has ended: its row waits to be written. */
void record_table_end(RecordTable *table, RecordRow *row) {
        RecordRow **link = table_bucket(table, row->pid);

        while (*link != row)
                link = &(*link)->next;
        *link = row->next;
        --table->n_rows;

        row->next = NULL;
        *table->ended_end = row;
        table->ended_end = &row->next;
        ++table->n_ended;
}

/* The ended processes were written. */
void record_table_free_ended(RecordTable *table) {
        while (table->ended) {
                RecordRow *row = table->ended;

                table->ended = row->next;
                record_row_free(row);
        }
        table->ended_end = &table->ended;
        table->n_ended = 0;
}

/* The process that runs after @row in some order; NULL: the first. Returns NULL at the end. */
RecordRow *record_table_next(const RecordTable *table, const RecordRow *row) {
        size_t bucket = row ? row->pid % RECORD_TABLE_BUCKETS + 1 : 0;

        if (row && row->next)
                return row->next;
        for (; bucket < RECORD_TABLE_BUCKETS; ++bucket)
                if (table->buckets[bucket])
                        return table->buckets[bucket];

        return NULL;
}

void record_table_deinit(RecordTable *table) {
        RecordRow *row;

        record_table_free_ended(table);
        while ((row = record_table_next(table, NULL))) {
                table->buckets[row->pid % RECORD_TABLE_BUCKETS] = row->next;
                record_row_free(row);
        }
        table->n_rows = 0;
}
