/* SPDX-License-Identifier: Apache-2.0 */

#include <string.h>

#include "broker/output/put.h"
#include "proto/frame.h"

size_t put_varint(uint8_t *data, uint64_t value) {
        size_t n = 0;

        while (value >= 0x80) {
                data[n++] = (uint8_t)(value | 0x80);
                value >>= 7;
        }
        data[n++] = (uint8_t)value;
        return n;
}

/* Writes the eight bytes of a fixed64, little-endian. */
size_t put_fixed64(uint8_t *data, uint64_t value) {
        for (int i = 0; i < 8; ++i)
                data[i] = (uint8_t)(value >> (8 * i));
        return 8;
}

/*
 * Writes tag and length in front of @n bytes that begin at @data + @room, and closes the gap. A length that needs more
 * than @room moves the bytes: the longest command lines need one more.
 */
size_t put_member_prefix(uint8_t *data, size_t room, uint8_t tag, size_t n) {
        uint8_t prefix[1 + FRAME_PREFIX_MAX];
        size_t n_prefix;

        prefix[0] = tag;
        n_prefix = 1 + frame_prefix(prefix + 1, (uint32_t)n);
        if (n_prefix != room)
                memmove(data + n_prefix, data + room, n);
        memcpy(data, prefix, n_prefix);
        return n_prefix + n;
}

/*
 * Writes the bytes of a frame in front of @n_members bytes of encoded members: the frame's
 * length, and the one member of its ServerMessage, by its @tag, with the fields that stand
 * before them.
 */
size_t put_frame_header(uint8_t *buffer, uint8_t tag, const uint8_t *fields, size_t n_fields, size_t n_members) {
        uint8_t member[1 + FRAME_PREFIX_MAX];
        size_t n_member, n;

        member[0] = tag;
        n_member = 1 + frame_prefix(member + 1, (uint32_t)(n_fields + n_members));
        n = frame_prefix(buffer, (uint32_t)(n_member + n_fields + n_members));
        memcpy(buffer + n, member, n_member);
        n += n_member;
        if (n_fields > 0)
                memcpy(buffer + n, fields, n_fields);
        return n + n_fields;
}
