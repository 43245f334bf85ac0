/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * RecordTable: the processes that run, and the ended processes that are not written yet.
 */

#include <stddef.h>
#include <stdint.h>

#include "clients/cli/record/record_row.h"

typedef struct RecordTable RecordTable;

#define RECORD_TABLE_BUCKETS 8192u

struct RecordTable {
        RecordRow *buckets[RECORD_TABLE_BUCKETS];       /* the processes that run, by pid */
        size_t n_rows;
        RecordRow *ended, **ended_end;  /* in the order of their ends */
        size_t n_ended;
};

void record_table_init(RecordTable *table);
void record_table_deinit(RecordTable *table);
RecordRow *record_table_find(RecordTable *table, uint32_t pid);
RecordRow *record_table_add(RecordTable *table, uint32_t pid);
void record_table_end(RecordTable *table, RecordRow *row);
void record_table_free_ended(RecordTable *table);
RecordRow *record_table_next(const RecordTable *table, const RecordRow *row);
