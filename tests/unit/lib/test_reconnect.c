/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/*
 * A client that comes back, to a broker that means it no good. (What it does where
 * the broker is well, test-client-command.c shows.)
 */

#include <poll.h>
#include <sys/un.h>

#include "tests/unit/harness.h"
#include "tests/unit/client_frames.h"

typedef struct Rig Rig;

struct Rig {
        Tree tree;
        int listener;
        int broker;             /* its end of the connection */
        struct tb_client *client;
        Bytes bytes;            /* to be sent */
};

static void rig_accept(Rig *rig) {
        struct pollfd pfd = { .fd = rig->listener, .events = POLLIN };

        /* the client waits a tenth of a second before it tries again */
        while (poll(&pfd, 1, 10) == 0) {
                const struct tb_message *message;

                assert(tb_process(rig->client) == 0);
                while (tb_next(rig->client, &message) > 0)
                        ;
        }
        rig->broker = accept4(rig->listener, NULL, NULL, SOCK_CLOEXEC);
        assert(rig->broker >= 0);
}

static Rig rig_new(void) {
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

static void rig_free(Rig *rig) {
        tb_close(rig->client);
        close(rig->broker);
        close(rig->listener);
        free(rig->bytes.data);
        tree_free(&rig->tree);
}

static void rig_send(Rig *rig) {
        assert(send(rig->broker, rig->bytes.data, rig->bytes.n, MSG_NOSIGNAL) == (ssize_t)rig->bytes.n);
        rig->bytes.n = 0;
}

static void rig_expect(Rig *rig, enum tb_message_type type) {
        const struct tb_message *message;

        assert(tb_process(rig->client) == 0);
        assert(tb_next(rig->client, &message) == 1 && message->type == type);
}

/* A large one, so that few fill the room for what is to be sent. */
static int rig_ask(Rig *rig) {
        static char path[TB_FILTER_CGROUP_BYTES_MAX + 1];
        const char *cgroups[TB_FILTER_CGROUPS_MAX];
        struct tb_subscription subscription = { .filter = { .cgroups = cgroups, .n_cgroups = TB_FILTER_CGROUPS_MAX } };

        memset(path, '/', sizeof(path) - 1);
        for (size_t i = 0; i < TB_FILTER_CGROUPS_MAX; ++i)
                cgroups[i] = path;
        return tb_subscribe(rig->client, &subscription, NULL);
}

static void rig_subscribe(Rig *rig) {
        Taskbroker__V1__ServerMessage message = TASKBROKER__V1__SERVER_MESSAGE__INIT;
        Taskbroker__V1__Subscribed subscribed = TASKBROKER__V1__SUBSCRIBED__INIT;

        assert(rig_ask(rig) == 0);
        subscribed.request_id = 1;
        subscribed.feed = subscribed.next_number = 1;
        message.body_case = TASKBROKER__V1__SERVER_MESSAGE__BODY_SUBSCRIBED;
        message.subscribed = &subscribed;
        bytes_add_welcome(&rig->bytes, 1);
        bytes_add_message(&rig->bytes, &message);
        rig_send(rig);
        rig_expect(rig, TB_MESSAGE_WELCOME);
        rig_expect(rig, TB_MESSAGE_SUBSCRIBED);
}

static void rig_break(Rig *rig) {
        close(rig->broker);
        rig_expect(rig, TB_MESSAGE_LINK);
        rig_accept(rig);
}

/* That there is no going on is an answer to who asked to go on; anyone else was refused. */
static void test_refused_again_and_again(void) {
        const struct tb_message *message;
        Rig rig = rig_new();

        rig_subscribe(&rig);
        rig_break(&rig);
        bytes_add_welcome(&rig.bytes, 1);
        for (uint64_t id = 2; id < 40; ++id) {
                Taskbroker__V1__ServerMessage wire = TASKBROKER__V1__SERVER_MESSAGE__INIT;
                Taskbroker__V1__Error error = TASKBROKER__V1__ERROR__INIT;

                error.request_id = id;
                error.code = TASKBROKER__V1__ERROR_CODE__ERROR_CODE_RESUME_IMPOSSIBLE;
                error.message = (char *)"No.";
                wire.body_case = TASKBROKER__V1__SERVER_MESSAGE__BODY_ERROR;
                wire.error = &error;
                bytes_add_message(&rig.bytes, &wire);
        }
        rig_send(&rig);
        assert(tb_process(rig.client) == 0);
        /* the first answer made it ask anew; the second is for the program, and so are all others */
        assert(tb_next(rig.client, &message) == 1);
        assert(message->type == TB_MESSAGE_ERROR && message->request_id == 3);
        assert(message->error->code == TB_ERROR_RESUME_IMPOSSIBLE);
        for (uint64_t id = 4; id < 40; ++id)
                assert(tb_next(rig.client, &message) == 1 && message->request_id == id);
        assert(tb_next(rig.client, &message) == 0);
        rig_free(&rig);
}

/*
 * Requests that the program made meanwhile leave no room for the subscription: it
 * comes back another time. @n_status: how many it makes at most, before a large one.
 */
static int come_back_without_room(int n_status) {
        const struct tb_message *message;
        Rig rig = rig_new();
        int n = 0;

        rig_subscribe(&rig);
        rig_break(&rig);
        bytes_add_welcome(&rig.bytes, 1);
        rig_send(&rig);
        assert(tb_process(rig.client) == 0);
        while (n < n_status && tb_request_status(rig.client, NULL) == 0)
                ++n;
        if (n == n_status) {
                assert(rig_ask(&rig) == 0 && rig_ask(&rig) == -ENOBUFS);
                assert(tb_next(rig.client, &message) == 0);
                close(rig.broker);
                rig_accept(&rig);
        }
        rig_free(&rig);
        return n;
}

static void test_no_room(void) {
        int n_room = come_back_without_room(INT32_MAX);

        assert(come_back_without_room(n_room - 1) == n_room - 1);
}

static void bytes_add_refusal(Bytes *bytes, uint64_t request_id) {
        Taskbroker__V1__ServerMessage wire = TASKBROKER__V1__SERVER_MESSAGE__INIT;
        Taskbroker__V1__Error error = TASKBROKER__V1__ERROR__INIT;

        error.request_id = request_id;
        error.code = TASKBROKER__V1__ERROR_CODE__ERROR_CODE_ALREADY_SUBSCRIBED;
        error.message = (char *)"One subscription only.";
        wire.body_case = TASKBROKER__V1__SERVER_MESSAGE__BODY_ERROR;
        wire.error = &error;
        bytes_add_message(bytes, &wire);
}

static void bytes_add_subscribed(Bytes *bytes, uint64_t request_id) {
        Taskbroker__V1__ServerMessage message = TASKBROKER__V1__SERVER_MESSAGE__INIT;
        Taskbroker__V1__Subscribed subscribed = TASKBROKER__V1__SUBSCRIBED__INIT;

        subscribed.request_id = request_id;
        subscribed.feed = subscribed.next_number = 1;
        message.body_case = TASKBROKER__V1__SERVER_MESSAGE__BODY_SUBSCRIBED;
        message.subscribed = &subscribed;
        bytes_add_message(bytes, &message);
}

/* Reads requests until a Subscribe or a Sample. */
static Taskbroker__V1__ClientMessage *rig_read_subscription(Rig *rig) {
        static uint8_t bytes[256 * 1024];
        size_t n = 0, n_prefix, n_message;

        for (;;) {
                Taskbroker__V1__ClientMessage *message;
                ssize_t n_read;

                assert(tb_process(rig->client) == 0);
                if (frame_parse(bytes, n, sizeof(bytes), &n_prefix, &n_message) == 0) {
                        message = taskbroker__v1__client_message__unpack(NULL, n_message, bytes + n_prefix);
                        assert(message);
                        n -= n_prefix + n_message;
                        memmove(bytes, bytes + n_prefix + n_message, n);
                        if (message->body_case == TASKBROKER__V1__CLIENT_MESSAGE__BODY_SUBSCRIBE ||
                            message->body_case == TASKBROKER__V1__CLIENT_MESSAGE__BODY_SAMPLE)
                                return message;
                        taskbroker__v1__client_message__free_unpacked(message, NULL);
                        continue;
                }
                n_read = recv(rig->broker, bytes + n, sizeof(bytes) - n, MSG_DONTWAIT);
                assert(n_read > 0 || (n_read < 0 && errno == EAGAIN));
                n += n_read > 0 ? (size_t)n_read : 0;
        }
}

enum { SECOND_REFUSED, SECOND_UNANSWERED, SECOND_ACCEPTED, SECOND_LAST };

/*
 * A program subscribes by pid 11, and asks a second time: by pid 22, or for samples. Then the broker is restarted, and
 * the client makes the subscription again that the broker had accepted.
 */
static void test_second_request(bool samples, int answer) {
        uint32_t first_pid = 11, second_pid = 22;
        struct tb_subscription first = { .filter = { .pids = &first_pid, .n_pids = 1 } };
        struct tb_subscription second = { .filter = { .pids = &second_pid, .n_pids = 1 } };
        struct tb_sampling sampling = { .filter = { .pids = &second_pid, .n_pids = 1 }, .interval_ms = 1000 };
        Taskbroker__V1__ClientMessage *message;
        const struct tb_message *unused;
        Rig rig = rig_new();

        assert(tb_subscribe(rig.client, &first, NULL) == 0);
        bytes_add_welcome(&rig.bytes, 1);
        bytes_add_subscribed(&rig.bytes, 1);
        rig_send(&rig);
        rig_expect(&rig, TB_MESSAGE_WELCOME);
        rig_expect(&rig, TB_MESSAGE_SUBSCRIBED);
        assert(samples ? tb_sample(rig.client, &sampling, NULL) == 0 : tb_subscribe(rig.client, &second, NULL) == 0);
        if (answer == SECOND_REFUSED) {
                bytes_add_refusal(&rig.bytes, 2);
                rig_send(&rig);
                rig_expect(&rig, TB_MESSAGE_ERROR);
        } else if (answer == SECOND_ACCEPTED) {
                bytes_add_subscribed(&rig.bytes, 2);
                rig_send(&rig);
                rig_expect(&rig, TB_MESSAGE_SUBSCRIBED);
        }

        rig_break(&rig);
        bytes_add_welcome(&rig.bytes, 1);
        rig_send(&rig);
        assert(tb_process(rig.client) == 0);
        assert(tb_next(rig.client, &unused) == 0);
        message = rig_read_subscription(&rig);
        assert(message->body_case == TASKBROKER__V1__CLIENT_MESSAGE__BODY_SUBSCRIBE);
        assert(message->subscribe->filter && message->subscribe->filter->n_pids == 1);
        assert(message->subscribe->filter->pids[0] == (answer == SECOND_ACCEPTED ? second_pid : first_pid));
        taskbroker__v1__client_message__free_unpacked(message, NULL);
        rig_free(&rig);
}

int main(void) {
        for (int answer = 0; answer < SECOND_LAST; ++answer)
                test_second_request(false, answer);
        test_second_request(true, SECOND_REFUSED);
        test_second_request(true, SECOND_UNANSWERED);
        test_refused_again_and_again();
        test_no_room();
        return 0;
}
