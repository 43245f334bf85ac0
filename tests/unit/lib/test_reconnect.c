/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/*
 * A client that comes back, to a broker that means it no good. (What it does where
 * the broker is well, test-client-command.c shows.)
 */

#include "tests/unit/reconnect_rig.h"

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
        assert(rig_ask(rig) == 0);
        bytes_add_welcome(&rig->bytes, 1);
        bytes_add_subscribed(&rig->bytes, 1, 1, false, NULL);
        rig_send(rig);
        rig_expect(rig, TB_MESSAGE_WELCOME);
        rig_expect(rig, TB_MESSAGE_SUBSCRIBED);
}

/* That there is no going on is an answer to who asked to go on; anyone else was refused. */
static void test_refused_again_and_again(void) {
        const struct tb_message *message;
        Rig rig = rig_new();

        rig_subscribe(&rig);
        rig_break(&rig);
        bytes_add_welcome(&rig.bytes, 1);
        for (uint64_t id = 2; id < 40; ++id)
                bytes_add_refusal(&rig.bytes, id, 0, TASKBROKER__V1__ERROR_CODE__ERROR_CODE_RESUME_IMPOSSIBLE);
        rig_send(&rig);
        assert(tb_process(rig.client) == 0);
        /* the first answer made it ask anew; the second ends the stream, and all others are for the program */
        assert(tb_next(rig.client, &message) == 1);
        assert(message->type == TB_MESSAGE_ERROR && message->stream == 1 && message->request_id == 1);
        assert(message->error->code == TB_ERROR_RESUME_IMPOSSIBLE);
        assert(tb_next(rig.client, &message) == 1 && message->type == TB_MESSAGE_LINK && message->stream == 0);
        for (uint64_t id = 4; id < 40; ++id)
                assert(tb_next(rig.client, &message) == 1 && message->request_id == id && message->stream == 0);
        assert(tb_next(rig.client, &message) == 0);
        assert(tb_unsubscribe(rig.client, 1, NULL) == -ENOENT);
        rig_free(&rig);
}

/*
 * Requests that the program made meanwhile leave no room for the subscription: it
 * follows them. @n_status: how many requests the program makes at most.
 */
static int come_back_without_room(int n_status) {
        Taskbroker__V1__ClientMessage *request;
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
        assert(tb_next(rig.client, &message) == 0);
        for (int i = 0; i < n; ++i) {
                request = rig_read(&rig);
                assert(request->body_case == TASKBROKER__V1__CLIENT_MESSAGE__BODY_GET_BROKER_STATUS);
                taskbroker__v1__client_message__free_unpacked(request, NULL);
        }
        request = rig_read(&rig);
        assert(request->body_case == TASKBROKER__V1__CLIENT_MESSAGE__BODY_SUBSCRIBE);
        taskbroker__v1__client_message__free_unpacked(request, NULL);
        rig_free(&rig);
        return n;
}

static void test_no_room(void) {
        int n_room = come_back_without_room(INT32_MAX);

        assert(come_back_without_room(n_room - 1) == n_room - 1);
}

