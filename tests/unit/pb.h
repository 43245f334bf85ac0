/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The wire, read by protobuf-c's own unpacking: what the broker wrote by other
 * means must be the same.
 *
 * Include it behind #undef NDEBUG.
 */

#include "proto/frame.h"
#include "taskbroker/v1/broker.pb-c.h"
#include "tests/unit/harness.h"

#define PB(name) Taskbroker__V1__##name

/* Unpacks a frame that is whole and the only one. */
static inline PB(ServerMessage) *frame_unpack(const uint8_t *frame, size_t n) {
        PB(ServerMessage) *message;
        size_t n_prefix, n_message;

        assert(frame_parse(frame, n, FRAME_MAX_FROM_BROKER, &n_prefix, &n_message) == 0);
        assert(n_prefix + n_message == n);
        message = taskbroker__v1__server_message__unpack(NULL, n_message, frame + n_prefix);
        assert(message);
        assert(message->base.n_unknown_fields == 0);
        return message;
}

static inline void message_free(PB(ServerMessage) *message) {
        taskbroker__v1__server_message__free_unpacked(message, NULL);
}
