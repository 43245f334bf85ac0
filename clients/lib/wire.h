/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <stdint.h>

typedef struct WireCursor WireCursor;
typedef struct WireField WireField;

enum {
        WIRE_VARINT = 0,
        WIRE_FIXED64 = 1,
        WIRE_BYTES = 2,
        WIRE_FIXED32 = 5,
};

struct WireCursor {
        const uint8_t *at;
        const uint8_t *end;
};

struct WireField {
        uint32_t number;
        unsigned int type;
        uint64_t value;         /* for all types but WIRE_BYTES */
        const uint8_t *data;    /* for WIRE_BYTES, within the bytes that the cursor walks */
        size_t n_data;
};

int wire_next(WireCursor *cursor, WireField *ret_field);