/* The broker reports a task: in an event, or in a sample that answers @request_id. */
static void rig_report(Rig *rig, bool samples, uint64_t request_id, uint32_t pid, uint32_t tid, uint64_t start) {
        Taskbroker__V1__ServerMessage message = TASKBROKER__V1__SERVER_MESSAGE__INIT;
        Taskbroker__V1__EventBatch batch = TASKBROKER__V1__EVENT_BATCH__INIT;
        Taskbroker__V1__SamplePart sample = TASKBROKER__V1__SAMPLE_PART__INIT;
        Taskbroker__V1__TaskStatsReply stats = TASKBROKER__V1__TASK_STATS_REPLY__INIT;
        Taskbroker__V1__Event event = TASKBROKER__V1__EVENT__INIT, *events[] = { &event };
        Taskbroker__V1__TaskSample task = TASKBROKER__V1__TASK_SAMPLE__INIT, *tasks[] = { &task };
        Taskbroker__V1__Coredump coredump = TASKBROKER__V1__COREDUMP__INIT;
        const struct tb_message *unused;

        event.pid = task.pid = pid;
        event.tid = task.tid = tid;
        event.start_boot_ns = task.start_boot_ns = start;
        event.kind_case = TASKBROKER__V1__EVENT__KIND_COREDUMP;
        event.coredump = &coredump;
        batch.first_number = 1;
        batch.events = events;
        sample.samples = stats.samples = tasks;
        batch.n_events = sample.n_samples = stats.n_samples = 1;
        stats.request_id = request_id;
        sample.number = 1;
        message.stream = request_id > 0 ? 0 : 1;
        if (request_id > 0) {
                message.body_case = TASKBROKER__V1__SERVER_MESSAGE__BODY_TASK_STATS_REPLY;
                message.task_stats_reply = &stats;
        } else if (samples) {
                message.body_case = TASKBROKER__V1__SERVER_MESSAGE__BODY_SAMPLE_PART;
                message.sample_part = &sample;
        } else {
                message.body_case = TASKBROKER__V1__SERVER_MESSAGE__BODY_EVENT_BATCH;
                message.event_batch = &batch;
        }
        bytes_add_message(&rig->bytes, &message);
        rig_send(rig);
        rig_expect(rig, samples || request_id > 0 ? TB_MESSAGE_TASK_SAMPLE : TB_MESSAGE_EVENT);
        if (request_id > 0)
                rig_expect(rig, TB_MESSAGE_STATS_END);
        assert(tb_next(rig->client, &unused) == 0);
}

/*
 * A subscription by numbers is made again for the same processes. A number that no process had names the first process
 * that the stream reports with it.
 */
static void test_starts(bool samples, bool answered) {
        uint32_t pids[] = { 11, 12, 13 }, subtrees[] = { 12 };
        uint64_t starts[] = { 110, 0, 0 }, roots[] = { 7 };
        struct tb_filter filter = { .pids = pids, .n_pids = 3, .subtrees = subtrees, .n_subtrees = 1 };
        struct tb_subscription subscription = { .filter = filter };
        struct tb_sampling sampling = { .filter = filter, .interval_ms = 1000 };
        Taskbroker__V1__FilterStarts named = TASKBROKER__V1__FILTER_STARTS__INIT, *again;
        Taskbroker__V1__ClientMessage *message;
        const struct tb_message *unused;
        Rig rig = rig_new();

        named.pids = starts;
        named.n_pids = 3;
        named.subtrees = roots;
        named.n_subtrees = 1;
        assert((samples ? tb_sample(rig.client, &sampling, NULL) : tb_subscribe(rig.client, &subscription, NULL)) == 0);
        bytes_add_welcome(&rig.bytes, 1);
        if (answered && samples)
                bytes_add_sampling(&rig.bytes, 1, 1, &named);
        else if (answered)
                bytes_add_subscribed(&rig.bytes, 1, 1, false, &named);
        rig_send(&rig);
        rig_expect(&rig, TB_MESSAGE_WELCOME);
        if (answered) {
                rig_expect(&rig, samples ? TB_MESSAGE_SAMPLING : TB_MESSAGE_SUBSCRIBED);
                rig_report(&rig, samples, 5, 12, 12, 99);       /* an answer about the number */
                rig_report(&rig, samples, 0, 12, 50, 119);      /* a thread, not the process */
                rig_report(&rig, samples, 0, 12, 12, 120);
                rig_report(&rig, samples, 0, 12, 12, 121);      /* a later process */
                rig_report(&rig, samples, 0, 11, 11, 111);
        }

        rig_break(&rig);
        bytes_add_welcome(&rig.bytes, 1);
        rig_send(&rig);
        assert(tb_process(rig.client) == 0);
        assert(tb_next(rig.client, &unused) == 0);
        message = rig_read_subscription(&rig);
        again = samples ? message->subscribe_samples->starts : message->subscribe->starts;
        assert(!again == !answered);
        if (answered) {
                assert(again->n_pids == 3 && again->n_subtrees == 1);
                assert(again->pids[0] == 110 && again->pids[1] == 120 && again->pids[2] == 0);
                assert(again->subtrees[0] == 7);
        }
        taskbroker__v1__client_message__free_unpacked(message, NULL);
        rig_free(&rig);
}

