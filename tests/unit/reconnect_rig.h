/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A client that reconnects, and a broker of the test's own that listens for it. The broker
 * gives the streams of each connection any numbers that a test chooses.
 *
 * Include it behind #undef NDEBUG.
 */

#include <poll.h>
#include <sys/un.h>

#include "tests/unit/client_frames.h"
#include "tests/unit/harness.h"

typedef struct Rig Rig;

struct Rig {
        Tree tree;
        int listener;
        int broker;             /* its end of the connection */
        struct tb_client *client;
        Bytes bytes;            /* to be sent */
        uint8_t requests[64 * 1024];    /* received, and not read by the test yet */
        size_t n_requests;
};

static inline void rig_accept(Rig *rig) {
        struct pollfd pfd = { .fd = rig->listener, .events = POLLIN };

        /* the client waits a tenth of a second before it tries again */
        while (poll(&pfd, 1, 10) == 0) {
                const struct tb_message *message;

                assert(tb_process(rig->client) == 0);
                while (tb_next(rig->client, &message) > 0)
                        ;
        }
        rig->n_requests = 0;
        rig->broker = accept4(rig->listener, NULL, NULL, SOCK_CLOEXEC);
        assert(rig->broker >= 0);
}

static inline Rig rig_new(void) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        Rig rig = { .tree = tree_new(), .bytes = bytes_new() };

        snprintf(address.sun_path, sizeof(address.sun_path), "%s/s", rig.tree.path);
        rig.listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert(rig.listener >= 0);
        assert(bind(rig.listener, (struct sockaddr *)&address, sizeof(address)) == 0);
        assert(listen(rig.listener, 1) == 0);
        assert(tb_connect(address.sun_path, &rig.client) == 0);
        assert(tb_set_reconnect(rig.client) == 0);
        rig_accept(&rig);
        return rig;
}

static inline void rig_free(Rig *rig) {
        tb_close(rig->client);
        close(rig->broker);
        close(rig->listener);
        free(rig->bytes.data);
        tree_free(&rig->tree);
}

static inline void rig_send(Rig *rig) {
        assert(send(rig->broker, rig->bytes.data, rig->bytes.n, MSG_NOSIGNAL) == (ssize_t)rig->bytes.n);
        rig->bytes.n = 0;
}

static inline void rig_expect(Rig *rig, enum tb_message_type type) {
        const struct tb_message *message;

        assert(tb_process(rig->client) == 0);
        assert(tb_next(rig->client, &message) == 1 && message->type == type);
}

/* The connection breaks, and the client is there again. */
static inline void rig_break(Rig *rig) {
        const struct tb_message *message;

        /* the end of the last frame, if the program has taken what is in it */
        assert(tb_next(rig->client, &message) == 0);
        close(rig->broker);
        rig_expect(rig, TB_MESSAGE_LINK);
        rig_accept(rig);
}

/* The messages that begin a stream. @stream: its number on this connection. */
static inline void bytes_add_subscribed(Bytes *bytes, uint64_t request_id, uint32_t stream, bool resumed,
                                        Taskbroker__V1__FilterStarts *starts) {
        Taskbroker__V1__ServerMessage message = TASKBROKER__V1__SERVER_MESSAGE__INIT;
        Taskbroker__V1__Subscribed subscribed = TASKBROKER__V1__SUBSCRIBED__INIT;

        subscribed.request_id = request_id;
        subscribed.feed = subscribed.next_number = 1;
        subscribed.resumed = resumed;
        subscribed.starts = starts;
        message.stream = stream;
        message.body_case = TASKBROKER__V1__SERVER_MESSAGE__BODY_SUBSCRIBED;
        message.subscribed = &subscribed;
        bytes_add_message(bytes, &message);
}

static inline void bytes_add_sampling(Bytes *bytes, uint64_t request_id, uint32_t stream,
                                      Taskbroker__V1__FilterStarts *starts) {
        Taskbroker__V1__ServerMessage message = TASKBROKER__V1__SERVER_MESSAGE__INIT;
        Taskbroker__V1__SubscribedSamples sampling = TASKBROKER__V1__SUBSCRIBED_SAMPLES__INIT;

        sampling.request_id = request_id;
        sampling.next_number = 1;
        sampling.starts = starts;
        message.stream = stream;
        message.body_case = TASKBROKER__V1__SERVER_MESSAGE__BODY_SUBSCRIBED_SAMPLES;
        message.subscribed_samples = &sampling;
        bytes_add_message(bytes, &message);
}

/* An Error that closes nothing. @stream: the stream that ends with it, or 0. */
static inline void bytes_add_refusal(Bytes *bytes, uint64_t request_id, uint32_t stream,
                                     Taskbroker__V1__ErrorCode code) {
        Taskbroker__V1__ServerMessage message = TASKBROKER__V1__SERVER_MESSAGE__INIT;
        Taskbroker__V1__Error error = TASKBROKER__V1__ERROR__INIT;

        error.request_id = request_id;
        error.code = code;
        error.message = (char *)"No.";
        message.stream = stream;
        message.body_case = TASKBROKER__V1__SERVER_MESSAGE__BODY_ERROR;
        message.error = &error;
        bytes_add_message(bytes, &message);
}

/* The next request, which the caller frees. */
static inline Taskbroker__V1__ClientMessage *rig_read(Rig *rig) {
        for (;;) {
                Taskbroker__V1__ClientMessage *message;
                size_t n_prefix, n_message;
                ssize_t n;

                assert(tb_process(rig->client) == 0);
                if (frame_parse(rig->requests, rig->n_requests, sizeof(rig->requests), &n_prefix, &n_message) == 0) {
                        message = taskbroker__v1__client_message__unpack(NULL, n_message, rig->requests + n_prefix);
                        assert(message);
                        rig->n_requests -= n_prefix + n_message;
                        memmove(rig->requests, rig->requests + n_prefix + n_message, rig->n_requests);
                        return message;
                }
                n = recv(rig->broker, rig->requests + rig->n_requests, sizeof(rig->requests) - rig->n_requests,
                         MSG_DONTWAIT);
                assert(n > 0 || (n < 0 && errno == EAGAIN));
                rig->n_requests += n > 0 ? (size_t)n : 0;
        }
}

/* Reads requests until one that begins a stream. */
static inline Taskbroker__V1__ClientMessage *rig_read_subscription(Rig *rig) {
        for (;;) {
                Taskbroker__V1__ClientMessage *message = rig_read(rig);

                if (message->body_case == TASKBROKER__V1__CLIENT_MESSAGE__BODY_SUBSCRIBE ||
                    message->body_case == TASKBROKER__V1__CLIENT_MESSAGE__BODY_SUBSCRIBE_SAMPLES)
                        return message;
                taskbroker__v1__client_message__free_unpacked(message, NULL);
        }
}
