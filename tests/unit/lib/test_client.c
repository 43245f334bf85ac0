/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/*
 * libtaskbroker's connection: what it makes of any bytes, in any pieces, and
 * what it sends.
 */

#include <assert.h>
#include <poll.h>
#include <stdio.h>

#include "tests/unit/client_frames.h"

#include "clients/lib/encode_request.h"

static void test_welcome(void) {
        const struct tb_message *message;
        const struct tb_welcome *welcome;
        Pair pair = pair_new();
        Bytes bytes = bytes_new();

        assert(!tb_client_welcome(pair.client));
        assert(tb_next(pair.client, &message) == 0);
        assert(strcmp(tb_error_text(pair.client), "") == 0);

        bytes_add_welcome(&bytes, 1);
        pair_send(&pair, bytes.data, bytes.n);
        assert(tb_process(pair.client) == 0);
        assert(tb_next(pair.client, &message) == 1);
        assert(message->type == TB_MESSAGE_WELCOME);

        welcome = tb_client_welcome(pair.client);
        assert(welcome == message->welcome);
        assert(welcome->epoch == UINT64_C(0xfedcba9876543210));
        assert(strcmp(welcome->broker_version, "1.2.3") == 0);
        assert(strcmp(welcome->kernel_release, "6.1.0-test") == 0);
        assert(welcome->taskstats_version == 13);
        assert(welcome->delay_accounting == TB_DELAY_ACCOUNTING_ON);
        assert(welcome->realtime_offset_ns == -5);
        assert(welcome->start_time_ns == 77);
        assert(welcome->n_features == 2);
        assert(strcmp(welcome->features[1], "resume") == 0);

        /* It stays, whatever comes after it. */
        bytes.n = 0;
        bytes_add_error(&bytes, TASKBROKER__V1__ERROR_CODE__ERROR_CODE_BAD_VALUE, "No such kind.", false);
        pair_send(&pair, bytes.data, bytes.n);
        assert(tb_process(pair.client) == 0);
        assert(tb_next(pair.client, &message) == 1);
        assert(strcmp(tb_client_welcome(pair.client)->kernel_release, "6.1.0-test") == 0);

        free(bytes.data);
        pair_free(&pair);
}

/* Sends bytes and expects that they are not the protocol, and that a text says so. */
static void check_refused(const Bytes *bytes, bool welcomed, const char *text) {
        const struct tb_message *message;
        Pair pair = welcomed ? pair_new_welcomed() : pair_new();
        int r;

        pair_send(&pair, bytes->data, bytes->n);
        r = tb_process(pair.client);
        assert(r == 0 || r == -EPROTO);
        while ((r = tb_next(pair.client, &message)) > 0)
                ;
        assert(r == -EPROTO);
        assert(strstr(tb_error_text(pair.client), text));

        /* There is no way back. */
        assert(tb_process(pair.client) == -EPROTO);
        assert(tb_next(pair.client, &message) == -EPROTO);
        pair_free(&pair);
}

static void test_wrong_beginnings(void) {
        Taskbroker__V1__ServerMessage message = TASKBROKER__V1__SERVER_MESSAGE__INIT;
        Taskbroker__V1__Subscribed subscribed = TASKBROKER__V1__SUBSCRIBED__INIT;
        Bytes bytes = bytes_new();

        message.body_case = TASKBROKER__V1__SERVER_MESSAGE__BODY_SUBSCRIBED;
        message.subscribed = &subscribed;
        bytes_add_message(&bytes, &message);
        check_refused(&bytes, false, "first message is not a Welcome");

        bytes.n = 0;
        bytes_add_batch(&bytes, 1, NULL, 0);
        check_refused(&bytes, false, "first message is not a Welcome");

        bytes.n = 0;
        bytes_add_frame(&bytes, "\xfa\x01\x00", 3);
        check_refused(&bytes, false, "first message is not a Welcome");

        bytes.n = 0;
        bytes_add_welcome(&bytes, 2);
        check_refused(&bytes, false, "version");

        bytes.n = 0;
        bytes_add_welcome(&bytes, 0);
        check_refused(&bytes, false, "version");

        bytes.n = 0;
        bytes_add_welcome(&bytes, 1);
        check_refused(&bytes, true, "second Welcome");

        free(bytes.data);
}