static void bytes_add_report(Bytes *bytes, Taskbroker__V1__FilterStarts *starts) {
        Taskbroker__V1__ServerMessage message = TASKBROKER__V1__SERVER_MESSAGE__INIT;
        Taskbroker__V1__Named named = TASKBROKER__V1__NAMED__INIT;

        named.starts = starts;
        message.stream = 1;
        message.body_case = TASKBROKER__V1__SERVER_MESSAGE__BODY_NAMED;
        message.named = &named;
        bytes_add_message(bytes, &message);
}

/* A number got its process, of which no event came. The next subscription names that process all the same. */
static void test_named(bool samples) {
        uint32_t pids[] = { 11, 12 };
        uint64_t before[] = { 110, 0 }, after[] = { 110, 125 };
        struct tb_filter filter = { .pids = pids, .n_pids = 2 };
        struct tb_subscription subscription = { .kinds = TB_KIND_BIT(TB_KIND_EXIT), .filter = filter };
        struct tb_sampling sampling = { .filter = filter, .interval_ms = 1000 };
        Taskbroker__V1__FilterStarts named = TASKBROKER__V1__FILTER_STARTS__INIT, *again;
        Taskbroker__V1__ClientMessage *message;
        const struct tb_message *unused;
        Rig rig = rig_new();

        named.pids = before;
        named.n_pids = 2;
        assert((samples ? tb_sample(rig.client, &sampling, NULL) : tb_subscribe(rig.client, &subscription, NULL)) == 0);
        bytes_add_welcome(&rig.bytes, 1);
        if (samples)
                bytes_add_sampling(&rig.bytes, 1, 1, &named);
        else
                bytes_add_subscribed(&rig.bytes, 1, 1, false, &named);
        named.pids = after;
        bytes_add_report(&rig.bytes, &named);
        rig_send(&rig);
        rig_expect(&rig, TB_MESSAGE_WELCOME);
        rig_expect(&rig, samples ? TB_MESSAGE_SAMPLING : TB_MESSAGE_SUBSCRIBED);
        assert(tb_next(rig.client, &unused) == 0);

        rig_break(&rig);
        bytes_add_welcome(&rig.bytes, 1);
        rig_send(&rig);
        assert(tb_process(rig.client) == 0);
        assert(tb_next(rig.client, &unused) == 0);
        message = rig_read_subscription(&rig);
        again = samples ? message->subscribe_samples->starts : message->subscribe->starts;
        assert(again->n_pids == 2 && again->pids[0] == 110 && again->pids[1] == 125);
        taskbroker__v1__client_message__free_unpacked(message, NULL);
        rig_free(&rig);
}

static void bytes_add_quota(Bytes *bytes, uint64_t request_id, bool closing) {
        Taskbroker__V1__ServerMessage wire = TASKBROKER__V1__SERVER_MESSAGE__INIT;
        Taskbroker__V1__Error error = TASKBROKER__V1__ERROR__INIT;

        error.request_id = request_id;
        error.code = TASKBROKER__V1__ERROR_CODE__ERROR_CODE_QUOTA;
        error.message = (char *)"Your user has 256 connections.";
        error.closing = closing;
        wire.body_case = TASKBROKER__V1__SERVER_MESSAGE__BODY_ERROR;
        wire.error = &error;
        bytes_add_message(bytes, &wire);
}

