/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

#include "clients/cli/record/record_write.h"

typedef struct RecordPrune RecordPrune;

/* Limits of the database, and where the removal of texts stands. */
struct RecordPrune {
        uint64_t keep_ns;               /* 0: for ever */
        uint64_t max_bytes;             /* 0: no limit */
        uint64_t removed_ns;            /* processes that ended before were removed */
        uint64_t strings_ns;            /* the same, when texts were last searched from the beginning */
        uint64_t next_string;           /* texts from this number on are searched next */
};

int record_prune(RecordPrune *prune, RecordWriter *writer, uint64_t n_rows);
