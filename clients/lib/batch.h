/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "clients/lib/wire.h"

typedef struct Batch Batch;

struct Batch {
        WireCursor cursor;
        uint64_t next_number;           /* number of the next event */
        int64_t realtime_offset_ns;
};

#define BATCH_NULL { .cursor = { NULL, NULL } }

int batch_open(Batch *batch, const uint8_t *data, size_t n_data);
int batch_next(Batch *batch, const uint8_t **ret_event, size_t *ret_n_event);