/* Other clients of the user came back first, and took its quota: the client tries again until there is room. */
static void test_quota_at_a_reconnect(void) {
        Taskbroker__V1__ClientMessage *message;
        const struct tb_message *unused;
        Rig rig = rig_new();

        rig_subscribe(&rig);
        rig_break(&rig);
        /* without room for the connection */
        bytes_add_quota(&rig.bytes, 0, true);
        rig_send(&rig);
        close(rig.broker);
        rig_accept(&rig);
        /* without room for the subscription, twice */
        bytes_add_welcome(&rig.bytes, 1);
        bytes_add_quota(&rig.bytes, 2, false);
        rig_send(&rig);
        for (uint64_t id = 2; id <= 4; ++id) {
                assert(tb_process(rig.client) == 0 && tb_next(rig.client, &unused) == 0);
                message = rig_read_subscription(&rig);
                assert(message->body_case == TASKBROKER__V1__CLIENT_MESSAGE__BODY_SUBSCRIBE);
                assert(message->request_id == id);
                taskbroker__v1__client_message__free_unpacked(message, NULL);
                if (id == 3)
                        bytes_add_quota(&rig.bytes, id, false);
                else if (id == 4)
                        bytes_add_subscribed(&rig.bytes, id, 1, true, NULL);
                if (id > 2)
                        rig_send(&rig);
        }
        assert(tb_process(rig.client) == 0);
        assert(tb_next(rig.client, &unused) == 1 && unused->type == TB_MESSAGE_LINK);
        assert(unused->stream == 1 && unused->link->state == TB_LINK_RESUMED);
        rig_free(&rig);
}

/* At the first connection the program gets the refusal, and the client does not try again. */
static void test_quota_at_the_first_connection(void) {
        const struct tb_message *message;
        Rig rig = rig_new();

        bytes_add_quota(&rig.bytes, 0, true);
        rig_send(&rig);
        close(rig.broker);
        assert(tb_process(rig.client) == 0);
        assert(tb_next(rig.client, &message) == 1 && message->type == TB_MESSAGE_ERROR);
        assert(message->error->code == TB_ERROR_QUOTA && message->error->closing);
        assert(tb_process(rig.client) == -EPIPE);
        rig_free(&rig);
}

/* The broker answers and closes before the client reads: the answer is for the program all the same. */
static void test_refused_and_closed(void) {
        Taskbroker__V1__ServerMessage wire = TASKBROKER__V1__SERVER_MESSAGE__INIT;
        Taskbroker__V1__Error error = TASKBROKER__V1__ERROR__INIT;
        const struct tb_message *message;
        Rig rig = rig_new();

        rig_subscribe(&rig);
        rig_break(&rig);
        error.code = TASKBROKER__V1__ERROR_CODE__ERROR_CODE_BAD_VALUE;
        error.message = (char *)"No.";
        error.closing = true;
        wire.body_case = TASKBROKER__V1__SERVER_MESSAGE__BODY_ERROR;
        wire.error = &error;
        bytes_add_welcome(&rig.bytes, 1);
        bytes_add_message(&rig.bytes, &wire);
        rig_send(&rig);
        close(rig.broker);
        assert(tb_process(rig.client) == 0);
        assert(tb_next(rig.client, &message) == 1 && message->type == TB_MESSAGE_ERROR);
        assert(message->error->code == TB_ERROR_BAD_VALUE && message->error->closing);
        assert(tb_process(rig.client) == -EPIPE);
        rig_free(&rig);
}

int main(void) {
        test_named(false);
        test_named(true);
        test_quota_at_a_reconnect();
        test_quota_at_the_first_connection();
        for (int i = 0; i < 4; ++i)
                test_starts(i & 1, i & 2);
        test_refused_again_and_again();
        test_refused_and_closed();
        test_no_room();
        return 0;
}