static void test_garbage(void) {
        static const char text[] = "HTTP/1.1 400 Bad Request\r\n\r\n", zeros[16] = "";
        Bytes bytes = bytes_new();

        /* "H" is a length of 72: what is missing never comes. Then zeros, and lengths that are too large. */
        bytes_add(&bytes, zeros, sizeof(zeros));
        check_refused(&bytes, false, "not a frame");
        check_refused(&bytes, true, "not a frame");

        bytes.n = 0;
        bytes_add(&bytes, "\xff\xff\xff\xff\xff\xff", 6);
        check_refused(&bytes, true, "not a frame");

        bytes.n = 0;
        bytes_add_varint(&bytes, FRAME_MAX_FROM_BROKER + 1);
        check_refused(&bytes, true, "larger than the protocol allows");

        bytes.n = 0;
        bytes_add_frame(&bytes, text, sizeof(text) - 1);
        check_refused(&bytes, true, "malformed");

        /* body as a number; a group; a field that is longer than its message */
        bytes.n = 0;
        bytes_add_frame(&bytes, "\x08\x01", 2);
        check_refused(&bytes, true, "malformed");
        bytes.n = 0;
        bytes_add_frame(&bytes, "\x0b\x0c", 2);
        check_refused(&bytes, true, "malformed");
        bytes.n = 0;
        bytes_add_frame(&bytes, "\x12\x05\x08\x01", 4);
        check_refused(&bytes, true, "malformed");

        free(bytes.data);
}

/* Messages before the garbage are still valid. */
static void test_good_then_garbage(void) {
        const struct tb_message *message;
        Pair pair = pair_new();
        Bytes bytes = bytes_new();

        bytes_add_welcome(&bytes, 1);
        bytes_add(&bytes, "\0\0\0", 3);
        pair_send(&pair, bytes.data, bytes.n);
        assert(tb_process(pair.client) == 0);
        assert(tb_next(pair.client, &message) == 1);
        assert(message->type == TB_MESSAGE_WELCOME);
        assert(tb_next(pair.client, &message) == -EPROTO);

        free(bytes.data);
        pair_free(&pair);
}

static void test_unknown_members(void) {
        const struct tb_message *message;
        Pair pair = pair_new_welcomed();
        Bytes bytes = bytes_new(), body = bytes_new();

        /* A member of the oneof from the future, then one with a field more than we know. */
        bytes_add_field(&body, 77, "abc", 3);
        bytes_add_frame(&bytes, body.data, body.n);
        body.n = 0;
        bytes_add_field(&body, 4, "\x08\x05\x10\x06\x18\x07\xb8\x3e\x01", 9);
        bytes_add_frame(&bytes, body.data, body.n);
        pair_send(&pair, bytes.data, bytes.n);

        assert(tb_process(pair.client) == 0);
        assert(tb_next(pair.client, &message) == 1);
        assert(message->type == TB_MESSAGE_SUBSCRIBED);
        assert(message->request_id == 5);
        assert(message->subscribed->feed == 6);
        assert(message->subscribed->next_number == 7);
        assert(tb_next(pair.client, &message) == 0);

        free(body.data);
        free(bytes.data);
        pair_free(&pair);
}

static void test_error_and_end(void) {
        const struct tb_message *message;
        Pair pair = pair_new_welcomed();
        Bytes bytes = bytes_new();

        bytes_add_error(&bytes, TASKBROKER__V1__ERROR_CODE__ERROR_CODE_STOPPING, "The broker is stopping.", true);
        pair_send(&pair, bytes.data, bytes.n);
        close(pair.broker);
        pair.broker = -1;

        assert(tb_process(pair.client) == -EPIPE);
        assert(tb_next(pair.client, &message) == 1);
        assert(message->type == TB_MESSAGE_ERROR);
        assert(message->request_id == 9);
        assert(message->error->code == TB_ERROR_STOPPING);
        assert(strcmp(message->error->message, "The broker is stopping.") == 0);
        assert(strcmp(message->error->field, "subscribe.kinds") == 0);
        assert(message->error->closing);
        assert(message->error->lost == 12);
        assert(tb_next(pair.client, &message) == 0);
        assert(tb_process(pair.client) == -EPIPE);
        assert(strcmp(tb_error_text(pair.client), "The broker closed the connection: The broker is stopping.") == 0);

        free(bytes.data);
        pair_free(&pair);
}

