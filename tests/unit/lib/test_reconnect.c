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

int main(void) {
        test_refused_again_and_again();
        test_no_room();
        return 0;
}
