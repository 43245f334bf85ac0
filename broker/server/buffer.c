/* SPDX-License-Identifier: Apache-2.0 */

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "broker/base/memory.h"
#include "broker/base/util.h"
#include "broker/server/buffer.h"

/**
 * buffer_deinit() - free the buffer's memory
 * @buffer:  the buffer
 *
 * The caller returns the charge, as a whole.
 */
void buffer_deinit(Buffer *buffer) {
        free(buffer->bytes);
        *buffer = (Buffer)BUFFER_NULL;
}

/**
 * buffer_resize() - change the buffer's size
 * @buffer:  the buffer; unchanged on failure
 * @memory:  the charge for the buffer's bytes
 * @n_max:   bytes; at least up to the end of the content
 *
 * Return: 0; BUFFER_E_MEMORY; BUFFER_E_QUOTA, only if the buffer grows.
 */
int buffer_resize(Buffer *buffer, Charge *memory, size_t n_max) {
        uint64_t n_before = memory->n;
        uint8_t *resized;

        assert(n_max >= buffer->end);
        if (n_max == buffer->n_max)
                return 0;
        if (charge_resize(memory, n_before - buffer->n_max + n_max))
                return BUFFER_E_QUOTA;
        resized = n_max > buffer->n_max ? memory_alloc_optional(buffer->bytes, n_max) : realloc(buffer->bytes, n_max);
        if (!resized) {
                (void)charge_resize(memory, n_before);
                return BUFFER_E_MEMORY;
        }
        buffer->bytes = resized;
        buffer->n_max = n_max;
        return 0;
}

/**
 * buffer_pack() - move the content to the buffer's start
 * @buffer:  the buffer
 */
void buffer_pack(Buffer *buffer) {
        if (buffer->begin == 0)
                return;
        memmove(buffer->bytes, buffer->bytes + buffer->begin, buffer_n(buffer));
        buffer->end -= buffer->begin;
        buffer->begin = 0;
}

/**
 * buffer_reserve_front() - make room for bytes in front of the content
 * @buffer:  the buffer
 * @memory:  the charge for the buffer's bytes
 * @n:       their number; the content begins with them, and the caller writes them
 *
 * Return: 0; BUFFER_E_MEMORY; BUFFER_E_QUOTA.
 */
int buffer_reserve_front(Buffer *buffer, Charge *memory, size_t n) {
        int r;

        buffer_pack(buffer);
        if (buffer->end + n > buffer->n_max) {
                r = buffer_resize(buffer, memory, buffer->end + n);
                if (r)
                        return r;
        }
        memmove(buffer->bytes + n, buffer->bytes, buffer->end);
        buffer->end += n;
        return 0;
}

/**
 * buffer_append() - put bytes behind the content
 * @buffer:  the buffer
 * @memory:  the charge for the buffer's bytes
 * @bytes:   copied
 * @n:       their number
 *
 * Return: 0; BUFFER_E_MEMORY; BUFFER_E_QUOTA.
 */
int buffer_append(Buffer *buffer, Charge *memory, const uint8_t *bytes, size_t n) {
        int r;

        buffer_pack(buffer);
        if (buffer->end + n > buffer->n_max) {
                r = buffer_resize(buffer, memory, MAX(buffer->end + n, 2 * buffer->n_max));
                if (r)
                        return r;
        }
        memcpy(buffer->bytes + buffer->end, bytes, n);
        buffer->end += n;
        return 0;
}