/* A broker that refuses a connection says why before it says anything else. */
static void test_error_first(void) {
        const struct tb_message *message;
        Pair pair = pair_new();
        Bytes bytes = bytes_new();

        bytes_add_error(&bytes, TASKBROKER__V1__ERROR_CODE__ERROR_CODE_LIMIT, "Too many connections.", true);
        pair_send(&pair, bytes.data, bytes.n);
        assert(tb_process(pair.client) == 0);
        assert(tb_next(pair.client, &message) == 1);
        assert(message->error->code == TB_ERROR_LIMIT);

        free(bytes.data);
        pair_free(&pair);
}

static void test_end(void) {
        const struct tb_message *message;
        Bytes bytes = bytes_new();
        Pair pair;

        pair = pair_new_welcomed();
        shutdown(pair.broker, SHUT_RDWR);
        assert(tb_process(pair.client) == -EPIPE);
        assert(tb_next(pair.client, &message) == 0);
        assert(strcmp(tb_error_text(pair.client), "The broker closed the connection.") == 0);
        pair_free(&pair);

        /* In the middle of a message. */
        pair = pair_new();
        bytes_add_welcome(&bytes, 1);
        pair_send(&pair, bytes.data, bytes.n - 1);
        assert(tb_process(pair.client) == 0);
        assert(tb_next(pair.client, &message) == 0);
        shutdown(pair.broker, SHUT_RDWR);
        assert(tb_process(pair.client) == -EPIPE);
        assert(tb_next(pair.client, &message) == 0);
        assert(strstr(tb_error_text(pair.client), "in the middle of a message"));
        pair_free(&pair);

        /* That the broker no longer reads does not hide what it said last. */
        pair = pair_new();
        bytes.n = 0;
        bytes_add_welcome(&bytes, 1);
        pair_send(&pair, bytes.data, bytes.n);
        close(pair.broker);
        pair.broker = -1;
        assert(tb_subscribe(pair.client, NULL, NULL) == 0);
        assert(tb_poll_events(pair.client) == (POLLIN | POLLOUT));
        assert(tb_process(pair.client) == -EPIPE);
        assert(tb_next(pair.client, &message) == 1);
        assert(message->type == TB_MESSAGE_WELCOME);
        assert(tb_poll_events(pair.client) == POLLIN);
        assert(tb_subscribe(pair.client, NULL, NULL) == 0);
        assert(tb_process(pair.client) == -EPIPE);
        pair_free(&pair);

        free(bytes.data);
}

static void test_largest_frame(void) {
        const struct tb_message *message;
        Pair pair = pair_new_welcomed();
        Bytes bytes = bytes_new(), body = bytes_new();
        static char padding[FRAME_MAX_FROM_BROKER];
        size_t sent = 0;
        int r;

        /* An Error whose unknown field fills the frame to the last byte: tag, length and text are 2 + 3 + n. */
        bytes_add_field(&body, 500, padding, FRAME_MAX_FROM_BROKER - 4 - 5);
        assert(body.n == FRAME_MAX_FROM_BROKER - 4);
        bytes_add_varint(&bytes, FRAME_MAX_FROM_BROKER);
        bytes_add_field(&bytes, 3, body.data, body.n);
        assert(bytes.n == 3 + FRAME_MAX_FROM_BROKER);
        bytes_add_error(&bytes, TASKBROKER__V1__ERROR_CODE__ERROR_CODE_LIMIT, "after", false);

        for (;;) {
                ssize_t n = send(pair.broker, bytes.data + sent, bytes.n - sent, MSG_DONTWAIT | MSG_NOSIGNAL);

                if (n > 0)
                        sent += (size_t)n;
                assert(tb_process(pair.client) == 0);
                r = tb_next(pair.client, &message);
                assert(r >= 0);
                if (r > 0)
                        break;
        }
        assert(message->type == TB_MESSAGE_ERROR);
        assert(message->error->code == 0);

        while (sent < bytes.n) {
                ssize_t n = send(pair.broker, bytes.data + sent, bytes.n - sent, MSG_NOSIGNAL);

                assert(n > 0);
                sent += (size_t)n;
        }
        while ((r = tb_next(pair.client, &message)) == 0)
                assert(tb_process(pair.client) == 0);
        assert(r == 1);
        assert(strcmp(message->error->message, "after") == 0);

        free(body.data);
        free(bytes.data);
        pair_free(&pair);
}

