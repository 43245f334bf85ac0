/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * RecordStrings: the texts of the database, each with its number. A text gets its number
 * before it is written.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "clients/cli/db/db.h"

typedef struct RecordString RecordString;
typedef struct RecordStrings RecordStrings;

/* A text that was not used for so long is marked as used again. */
#define RECORD_STRINGS_USED_NS (UINT64_C(60) * 1000000000u)

struct RecordStrings {
        bool cgroups;                   /* the table is cgroup, not string */
        Db *db;
        struct sqlite3_stmt *find, *insert, *touch;
        uint64_t last_id;
        RecordString **slots;           /* by hash, open addressing */
        size_t n_slots;                 /* a power of two */
        size_t n_used;
        RecordString **pending;         /* to be written */
        size_t n_pending, n_pending_max;
        size_t n_bytes;
};

int record_strings_init(RecordStrings *strings, Db *db, bool cgroups);
void record_strings_deinit(RecordStrings *strings);
int record_strings_find(RecordStrings *strings, const char *bytes, size_t n, uint64_t now_ns, uint64_t *ret_id);
int record_strings_write(RecordStrings *strings);
void record_strings_written(RecordStrings *strings);
