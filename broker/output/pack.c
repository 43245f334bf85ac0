/* SPDX-License-Identifier: Apache-2.0 */

/*
 * protobuf_c_message_pack() was two thirds of what the broker does of its own for an
 * event: it goes through several functions for each field, most of which are zero and
 * written nowhere. This is the same walk along the generated descriptors, for what the
 * messages of the stream are made of: fields without presence, members of a oneof, and
 * no lists. A test packs messages of all these kinds by both, and wants the same bytes.
 *
 * A member's length is written in front of it once it is known; most are below 128,
 * for which a byte was left free.
 */

#include <assert.h>
#include <string.h>

#include "broker/output/pack.h"

enum {
        WIRE_VARINT = 0,
        WIRE_64_BITS = 1,
        WIRE_BYTES = 2,
};

static uint8_t *pack_varint(uint8_t *out, uint64_t value) {
        while (value >= 0x80) {
                *out++ = (uint8_t)(value | 0x80);
                value >>= 7;
        }
        *out++ = (uint8_t)value;
        return out;
}

static uint8_t *pack_tag(uint8_t *out, const ProtobufCFieldDescriptor *field, uint32_t wire_type) {
        return pack_varint(out, field->id << 3 | wire_type);
}

/* Negative ones are small too. */
static uint32_t zigzag(int32_t value) {
        return (uint32_t)value << 1 ^ (value < 0 ? UINT32_MAX : 0);
}

static uint32_t load_32(const uint8_t *data) {
        uint32_t value;

        memcpy(&value, data, sizeof(value));
        return value;
}

static uint64_t load_64(const uint8_t *data) {
        uint64_t value;

        memcpy(&value, data, sizeof(value));
        return value;
}

static uint8_t *pack_fields(uint8_t *out, const ProtobufCMessage *message);

static uint8_t *pack_member(uint8_t *out, const ProtobufCMessage *member) {
        uint8_t *begin = out + 1, *end = pack_fields(begin, member);
        size_t n = (size_t)(end - begin), n_more = 0;

        for (size_t left = n >> 7; left > 0; left >>= 7)
                ++n_more;
        if (n_more > 0)
                memmove(begin + n_more, begin, n);
        (void)pack_varint(out, n);
        return end + n_more;
}

static uint8_t *pack_field(uint8_t *out, const ProtobufCFieldDescriptor *field, const uint8_t *value) {
        switch (field->type) {
        case PROTOBUF_C_TYPE_BOOL:
                if (load_32(value) == 0)
                        return out;
                return pack_varint(pack_tag(out, field, WIRE_VARINT), 1);
        case PROTOBUF_C_TYPE_UINT32:
        case PROTOBUF_C_TYPE_ENUM: /* none of ours is negative */
                if (load_32(value) == 0)
                        return out;
                return pack_varint(pack_tag(out, field, WIRE_VARINT), load_32(value));
        case PROTOBUF_C_TYPE_SINT32:
                if (load_32(value) == 0)
                        return out;
                return pack_varint(pack_tag(out, field, WIRE_VARINT), zigzag((int32_t)load_32(value)));
        case PROTOBUF_C_TYPE_UINT64:
                if (load_64(value) == 0)
                        return out;
                return pack_varint(pack_tag(out, field, WIRE_VARINT), load_64(value));
        case PROTOBUF_C_TYPE_FIXED64:
        case PROTOBUF_C_TYPE_SFIXED64:
                if (load_64(value) == 0)
                        return out;
                out = pack_tag(out, field, WIRE_64_BITS);
                for (int i = 0; i < 8; ++i)
                        out[i] = (uint8_t)(load_64(value) >> (8 * i));
                return out + 8;
        case PROTOBUF_C_TYPE_BYTES: {
                const ProtobufCBinaryData *bytes = (const void *)value;

                if (bytes->len == 0)
                        return out;
                out = pack_varint(pack_tag(out, field, WIRE_BYTES), bytes->len);
                memcpy(out, bytes->data, bytes->len);
                return out + bytes->len;
        }
        case PROTOBUF_C_TYPE_MESSAGE: {
                const ProtobufCMessage *member = *(const ProtobufCMessage *const *)(const void *)value;

                return member ? pack_member(pack_tag(out, field, WIRE_BYTES), member) : out;
        }
        default:
                assert(0);
                return out;
        }
}

static uint8_t *pack_fields(uint8_t *out, const ProtobufCMessage *message) {
        const ProtobufCMessageDescriptor *descriptor = message->descriptor;
        const uint8_t *bytes = (const void *)message;

        for (unsigned int i = 0; i < descriptor->n_fields; ++i) {
                const ProtobufCFieldDescriptor *field = &descriptor->fields[i];

                assert(field->label == PROTOBUF_C_LABEL_NONE);
                if (!(field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) ||
                    load_32(bytes + field->quantifier_offset) == field->id)
                        out = pack_field(out, field, bytes + field->offset);
        }
        return out;
}

/**
 * pack_message() - pack a message
 * @message:  its fields have no presence and are no lists; the value of a oneof is a message
 * @buffer:   output, with room for what protobuf_c_message_get_packed_size() says
 *
 * Return: The number of bytes written.
 */
size_t pack_message(const ProtobufCMessage *message, uint8_t *buffer) {
        return (size_t)(pack_fields(buffer, message) - buffer);
}