/* While messages wait nothing is received. */
static void test_bounded(void) {
        const struct tb_message *message;
        Pair pair = pair_new_welcomed();
        Bytes bytes = bytes_new();
        size_t n = 0;
        ssize_t r;

        bytes_add_error(&bytes, TASKBROKER__V1__ERROR_CODE__ERROR_CODE_LIMIT, "x", false);
        pair_send(&pair, bytes.data, bytes.n);
        assert(tb_process(pair.client) == 0);

        for (unsigned int i = 0; i < 100000; ++i) {
                r = send(pair.broker, bytes.data, bytes.n, MSG_DONTWAIT | MSG_NOSIGNAL);
                if (r < 0)
                        break;
                assert(r == (ssize_t)bytes.n);
                ++n;
                assert(tb_process(pair.client) == 0);
        }
        assert(r < 0 && errno == EAGAIN);

        for (size_t i = 0; i < n + 1; ++i) {
                while ((r = tb_next(pair.client, &message)) == 0)
                        assert(tb_process(pair.client) == 0);
                assert(r == 1);
        }
        assert(tb_next(pair.client, &message) == 0);

        free(bytes.data);
        pair_free(&pair);
}

/* Reads one request as the broker would. */
static Taskbroker__V1__ClientMessage *read_request(Bytes *in, int fd) {
        Taskbroker__V1__ClientMessage *request;
        size_t n_prefix, n_message;
        ssize_t n;
        int r;

        while ((r = frame_parse(in->data, in->n, FRAME_MAX_FROM_CLIENT, &n_prefix, &n_message)) == FRAME_E_PARTIAL) {
                n = recv(fd, in->data + in->n, BYTES_MAX - in->n, MSG_DONTWAIT);
                if (n < 0)
                        return NULL;
                assert(n > 0);
                in->n += (size_t)n;
        }
        assert(r == 0);
        request = taskbroker__v1__client_message__unpack(NULL, n_message, in->data + n_prefix);
        assert(request);
        in->n -= n_prefix + n_message;
        memmove(in->data, in->data + n_prefix + n_message, in->n);
        return request;
}

static void test_requests(void) {
        const struct tb_subscription subscription = {
                .kinds = TB_KIND_BIT(TB_KIND_EXIT) | TB_KIND_BIT(TB_KIND_LOSS) | TB_KIND_BIT(TB_KIND_UID),
                .threads = true,
                .strict = true,
                .max_delay_ms = 60000,
        };
        struct tb_subscription wrong;
        Taskbroker__V1__ClientMessage *request;
        Pair pair = pair_new();
        Bytes in = bytes_new();
        uint64_t first, second, third;

        assert(tb_poll_events(pair.client) == POLLIN);
        assert(tb_subscribe(pair.client, &subscription, &first) == 0);
        assert(tb_request_status(pair.client, &second) == 0);
        assert(tb_subscribe(pair.client, NULL, &third) == 0);
        assert(first != second && second != third);
        assert(tb_poll_events(pair.client) == (POLLIN | POLLOUT));
        assert(tb_process(pair.client) == 0);
        assert(tb_poll_events(pair.client) == POLLIN);

        request = read_request(&in, pair.broker);
        assert(request->request_id == first);
        assert(request->body_case == TASKBROKER__V1__CLIENT_MESSAGE__BODY_SUBSCRIBE);
        assert(request->subscribe->n_kinds == 3);
        assert(request->subscribe->kinds[0] == TASKBROKER__V1__EVENT_KIND__EVENT_KIND_EXIT);
        assert(request->subscribe->kinds[1] == TASKBROKER__V1__EVENT_KIND__EVENT_KIND_UID_CHANGE);
        assert(request->subscribe->kinds[2] == TASKBROKER__V1__EVENT_KIND__EVENT_KIND_LOSS);
        assert(request->subscribe->threads);
        assert(request->subscribe->strict);
        assert(request->subscribe->max_delay_ms == 60000);
        taskbroker__v1__client_message__free_unpacked(request, NULL);

        request = read_request(&in, pair.broker);
        assert(request->request_id == second);
        assert(request->body_case == TASKBROKER__V1__CLIENT_MESSAGE__BODY_GET_BROKER_STATUS);
        taskbroker__v1__client_message__free_unpacked(request, NULL);

        request = read_request(&in, pair.broker);
        assert(request->request_id == third);
        assert(request->subscribe->n_kinds == 4);
        assert(!request->subscribe->threads && !request->subscribe->strict);
        taskbroker__v1__client_message__free_unpacked(request, NULL);
        assert(!read_request(&in, pair.broker));

        wrong = subscription;
        wrong.kinds = TB_KIND_BIT(31);
        assert(tb_subscribe(pair.client, &wrong, NULL) == -EINVAL);
        assert(strstr(tb_error_text(pair.client), "no such kinds"));
        wrong = subscription;
        wrong.max_delay_ms = 60001;
        assert(tb_subscribe(pair.client, &wrong, NULL) == -EINVAL);
        assert(strstr(tb_error_text(pair.client), "60001"));
        assert(tb_poll_events(pair.client) == POLLIN);

        free(in.data);
        pair_free(&pair);
}

