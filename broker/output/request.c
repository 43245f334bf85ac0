/* SPDX-License-Identifier: Apache-2.0 */

/*
 * protobuf-c allocates for each message, list and unknown field, as many as the
 * bytes say: here from an arena of fixed size, so that no input can ask for more.
 * An exhausted arena is the input's fault, like any other.
 */

#include <stdalign.h>
#include <stdlib.h>

#include "broker/base/util.h"
#include "broker/output/request.h"
#include "taskbroker/v1/broker.pb-c.h"

/* On the stack. The largest message, all of it unknown fields of two bytes, needs three times this. */
#define ARENA_BYTES (512u * 1024u)

typedef struct Arena Arena;

struct Arena {
        size_t n_used;
        alignas(max_align_t) uint8_t bytes[ARENA_BYTES];
};

static void *arena_alloc(void *data, size_t n) {
        Arena *arena = data;
        size_t rounded = (n + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
        void *pointer = arena->bytes + arena->n_used;

        if (rounded < n || rounded > ARENA_BYTES - arena->n_used)
                return NULL;
        arena->n_used += rounded;
        return pointer;
}

static void arena_free(void *data, void *pointer) {
        (void)data;
        (void)pointer;
}

static int refuse(EncodedError *error, ErrorCode code, bool closing, const char *field, const char *message) {
        error->code = code;
        error->closing = closing;
        error->field = field;
        error->message = message;
        return REQUEST_E_REFUSED;
}

static int subscribe_decode(const Taskbroker__V1__Subscribe *m, Subscription *subscription, EncodedError *error) {
        if (m->base.n_unknown_fields > 0)
                return refuse(error, ERROR_UNKNOWN_FIELD, true, "subscribe",
                              "The request has a field that this broker does not know.");

        for (size_t i = 0; i < m->n_kinds; ++i) {
                if ((int)m->kinds[i] < EVENT_FORK || (int)m->kinds[i] >= _EVENT_KIND_N)
                        return refuse(error, ERROR_BAD_VALUE, false, "subscribe.kinds",
                                      "There is no such kind of event.");
                subscription->kinds |= EVENT_BIT(m->kinds[i]);
        }
        if (m->n_kinds == 0)
                subscription->kinds = EVENT_BIT(EVENT_FORK) | EVENT_BIT(EVENT_EXEC) | EVENT_BIT(EVENT_EXIT);
        subscription->kinds |= EVENT_BIT(EVENT_LOSS);

        if (m->max_delay_ms > MAX_DELAY_MS_LIMIT)
                return refuse(error, ERROR_BAD_VALUE, false, "subscribe.max_delay_ms",
                              "The delay is longer than 60000 milliseconds.");
        subscription->max_delay_ms = m->max_delay_ms;
        subscription->threads = m->threads;
        subscription->strict = m->strict;
        return 0;
}

/**
 * request_decode() - read a ClientMessage
 * @data:         the message, without its frame's prefix
 * @n_data:       its length
 * @ret_request:  output
 * @ret_error:    output of REQUEST_E_REFUSED, with constant texts
 *
 * Return: 0, or REQUEST_E_REFUSED.
 */
int request_decode(const uint8_t *data, size_t n_data, Request *ret_request, EncodedError *ret_error) {
        Arena arena;
        ProtobufCAllocator allocator = { .alloc = arena_alloc, .free = arena_free, .allocator_data = &arena };
        const Taskbroker__V1__ClientMessage *m;

        *ret_request = (Request){};
        *ret_error = (EncodedError){};
        arena.n_used = 0;
        m = taskbroker__v1__client_message__unpack(&allocator, n_data, data);
        if (!m)
                return refuse(ret_error, ERROR_BAD_MESSAGE, true, NULL, "The frame does not hold a ClientMessage.");

        ret_request->id = m->request_id;
        ret_error->request_id = m->request_id;
        if (m->base.n_unknown_fields > 0)
                return refuse(ret_error, ERROR_UNKNOWN_FIELD, true, NULL,
                              "The message has a field, or a request, that this broker does not know.");

        switch (m->body_case) {
        case TASKBROKER__V1__CLIENT_MESSAGE__BODY_SUBSCRIBE:
                ret_request->type = REQUEST_SUBSCRIBE;
                return subscribe_decode(m->subscribe, &ret_request->subscription, ret_error);
        case TASKBROKER__V1__CLIENT_MESSAGE__BODY_GET_STATUS:
                ret_request->type = REQUEST_STATUS;
                if (m->get_status->base.n_unknown_fields > 0)
                        return refuse(ret_error, ERROR_UNKNOWN_FIELD, true, "get_status",
                                      "The request has a field that this broker does not know.");
                return 0;
        default:
                return refuse(ret_error, ERROR_BAD_MESSAGE, true, NULL, "The message holds no request.");
        }
}
