/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The work for one reader of a shared frame is its header: some bytes a frame, not an event.
 * Under load a frame has many events.
 */

#include <assert.h>
#include <string.h>

#include "broker/base/util.h"
#include "broker/output/put.h"
#include "broker/output/stream_frame.h"

/**
 * stream_frame_around() - a frame of which only the begin is at hand
 * @header:    its begin: the prefix at least
 * @n_header:  the number of these bytes
 * @n_rest:    the number of the bytes that follow
 * @stream:    the number of the stream; 0: the frame has no number
 *
 * Return: The frame; only the first bytes of its message, as many as @header has, may be read.
 */
StreamFrame stream_frame_around(const uint8_t *header, size_t n_header, size_t n_rest, uint32_t stream) {
        uint8_t field[1 + 5];
        size_t n_prefix, n_field = 0;
        StreamFrame ret;
        int r;

        r = frame_parse(header, n_header + n_rest, FRAME_MAX_FROM_BROKER, &n_prefix, &ret.n_message);
        assert(r == 0);
        if (stream > 0) {
                field[n_field++] = 15 << 3 | 0; /* ServerMessage.stream */
                n_field += put_varint(field + n_field, stream);
        }
        ret.n_header = frame_prefix(ret.header, (uint32_t)(n_field + ret.n_message));
        memcpy(ret.header + ret.n_header, field, n_field);
        ret.n_header += n_field;
        ret.message = header + n_prefix;
        ret.n_shared = n_prefix + ret.n_message;
        return ret;
}

/**
 * stream_frame() - a shared frame as the client of a stream gets it
 * @frame:   the shared frame, with its prefix
 * @n_max:   bytes that are readable
 * @stream:  the number of the stream; 0: the frame has no number
 *
 * Return: The frame.
 */
StreamFrame stream_frame(const uint8_t *frame, size_t n_max, uint32_t stream) {
        return stream_frame_around(frame, n_max, 0, stream);
}

/**
 * stream_frame_copy() - write a frame, or its end
 * @frame:   the frame
 * @n_skip:  bytes at its begin that are left out
 * @out:     output: the rest
 */
void stream_frame_copy(const StreamFrame *frame, size_t n_skip, uint8_t *out) {
        size_t n_header = frame->n_header - MIN(n_skip, frame->n_header);

        memcpy(out, frame->header + frame->n_header - n_header, n_header);
        n_skip -= MIN(n_skip, frame->n_header);
        memcpy(out + n_header, frame->message + n_skip, frame->n_message - n_skip);
}

void stream_slices_clear(StreamSlices *slices) {
        slices->n = slices->n_bytes = slices->n_scratch = 0;
}

/* Adds bytes that stay where they are; or makes the last slice longer, if they follow it. */
void stream_slices_add_bytes(StreamSlices *slices, const uint8_t *bytes, size_t n) {
        struct iovec *last = slices->n > 0 ? &slices->slices[slices->n - 1] : NULL;

        slices->n_bytes += n;
        if (last && (uint8_t *)last->iov_base + last->iov_len == bytes)
                last->iov_len += n;
        else
                slices->slices[slices->n++] = (struct iovec){ (uint8_t *)bytes, n };
}

/**
 * stream_slices_add() - add a frame
 * @slices:  the slices
 * @frame:   the frame; its header is copied
 * @n_skip:  bytes at its begin that are left out
 *
 * Return: Whether there was room for it.
 */
bool stream_slices_add(StreamSlices *slices, const StreamFrame *frame, size_t n_skip) {
        size_t n_header = frame->n_header - MIN(n_skip, frame->n_header);
        bool small = frame->n_message <= STREAM_SMALL_BYTES;
        size_t n_copied = n_header + (small ? frame->n_message : 0);
        uint8_t *scratch = slices->scratch + slices->n_scratch;

        if (slices->n + 2 > STREAM_SLICES || slices->n_scratch + n_copied > STREAM_SCRATCH_BYTES)
                return false;
        if (small) {
                size_t n = stream_frame_size(frame) - n_skip;

                stream_frame_copy(frame, n_skip, scratch);
                slices->n_scratch += n;
                stream_slices_add_bytes(slices, scratch, n);
                return true;
        }
        if (n_header > 0) {
                memcpy(scratch, frame->header + frame->n_header - n_header, n_header);
                slices->n_scratch += n_header;
                stream_slices_add_bytes(slices, scratch, n_header);
        }
        n_skip -= MIN(n_skip, frame->n_header);
        stream_slices_add_bytes(slices, frame->message + n_skip, frame->n_message - n_skip);
        return true;
}

/**
 * stream_slices_cut() - leave out bytes at the end
 * @slices:  the slices
 * @n_max:   bytes that may stay
 */
void stream_slices_cut(StreamSlices *slices, size_t n_max) {
        while (slices->n_bytes > n_max) {
                struct iovec *last = &slices->slices[slices->n - 1];
                size_t n = MIN(slices->n_bytes - n_max, last->iov_len);

                last->iov_len -= n;
                slices->n_bytes -= n;
                if (last->iov_len == 0)
                        --slices->n;
        }
}
