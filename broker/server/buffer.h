/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Buffer: received bytes, or bytes to send. Its memory grows and is charged to a user. The
 * caller owns the charge, which counts the sizes of all buffers that it pays for.
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
        size_t begin, end;      /* the content */
        size_t n_max;
};

#define BUFFER_NULL {}

void buffer_deinit(Buffer *buffer);

int buffer_resize(Buffer *buffer, Charge *memory, size_t n_max);
void buffer_pack(Buffer *buffer);
int buffer_reserve_front(Buffer *buffer, Charge *memory, size_t n);
int buffer_append(Buffer *buffer, Charge *memory, const uint8_t *bytes, size_t n);

/* The number of bytes in the content. */
static inline size_t buffer_n(const Buffer *buffer) {
        return buffer->end - buffer->begin;
}
