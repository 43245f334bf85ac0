/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A frame is: its length; the tag and length of the batch; the tag and value of the first
 * number; for events, the tag and value of the offset; the events. Lengths and the number
 * are varints, the offset is fixed64.
 */

#include <assert.h>

#include "broker/output/batch_frame.h"
#include "proto/frame.h"

/**
 * batch_frame_size() - measure a frame
 * @frame:  the frame
 * @n_max:  bytes that are readable
 *
 * Return: Its size with the prefix.
 */
size_t batch_frame_size(const uint8_t *frame, size_t n_max) {
        size_t n_prefix, n_message;
        int r;

        r = frame_parse(frame, n_max, FRAME_MAX_FROM_BROKER, &n_prefix, &n_message);
        assert(r == 0);
        return n_prefix + n_message;
}

static const uint8_t *skip_varint(const uint8_t *bytes) {
        while (*bytes++ & 0x80)
                ;
        return bytes;
}

/* The value of the first number, behind two lengths and two tags. */
static const uint8_t *batch_frame_number(const uint8_t *frame) {
        return skip_varint(skip_varint(frame) + 1) + 1;
}

/**
 * batch_frame_first_number() - read the number of a frame's first event
 * @frame:  the frame
 *
 * Return: The number; for a part of a sample, the sample's.
 */
uint64_t batch_frame_first_number(const uint8_t *frame) {
        const uint8_t *byte = batch_frame_number(frame);
        uint64_t number = 0;
        int shift = 0;

        do {
                number |= (uint64_t)(*byte & 0x7f) << shift;
                shift += 7;
        } while (*byte++ & 0x80);
        return number;
}

/**
 * batch_frame_events() - find where a frame's events begin
 * @frame:                   the frame of a batch of events
 * @ret_time_offset_ns:  output: the offset that its times were made with
 *
 * Return: The tag of the first event.
 */
const uint8_t *batch_frame_events(const uint8_t *frame, int64_t *ret_time_offset_ns) {
        const uint8_t *byte = skip_varint(batch_frame_number(frame)) + 1;
        uint64_t offset = 0;

        for (int i = 0; i < 8; ++i)
                offset |= (uint64_t)*byte++ << (8 * i);
        *ret_time_offset_ns = (int64_t)offset;
        return byte;
}
