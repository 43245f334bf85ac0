/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Requests as frames.
 *
 * Called by the client, with values that it has checked. Allocates nothing.
 */

#include <assert.h>

#include "clients/lib/encode.h"
#include "proto/frame.h"
#include "taskbroker/v1/broker.pb-c.h"

static size_t encode_frame(uint8_t frame[static ENCODE_REQUEST_MAX], const Taskbroker__V1__ClientMessage *message) {
        size_t n_prefix, n;

        n = taskbroker__v1__client_message__get_packed_size(message);
        assert(n <= ENCODE_REQUEST_MAX - FRAME_PREFIX_MAX);

        n_prefix = frame_prefix(frame, (uint32_t)n);
        return n_prefix + taskbroker__v1__client_message__pack(message, frame + n_prefix);
}

size_t encode_subscribe(uint8_t frame[static ENCODE_REQUEST_MAX],
                        uint64_t request_id,
                        const struct tb_subscription *subscription) {
        Taskbroker__V1__ClientMessage message = TASKBROKER__V1__CLIENT_MESSAGE__INIT;
        Taskbroker__V1__Subscribe subscribe = TASKBROKER__V1__SUBSCRIBE__INIT;
        Taskbroker__V1__EventKind kinds[TB_KIND_LOSS];

        for (unsigned int kind = TB_KIND_FORK; kind <= TB_KIND_LOSS; kind++)
                if (subscription->kinds & TB_KIND_BIT(kind))
                        kinds[subscribe.n_kinds++] = (Taskbroker__V1__EventKind)kind;
        subscribe.kinds = kinds;
        subscribe.threads = subscription->threads;
        subscribe.strict = subscription->strict;
        subscribe.max_delay_ms = subscription->max_delay_ms;

        message.request_id = request_id;
        message.body_case = TASKBROKER__V1__CLIENT_MESSAGE__BODY_SUBSCRIBE;
        message.subscribe = &subscribe;
        return encode_frame(frame, &message);
}

size_t encode_get_status(uint8_t frame[static ENCODE_REQUEST_MAX], uint64_t request_id) {
        Taskbroker__V1__ClientMessage message = TASKBROKER__V1__CLIENT_MESSAGE__INIT;
        Taskbroker__V1__GetStatus get_status = TASKBROKER__V1__GET_STATUS__INIT;

        message.request_id = request_id;
        message.body_case = TASKBROKER__V1__CLIENT_MESSAGE__BODY_GET_STATUS;
        message.get_status = &get_status;
        return encode_frame(frame, &message);
}
