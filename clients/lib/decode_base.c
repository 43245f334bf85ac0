/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The base of all decoding: unpacking into the decoder's arena, and refusing a frame.
 *
 * Called by the other decode_*.c files.
 */

#include <errno.h>
#include <string.h>

#include "clients/lib/decode_parts.h"

/*
 * A true event of 700 bytes takes some 8 KiB. Small messages have the arena's
 * block; beyond that, what a message takes may be this many times its length.
 */
#define DECODE_MEMORY_FACTOR 8

/* With a byte more, which is zero: so bytes end with a NUL that does not count. */
static void *decode_alloc(void *data, size_t n) {
        return arena_alloc(data, n + 1);
}

static void decode_free(void *data, void *piece) {
        (void)data;
        (void)piece;
}

ProtobufCMessage *decode_unpack(Arena *arena,
                                const ProtobufCMessageDescriptor *descriptor,
                                const uint8_t *data,
                                size_t n_data) {
        ProtobufCAllocator allocator = {
                .alloc = decode_alloc,
                .free = decode_free,
                .allocator_data = arena,
        };

        arena_reset(arena, ARENA_BLOCK + n_data * DECODE_MEMORY_FACTOR);
        return protobuf_c_message_unpack(descriptor, &allocator, n_data, data);
}

/* A name longer than the protocol allows is cut, not refused: it is only a name. */
void decode_comm(char comm[static TB_COMM_SIZE], ProtobufCBinaryData bytes) {
        size_t n = bytes.len < TB_COMM_SIZE ? bytes.len : TB_COMM_SIZE - 1;

        if (n)
                memcpy(comm, bytes.data, n);
        memset(comm + n, 0, TB_COMM_SIZE - n);
}

int decoder_refuse(Decoder *decoder, const char *reason) {
        decoder->reason = reason;
        return -EPROTO;
}

/* The reason why there is no message: the arena distinguishes bad bytes from a lack of memory, protobuf-c does not. */
int decoder_not_unpacked(Decoder *decoder, const Arena *arena, const char *reason) {
        if (arena->out_of_memory)
                return -ENOMEM;
        if (arena->exceeded)
                return decoder_refuse(decoder, "a message would take far more memory than its length allows");

        return decoder_refuse(decoder, reason);
}
