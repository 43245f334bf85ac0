/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Walks the fields of an encoded protobuf message without decoding it.
 *
 * The two outermost messages of the protocol, ServerMessage and EventBatch, are
 * only walked: a batch of thousands of events is then decoded one by one, as the
 * program takes them, in the memory of one.
 *
 * Pure; owns nothing.
 */

#include <errno.h>
#include <string.h>

#include "clients/lib/wire.h"

#define WIRE_VARINT_MAX 10

static int wire_read_varint(WireCursor *cursor, uint64_t *ret_value) {
        uint64_t value = 0;

        for (unsigned int i = 0; i < WIRE_VARINT_MAX && cursor->at < cursor->end; ++i) {
                uint8_t byte = *cursor->at++;

                value |= (uint64_t)(byte & 0x7f) << (7 * i);
                if (!(byte & 0x80)) {
                        *ret_value = value;
                        return 0;
                }
        }

        return -EPROTO;
}

static int wire_read_fixed(WireCursor *cursor, size_t n, uint64_t *ret_value) {
        uint64_t value = 0;

        if ((size_t)(cursor->end - cursor->at) < n)
                return -EPROTO;

        for (size_t i = 0; i < n; ++i)
                value |= (uint64_t)cursor->at[i] << (8 * i);
        cursor->at += n;
        *ret_value = value;

        return 0;
}

/**
 * wire_next() - the next field
 * @cursor:     where the walk stands; begins with the message's first byte
 * @ret_field:  the field
 *
 * Groups, which proto3 does not have, are refused.
 *
 * Return: 1; 0 at the end; -EPROTO where the bytes are no protobuf.
 */
int wire_next(WireCursor *cursor, WireField *ret_field) {
        WireField field = { 0 };
        uint64_t key, length;
        int r;

        if (cursor->at == cursor->end)
                return 0;

        r = wire_read_varint(cursor, &key);
        if (r < 0)
                return r;
        if (key > UINT32_MAX || key >> 3 == 0)
                return -EPROTO;
        field.number = (uint32_t)(key >> 3);
        field.type = key & 7;

        switch (field.type) {
        case WIRE_VARINT:
                r = wire_read_varint(cursor, &field.value);
                break;
        case WIRE_FIXED64:
                r = wire_read_fixed(cursor, 8, &field.value);
                break;
        case WIRE_FIXED32:
                r = wire_read_fixed(cursor, 4, &field.value);
                break;
        case WIRE_BYTES:
                r = wire_read_varint(cursor, &length);
                if (r < 0)
                        return r;
                if (length > (uint64_t)(cursor->end - cursor->at))
                        return -EPROTO;
                field.data = cursor->at;
                field.n_data = (size_t)length;
                cursor->at += length;
                break;
        default:
                r = -EPROTO;
        }
        if (r < 0)
                return r;

        *ret_field = field;
        return 1;
}
