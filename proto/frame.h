/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Framing: a message's length as a protobuf varint, then the message.
 *
 * Pure functions over memory; the broker, the C library and the tests share
 * them. Nothing here allocates, reads or writes.
 */

#include <stddef.h>
#include <stdint.h>

/* Published limits of a message without its prefix (broker.proto, Welcome). */
#define FRAME_MAX_FROM_BROKER (1024u * 1024u)
#define FRAME_MAX_FROM_CLIENT (64u * 1024u)

/* The longest prefix that a length within 32 bits needs. */
#define FRAME_PREFIX_MAX 5

enum {
        _FRAME_E_SUCCESS,
        FRAME_E_PARTIAL,        /* more bytes are needed */
        FRAME_E_MALFORMED,      /* not a varint of at most 5 bytes, or 0 */
        FRAME_E_TOO_LARGE,      /* the message exceeds the limit given */
};

size_t frame_prefix(uint8_t prefix[static FRAME_PREFIX_MAX], uint32_t n_message);

int frame_parse(const uint8_t *data,
                size_t n_data,
                size_t max_message,
                size_t *ret_n_prefix,
                size_t *ret_n_message);
