/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/* Packed messages: of all kinds that the broker packs itself, filled at random, they are the bytes that protobuf-c
 * makes. */

#include "broker/base/util.h"
#include "broker/output/pack.h"
#include "tests/unit/pb.h"

#define ROUNDS 3000

/* The memory of the nested messages and the bytes of one message. */
static uint8_t arena[1 << 19] __attribute__((__aligned__(16)));
static size_t n_arena;

static uint64_t state = 88172645463325252;

/* xorshift64 */
static uint64_t random_u64(void) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        return state;
}

/* A random number with a random length in bits. */
static uint64_t random_number(void) {
        return random_u64() >> (random_u64() % 64);
}

static void *take(size_t n) {
        void *object = arena + n_arena;

        n_arena += (n + 15) & ~(size_t)15;
        assert(n_arena <= sizeof(arena));
        return object;
}

static ProtobufCMessage *random_message(const ProtobufCMessageDescriptor *descriptor, unsigned int sparse);

static void fill(const ProtobufCFieldDescriptor *field, uint8_t *value, unsigned int sparse) {
        int32_t number = (int32_t)random_number();

        switch (field->type) {
        case PROTOBUF_C_TYPE_BOOL:
                /* any but zero is true */
                number = (int32_t)(random_u64() % 4) * 2;
                memcpy(value, &number, sizeof(number));
                break;
        case PROTOBUF_C_TYPE_ENUM:
                number = (int32_t)(random_u64() % 200);
                memcpy(value, &number, sizeof(number));
                break;
        case PROTOBUF_C_TYPE_SINT32:
                number = random_u64() % 2 ? -number : number;
                memcpy(value, &number, sizeof(number));
                break;
        case PROTOBUF_C_TYPE_UINT32:
                memcpy(value, &number, sizeof(number));
                break;
        case PROTOBUF_C_TYPE_UINT64:
        case PROTOBUF_C_TYPE_FIXED64:
        case PROTOBUF_C_TYPE_SFIXED64:
                put_u64(value, 0, random_number());
                break;
        case PROTOBUF_C_TYPE_BYTES: {
                /* now and then so many that a length takes three bytes */
                ProtobufCBinaryData bytes = { .len = random_number() % (random_u64() % 8 ? 400 : 20000) };

                bytes.data = take(bytes.len);
                memset(bytes.data, (int)random_u64(), bytes.len);
                memcpy(value, &bytes, sizeof(bytes));
                break;
        }
        case PROTOBUF_C_TYPE_MESSAGE: {
                ProtobufCMessage *member = random_message(field->descriptor, sparse);

                memcpy(value, &member, sizeof(member));
                break;
        }
        default:
                /* a field of a kind that pack_message() does not know */
                assert(0);
        }
}

/* One of @sparse fields is filled. A oneof has the last of its filled members. */
static ProtobufCMessage *random_message(const ProtobufCMessageDescriptor *descriptor, unsigned int sparse) {
        ProtobufCMessage *message = take(descriptor->sizeof_message);

        descriptor->message_init(message);
        for (unsigned int i = 0; i < descriptor->n_fields; ++i) {
                const ProtobufCFieldDescriptor *field = &descriptor->fields[i];

                assert(field->label == PROTOBUF_C_LABEL_NONE);
                if (random_u64() % sparse)
                        continue;
                if (field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) {
                        assert(field->type == PROTOBUF_C_TYPE_MESSAGE);
                        put_u32((uint8_t *)message, field->quantifier_offset, field->id);
                }
                fill(field, (uint8_t *)message + field->offset, sparse);
        }
        return message;
}

static void test_same_as_protobuf_c(const ProtobufCMessageDescriptor *descriptor) {
        static uint8_t expected[1 << 19], packed[1 << 19];

        for (unsigned int round = 0; round < ROUNDS; ++round) {
                const ProtobufCMessage *message;
                size_t n;

                n_arena = 0;
                message = random_message(descriptor, 1 + round % 4);
                n = protobuf_c_message_get_packed_size(message);
                assert(n < sizeof(packed));
                memset(packed, 0xaa, n + 1);
                assert(protobuf_c_message_pack(message, expected) == n);
                assert(pack_message(message, packed) == n);
                assert(memcmp(packed, expected, n) == 0);
                /* no byte beyond what it takes */
                assert(packed[n] == 0xaa);
        }
}

int main(void) {
        test_same_as_protobuf_c(&taskbroker__v1__event__descriptor);
        test_same_as_protobuf_c(&taskbroker__v1__task__descriptor);
        test_same_as_protobuf_c(&taskbroker__v1__task_sample__descriptor);
        return 0;
}
