/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * StreamFrame: a frame of a feed or a snapshot as one client gets it. The frame is shared by
 * all readers, but for the number of the stream (ServerMessage.stream). The number stands
 * before the rest of the message.
 *
 * StreamSlices: such frames, one behind the other, as the slices of one sendmsg(). The
 * cursors fill it, and it is valid as long as the frames are.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "proto/frame.h"

typedef struct StreamFrame StreamFrame;
typedef struct StreamSlices StreamSlices;

/* The length of the message, and the tag and the value of the number. */
#define STREAM_HEADER_MAX (FRAME_PREFIX_MAX + 1 + 5)

#define STREAM_SLICES 16u

/* Small frames are copied here: a slice costs more than their bytes. */
#define STREAM_SCRATCH_BYTES (16u * 1024u)
#define STREAM_SMALL_BYTES 1024u

struct StreamFrame {
        uint8_t header[STREAM_HEADER_MAX];
        size_t n_header;
        const uint8_t *message;         /* shared */
        size_t n_message;
        size_t n_shared;                /* the size of the shared frame, with its own prefix */
};

struct StreamSlices {
        size_t n;
        size_t n_bytes;                 /* the size of all slices */
        size_t n_scratch;
        struct iovec slices[STREAM_SLICES];
        uint8_t scratch[STREAM_SCRATCH_BYTES];
};

StreamFrame stream_frame(const uint8_t *frame, size_t n_max, uint32_t stream);
StreamFrame stream_frame_around(const uint8_t *header, size_t n_header, size_t n_rest, uint32_t stream);
void stream_frame_copy(const StreamFrame *frame, size_t n_skip, uint8_t *out);

void stream_slices_clear(StreamSlices *slices);
void stream_slices_add_bytes(StreamSlices *slices, const uint8_t *bytes, size_t n);
bool stream_slices_add(StreamSlices *slices, const StreamFrame *frame, size_t n_skip);
void stream_slices_cut(StreamSlices *slices, size_t n_max);

/* The size of the frame as the client gets it. */
static inline size_t stream_frame_size(const StreamFrame *frame) {
        return frame->n_header + frame->n_message;
}
