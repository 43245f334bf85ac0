/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Buffer: bytes that came in or are to go out, in memory that grows at a user's cost.
 * The charge is the caller's, and has the sizes of all buffers that it pays for.
 */

#include <stddef.h>
#include <stdint.h>

#include "broker/policy/quota.h"

typedef struct Buffer Buffer;

enum {
        _BUFFER_E_SUCCESS,
        BUFFER_E_MEMORY,
        BUFFER_E_QUOTA,         /* no more memory for this user */
};

struct Buffer {
        uint8_t *bytes;
        size_t begin, end;      /* what is in it */
        size_t n_max;
};

#define BUFFER_NULL {}

void buffer_deinit(Buffer *buffer);

int buffer_resize(Buffer *buffer, Charge *memory, size_t n_max);
void buffer_pack(Buffer *buffer);
int buffer_append(Buffer *buffer, Charge *memory, const uint8_t *bytes, size_t n);

/* Bytes that are in it. */
static inline size_t buffer_n(const Buffer *buffer) {
        return buffer->end - buffer->begin;
}
