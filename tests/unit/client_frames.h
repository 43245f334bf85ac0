/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A broker's side of a socketpair, for the tests of the client library: frames
 * made with protobuf-c, or byte by byte where protobuf-c would refuse.
 *
 * Include it behind #undef NDEBUG.
 */

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proto/frame.h"
#include "taskbroker/taskbroker.h"
#include "taskbroker/v1/broker.pb-c.h"

#define BYTES_MAX (2u * 1024u * 1024u)

typedef struct Bytes Bytes;
typedef struct Pair Pair;

struct Bytes {
        size_t n;
        uint8_t *data;
};

struct Pair {
        int broker;
        struct tb_client *client;
};

static inline Bytes bytes_new(void) {
        Bytes bytes = { .data = malloc(BYTES_MAX) };

        assert(bytes.data);
        return bytes;
}

static inline void bytes_add(Bytes *bytes, const void *data, size_t n) {
        assert(n <= BYTES_MAX - bytes->n);
        if (n)
                memcpy(bytes->data + bytes->n, data, n);
        bytes->n += n;
}

static inline void bytes_add_varint(Bytes *bytes, uint64_t value) {
        uint8_t byte;

        do {
                byte = (uint8_t)((value & 0x7f) | (value > 0x7f ? 0x80 : 0));
                bytes_add(bytes, &byte, 1);
                value >>= 7;
        } while (value);
}

/* A field of bytes, or of a message. */
static inline void bytes_add_field(Bytes *bytes, uint32_t number, const void *data, size_t n) {
        bytes_add_varint(bytes, (uint64_t)number << 3 | 2);
        bytes_add_varint(bytes, n);
        bytes_add(bytes, data, n);
}

static inline void bytes_add_frame(Bytes *bytes, const void *message, size_t n) {
        uint8_t prefix[FRAME_PREFIX_MAX];

        bytes_add(bytes, prefix, frame_prefix(prefix, (uint32_t)n));
        bytes_add(bytes, message, n);
}

static inline void bytes_add_message(Bytes *bytes, const Taskbroker__V1__ServerMessage *message) {
        size_t n = taskbroker__v1__server_message__get_packed_size(message);
        uint8_t *packed = malloc(n);

        assert(packed);
        taskbroker__v1__server_message__pack(message, packed);
        bytes_add_frame(bytes, packed, n);
        free(packed);
}

static inline void bytes_add_welcome(Bytes *bytes, uint32_t protocol) {
        Taskbroker__V1__ServerMessage message = TASKBROKER__V1__SERVER_MESSAGE__INIT;
        Taskbroker__V1__Welcome welcome = TASKBROKER__V1__WELCOME__INIT;
        char *features[] = { (char *)"snapshot", (char *)"resume" };

        welcome.protocol = protocol;
        welcome.epoch = UINT64_C(0xfedcba9876543210);
        welcome.broker_version = (char *)"1.2.3";
        welcome.kernel_release = (char *)"6.1.0-test";
        welcome.taskstats_version = 13;
        welcome.delay_accounting = TASKBROKER__V1__DELAY_ACCOUNTING__DELAY_ACCOUNTING_ON;
        welcome.realtime_offset_ns = -5;
        welcome.features = features;
        welcome.n_features = 2;
        welcome.start_time_ns = 77;
        message.body_case = TASKBROKER__V1__SERVER_MESSAGE__BODY_WELCOME;
        message.welcome = &welcome;
        bytes_add_message(bytes, &message);
}

static inline void bytes_add_batch_of(Bytes *bytes,
                                      uint32_t stream,
                                      uint64_t first_number,
                                      Taskbroker__V1__Event **events,
                                      size_t n_events) {
        Taskbroker__V1__ServerMessage message = TASKBROKER__V1__SERVER_MESSAGE__INIT;
        Taskbroker__V1__EventBatch batch = TASKBROKER__V1__EVENT_BATCH__INIT;

        batch.first_number = first_number;
        batch.realtime_offset_ns = -1000;
        batch.events = events;
        batch.n_events = n_events;
        message.body_case = TASKBROKER__V1__SERVER_MESSAGE__BODY_EVENT_BATCH;
        message.event_batch = &batch;
        message.stream = stream;
        bytes_add_message(bytes, &message);
}

/* A batch for a client that has asked for no stream. */
static inline void bytes_add_batch(Bytes *bytes,
                                   uint64_t first_number,
                                   Taskbroker__V1__Event **events,
                                   size_t n_events) {
        bytes_add_batch_of(bytes, 0, first_number, events, n_events);
}

static inline void bytes_add_error(Bytes *bytes, Taskbroker__V1__ErrorCode code, const char *text, bool closing) {
        Taskbroker__V1__ServerMessage message = TASKBROKER__V1__SERVER_MESSAGE__INIT;
        Taskbroker__V1__Error error = TASKBROKER__V1__ERROR__INIT;

        error.request_id = 9;
        error.code = code;
        error.message = (char *)text;
        error.field = (char *)"subscribe.kinds";
        error.closing = closing;
        error.lost = 12;
        message.body_case = TASKBROKER__V1__SERVER_MESSAGE__BODY_ERROR;
        message.error = &error;
        bytes_add_message(bytes, &message);
}

static inline Pair pair_new(void) {
        Pair pair;
        int fds[2];

        assert(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0);
        pair.broker = fds[0];
        assert(tb_connect_fd(fds[1], &pair.client) == 0);
        return pair;
}

static inline void pair_send(Pair *pair, const void *data, size_t n) {
        assert(send(pair->broker, data, n, MSG_NOSIGNAL) == (ssize_t)n);
}

static inline void pair_free(Pair *pair) {
        if (pair->broker >= 0)
                close(pair->broker);
        assert(!tb_close(pair->client));
}

/* A client that has taken the Welcome. */
static inline Pair pair_new_welcomed(void) {
        const struct tb_message *message;
        Pair pair = pair_new();
        Bytes bytes = bytes_new();

        bytes_add_welcome(&bytes, 1);
        pair_send(&pair, bytes.data, bytes.n);
        assert(tb_process(pair.client) == 0);
        assert(tb_next(pair.client, &message) == 1);
        assert(message->type == TB_MESSAGE_WELCOME);
        assert(tb_next(pair.client, &message) == 0);
        free(bytes.data);
        return pair;
}

/* The next message, which must be there. */
static inline const struct tb_message *pair_next(Pair *pair) {
        const struct tb_message *message;
        int r;

        r = tb_next(pair->client, &message);
        if (r == 0) {
                assert(tb_process(pair->client) == 0);
                r = tb_next(pair->client, &message);
        }
        assert(r == 1);
        return message;
}

/* The next message, which must be an event. */
static inline const struct tb_event *pair_next_event(Pair *pair) {
        const struct tb_message *message = pair_next(pair);

        assert(message->type == TB_MESSAGE_EVENT);
        assert(message->request_id == 0);
        return message->event;
}
