/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* ErrorCode: why a request is refused, or a connection closed; EncodedError: what the client reads of it. */

#include <stdbool.h>
#include <stdint.h>

typedef struct EncodedError EncodedError;

/* Numbers of the wire's ErrorCode. */
typedef enum ErrorCode {
        ERROR_BAD_FRAME = 1,
        ERROR_TOO_LARGE = 2,
        ERROR_BAD_MESSAGE = 3,
        ERROR_UNKNOWN_FIELD = 4,
        ERROR_BAD_VALUE = 5,
        ERROR_LIMIT = 7,
        ERROR_FELL_BEHIND = 8,
        ERROR_TIMEOUT = 9,
        ERROR_STOPPING = 10,
        ERROR_UNREAD_REPLIES = 11,
        ERROR_RESUME_IMPOSSIBLE = 12,
        ERROR_QUOTA = 13,
        ERROR_NOT_PERMITTED = 14,
        ERROR_ACCESS_CHANGED = 15,
} ErrorCode;

/* Content of an Error. The texts are borrowed. */
struct EncodedError {
        uint64_t request_id;
        uint32_t stream;        /* the stream that ends with it; 0: none */
        ErrorCode code;
        const char *message;
        const char *field;      /* NULL: none */
        bool closing;
        uint64_t lost;
};