/* Every field of a request at its largest. */
static void test_largest_request(void) {
        const struct tb_subscription subscription = {
                .kinds = TB_KINDS_ALL,
                .threads = true,
                .strict = true,
                .max_delay_ms = UINT32_MAX,
        };
        uint8_t frame[ENCODE_REQUEST_MAX];

        assert(encode_subscribe(frame, UINT64_MAX, &subscription, NULL, NULL) <= ENCODE_REQUEST_MAX);
        assert(encode_get_status(frame, UINT64_MAX) <= ENCODE_REQUEST_MAX);
}

/* A broker that does not read: requests wait, then are refused, and none is lost or torn. */
static void test_full_socket(void) {
        Taskbroker__V1__ClientMessage *request;
        Pair pair = pair_new();
        Bytes in = bytes_new();
        uint64_t n_asked = 0, n_read = 0, id;
        int size = 1, r;

        setsockopt(tb_fd(pair.client), SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
        for (;;) {
                r = tb_request_status(pair.client, &id);
                if (r < 0)
                        break;
                assert(id == ++n_asked);
                assert(tb_process(pair.client) == 0);
        }
        assert(r == -ENOBUFS);
        assert(strstr(tb_error_text(pair.client), "wait to be sent"));
        assert(tb_poll_events(pair.client) == (POLLIN | POLLOUT));

        while (n_read < n_asked) {
                request = read_request(&in, pair.broker);
                if (!request) {
                        assert(tb_process(pair.client) == 0);
                        continue;
                }
                assert(request->request_id == ++n_read);
                taskbroker__v1__client_message__free_unpacked(request, NULL);
        }
        assert(tb_poll_events(pair.client) == POLLIN);
        assert(tb_request_status(pair.client, &id) == 0);

        free(in.data);
        pair_free(&pair);
}

static void test_connect(void) {
        struct tb_client *client;
        char text[256], path[200];

        assert(tb_connect("/nonexistent/socket", &client) == -ENOENT);
        tb_connect_error_text("/nonexistent/socket", -ENOENT, text, sizeof(text));
        assert(strcmp(text,
                      "No broker listens on /nonexistent/socket: start taskbrokerd (as root), "
                      "or name its socket with --socket or TASKBROKER_SOCKET.") == 0);

        memset(path, 'x', sizeof(path) - 1);
        path[sizeof(path) - 1] = 0;
        assert(tb_connect(path, &client) == -ENAMETOOLONG);
        tb_connect_error_text(path, -ENAMETOOLONG, text, sizeof(text));
        assert(strstr(text, "107"));

        /* A variable of a script that is not set: not another broker than was meant. */
        assert(tb_connect("", &client) == -EINVAL);
        tb_connect_error_text("", -EINVAL, text, sizeof(text));
        assert(strstr(text, "is empty"));

        assert(setenv(TB_SOCKET_ENV, "/nonexistent/named", 1) == 0);
        assert(tb_connect(NULL, &client) == -ENOENT);
        tb_connect_error_text(NULL, -EACCES, text, sizeof(text));
        assert(strstr(text, "You may not connect to /nonexistent/named"));
        assert(setenv(TB_SOCKET_ENV, "", 1) == 0);
        tb_connect_error_text(NULL, -ENOENT, text, sizeof(text));
        assert(strstr(text, TB_SOCKET_PATH));

        assert(!tb_close(NULL));
        assert(tb_connect_fd(-1, &client) == -EBADF);
}

int main(void) {
        test_welcome();
        test_wrong_beginnings();
        test_garbage();
        test_good_then_garbage();
        test_unknown_members();
        test_error_and_end();
        test_error_first();
        test_end();
        test_largest_frame();
        test_bounded();
        test_requests();
        test_largest_request();
        test_full_socket();
        test_connect();
        return 0;
}
