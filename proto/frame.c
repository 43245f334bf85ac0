/* SPDX-License-Identifier: Apache-2.0 */

#include "proto/frame.h"

/**
 * frame_prefix() - write a frame's length prefix
 * @prefix:     output
 * @n_message:  length of the message
 *
 * Return: The number of bytes written, 1 to FRAME_PREFIX_MAX.
 */
size_t frame_prefix(uint8_t prefix[static FRAME_PREFIX_MAX], uint32_t n_message) {
        size_t n = 0;

        while (n_message >= 0x80) {
                prefix[n++] = (uint8_t)(n_message | 0x80);
                n_message >>= 7;
        }
        prefix[n++] = (uint8_t)n_message;

        return n;
}

/**
 * frame_parse() - find the first frame in a run of bytes
 * @data:           the bytes received so far, beginning with a frame
 * @n_data:         how many
 * @max_message:    limit of the message's length
 * @ret_n_prefix:   length of the prefix
 * @ret_n_message:  length of the message
 *
 * An empty message is refused: neither side uses one, and a run of zero bytes
 * would otherwise look like a run of frames. A prefix of more than five bytes is
 * refused too.
 *
 * With FRAME_E_PARTIAL the outputs are set as soon as the prefix is complete.
 * Until then they are 0. So a caller can make room for the whole frame.
 *
 * Return: 0 if the whole frame is there; FRAME_E_PARTIAL, FRAME_E_MALFORMED or
 *         FRAME_E_TOO_LARGE. A length over the limit is refused as soon as its
 *         prefix is there.
 */
int frame_parse(const uint8_t *data,
                size_t n_data,
                size_t max_message,
                size_t *ret_n_prefix,
                size_t *ret_n_message) {
        uint64_t length = 0;
        size_t n = 0;

        *ret_n_prefix = 0;
        *ret_n_message = 0;

        for (;;) {
                if (n == n_data)
                        return FRAME_E_PARTIAL;
                length |= (uint64_t)(data[n] & 0x7f) << (7 * n);
                if (!(data[n++] & 0x80))
                        break;
                if (n == FRAME_PREFIX_MAX)
                        return FRAME_E_MALFORMED;
        }

        if (length == 0)
                return FRAME_E_MALFORMED;
        if (length > max_message)
                return FRAME_E_TOO_LARGE;

        *ret_n_prefix = n;
        *ret_n_message = (size_t)length;
        return n_data - n < length ? FRAME_E_PARTIAL : 0;
}
