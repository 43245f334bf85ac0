/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/*
 * Several streams of one client: their numbers, their ends, changes of their filters, and all of it
 * over a connection that breaks.
 */

#include "tests/unit/reconnect_rig.h"

#define PB(name) Taskbroker__V1__##name
#define BODY(name) TASKBROKER__V1__CLIENT_MESSAGE__BODY_##name
#define SERVER_BODY(name) TASKBROKER__V1__SERVER_MESSAGE__BODY_##name

static void bytes_add_event(Bytes *bytes, uint32_t stream, uint64_t number, uint32_t pid) {
        PB(ServerMessage) message = TASKBROKER__V1__SERVER_MESSAGE__INIT;
        PB(EventBatch) batch = TASKBROKER__V1__EVENT_BATCH__INIT;
        PB(Event) event = TASKBROKER__V1__EVENT__INIT, *events[] = { &event };
        PB(Coredump) coredump = TASKBROKER__V1__COREDUMP__INIT;

        event.pid = event.tid = pid;
        event.kind_case = TASKBROKER__V1__EVENT__KIND_COREDUMP;
        event.coredump = &coredump;
        batch.first_number = number;
        batch.events = events;
        batch.n_events = 1;
        message.stream = stream;
        message.body_case = SERVER_BODY(EVENT_BATCH);
        message.event_batch = &batch;
        bytes_add_message(bytes, &message);
}

static void bytes_add_restarted(Bytes *bytes, uint64_t request_id, uint32_t stream, uint64_t feed, uint64_t next) {
        PB(ServerMessage) message = TASKBROKER__V1__SERVER_MESSAGE__INIT;
        PB(Restarted) restarted = TASKBROKER__V1__RESTARTED__INIT;

        restarted.request_id = request_id;
        restarted.feed = feed;
        restarted.next_number = next;
        restarted.unsent = 3;
        message.stream = stream;
        message.body_case = SERVER_BODY(RESTARTED);
        message.restarted = &restarted;
        bytes_add_message(bytes, &message);
}

static void bytes_add_unsubscribed(Bytes *bytes, uint64_t request_id, uint32_t stream) {
        PB(ServerMessage) message = TASKBROKER__V1__SERVER_MESSAGE__INIT;
        PB(Unsubscribed) unsubscribed = TASKBROKER__V1__UNSUBSCRIBED__INIT;

        unsubscribed.request_id = request_id;
        message.stream = stream;
        message.body_case = SERVER_BODY(UNSUBSCRIBED);
        message.unsubscribed = &unsubscribed;
        bytes_add_message(bytes, &message);
}

static void bytes_add_snapshot_end(Bytes *bytes, uint32_t stream) {
        PB(ServerMessage) message = TASKBROKER__V1__SERVER_MESSAGE__INIT;
        PB(SnapshotEnd) end = TASKBROKER__V1__SNAPSHOT_END__INIT;

        message.stream = stream;
        message.body_case = SERVER_BODY(SNAPSHOT_END);
        message.snapshot_end = &end;
        bytes_add_message(bytes, &message);
}

/* A part of a sample with one task, or a SampleLoss of one sample. */
static void bytes_add_sample(Bytes *bytes, uint32_t stream, uint64_t number, uint32_t pid, bool last) {
        PB(ServerMessage) message = TASKBROKER__V1__SERVER_MESSAGE__INIT;
        PB(SamplePart) batch = TASKBROKER__V1__SAMPLE_PART__INIT;
        PB(TaskSample) task = TASKBROKER__V1__TASK_SAMPLE__INIT, *tasks[] = { &task };

        task.pid = task.tid = pid;
        batch.number = number;
        batch.samples = tasks;
        batch.n_samples = 1;
        batch.last = last;
        message.stream = stream;
        message.body_case = SERVER_BODY(SAMPLE_PART);
        message.sample_part = &batch;
        bytes_add_message(bytes, &message);
}

static void bytes_add_sample_loss(Bytes *bytes, uint32_t stream) {
        PB(ServerMessage) message = TASKBROKER__V1__SERVER_MESSAGE__INIT;
        PB(SampleLoss) loss = TASKBROKER__V1__SAMPLE_LOSS__INIT;

        loss.count = 1;
        message.stream = stream;
        message.body_case = SERVER_BODY(SAMPLE_LOSS);
        message.sample_loss = &loss;
        bytes_add_message(bytes, &message);
}

/* The next message: its type, and its stream. */
static const struct tb_message *expect(Rig *rig, enum tb_message_type type, uint32_t stream) {
        const struct tb_message *message;

        if (tb_next(rig->client, &message) == 0) {
                assert(tb_process(rig->client) == 0);
                assert(tb_next(rig->client, &message) == 1);
        }
        assert(message->type == type && message->stream == stream);
        return message;
}

static void expect_nothing(Rig *rig) {
        const struct tb_message *message;

        assert(tb_process(rig->client) == 0 && tb_next(rig->client, &message) == 0);
}

static void expect_link(Rig *rig, enum tb_link_state state, uint32_t stream) {
        const struct tb_message *message = expect(rig, TB_MESSAGE_LINK, stream);

        assert(message->link->state == state && message->link->lost_time_ns > 0);
        assert((message->link->reason[0] != 0) == (state != TB_LINK_RESUMED));
}

static PB(ClientMessage) *expect_request(Rig *rig, int body_case) {
        PB(ClientMessage) *request = rig_read(rig);

        assert((int)request->body_case == body_case);
        return request;
}

/* The next request, which no test looks into. Return: its id. */
static uint64_t expect_id(Rig *rig, int body_case) {
        PB(ClientMessage) *request = expect_request(rig, body_case);
        uint64_t id = request->request_id;

        taskbroker__v1__client_message__free_unpacked(request, NULL);
        return id;
}

static void expect_violation(Rig *rig) {
        const struct tb_message *message;

        rig_send(rig);
        assert(tb_process(rig->client) == 0);
        assert(tb_next(rig->client, &message) == -EPROTO && tb_process(rig->client) == -EPROTO);
        assert(strstr(tb_error_text(rig->client), "stream"));
}

/* Stream 1: events of process 11. Stream 2: samples. The broker numbers them so, too. */
static Rig rig_with_two(bool snapshot) {
        uint32_t pid = 11;
        struct tb_subscription subscription = { .snapshot = snapshot, .filter = { .pids = &pid, .n_pids = 1 } };
        struct tb_sampling sampling = { .interval_ms = 1000 };
        Rig rig = rig_new();

        assert(tb_subscribe(rig.client, &subscription, NULL) == 0 && tb_sample(rig.client, &sampling, NULL) == 0);
        bytes_add_welcome(&rig.bytes, 1);
        bytes_add_subscribed(&rig.bytes, 1, 1, false, NULL);
        bytes_add_sampling(&rig.bytes, 2, 2, NULL);
        rig_send(&rig);
        expect(&rig, TB_MESSAGE_WELCOME, 0);
        expect(&rig, TB_MESSAGE_SUBSCRIBED, 1);
        expect(&rig, TB_MESSAGE_SAMPLING, 2);
        expect_id(&rig, BODY(SUBSCRIBE));
        expect_id(&rig, BODY(SUBSCRIBE_SAMPLES));
        return rig;
}

/* Connects again; both streams are asked for. Return: the id of the first request. */
static uint64_t rig_come_back(Rig *rig) {
        uint64_t id;

        rig_break(rig);
        bytes_add_welcome(&rig->bytes, 1);
        rig_send(rig);
        expect_nothing(rig);
        id = expect_id(rig, BODY(SUBSCRIBE));
        assert(expect_id(rig, BODY(SUBSCRIBE_SAMPLES)) == id + 1);
        return id;
}

/* Parts of two streams take turns. A loss, the number of the first sample and the counts belong to one stream. */
static void test_samples_in_turns(void) {
        const struct tb_sample *sample;
        struct tb_sampling sampling = { .interval_ms = 1000 };
        Rig rig = rig_with_two(false);

        assert(tb_sample(rig.client, &sampling, NULL) == 0);
        bytes_add_sampling(&rig.bytes, 3, 3, NULL);
        bytes_add_sample(&rig.bytes, 2, 40, 100, false);
        bytes_add_sample(&rig.bytes, 3, 70, 200, false);
        bytes_add_sample(&rig.bytes, 2, 40, 101, true);
        bytes_add_sample(&rig.bytes, 3, 70, 201, false);
        bytes_add_sample_loss(&rig.bytes, 2);
        bytes_add_sample(&rig.bytes, 3, 70, 202, true);
        bytes_add_sample(&rig.bytes, 2, 42, 102, true);
        rig_send(&rig);
        expect(&rig, TB_MESSAGE_SAMPLING, 3);
        assert(expect(&rig, TB_MESSAGE_TASK_SAMPLE, 2)->task_sample->pid == 100);
        assert(expect(&rig, TB_MESSAGE_TASK_SAMPLE, 3)->task_sample->pid == 200);
        assert(expect(&rig, TB_MESSAGE_TASK_SAMPLE, 2)->task_sample->pid == 101);
        sample = expect(&rig, TB_MESSAGE_SAMPLE, 2)->sample;
        assert(sample->number == 1 && sample->tasks == 2 && sample->samples_lost == 0);
        assert(expect(&rig, TB_MESSAGE_TASK_SAMPLE, 3)->task_sample->pid == 201);
        assert(expect(&rig, TB_MESSAGE_TASK_SAMPLE, 3)->task_sample->pid == 202);
        sample = expect(&rig, TB_MESSAGE_SAMPLE, 3)->sample;
        assert(sample->number == 1 && sample->tasks == 3 && sample->samples_lost == 0);
        assert(expect(&rig, TB_MESSAGE_TASK_SAMPLE, 2)->task_sample->pid == 102);
        sample = expect(&rig, TB_MESSAGE_SAMPLE, 2)->sample;
        assert(sample->number == 3 && sample->tasks == 1 && sample->samples_lost == 1);
        rig_free(&rig);
}

/* A stream keeps its number over a reconnect, at which the broker gives another one. It goes on at its own place. */
static void test_numbers(void) {
        PB(ClientMessage) *request;
        const struct tb_message *message;
        Rig rig = rig_with_two(false);

        bytes_add_event(&rig.bytes, 1, 1, 100);
        rig_send(&rig);
        expect(&rig, TB_MESSAGE_EVENT, 1);
        rig_break(&rig);
        bytes_add_welcome(&rig.bytes, 1);
        rig_send(&rig);
        expect_nothing(&rig);
        request = expect_request(&rig, BODY(SUBSCRIBE));
        assert(request->subscribe->resume && request->subscribe->resume->next_number == 2);
        taskbroker__v1__client_message__free_unpacked(request, NULL);
        assert(expect_id(&rig, BODY(SUBSCRIBE_SAMPLES)) == 4);

        bytes_add_sampling(&rig.bytes, 4, 1, NULL);
        bytes_add_sample(&rig.bytes, 1, 9, 100, true);
        bytes_add_subscribed(&rig.bytes, 3, 2, true, NULL);
        bytes_add_event(&rig.bytes, 2, 2, 100);
        rig_send(&rig);
        expect_link(&rig, TB_LINK_RESTARTED, 2);
        message = expect(&rig, TB_MESSAGE_SAMPLING, 2);
        assert(message->request_id == 2);
        expect(&rig, TB_MESSAGE_TASK_SAMPLE, 2);
        expect(&rig, TB_MESSAGE_SAMPLE, 2);
        expect_link(&rig, TB_LINK_RESUMED, 1);
        expect(&rig, TB_MESSAGE_EVENT, 1);

        /* the number of a stream that has ended is not used again */
        assert(tb_unsubscribe(rig.client, 2, NULL) == 0);
        assert(tb_subscribe(rig.client, NULL, NULL) == 0);
        bytes_add_unsubscribed(&rig.bytes, expect_id(&rig, BODY(UNSUBSCRIBE)), 1);
        bytes_add_subscribed(&rig.bytes, expect_id(&rig, BODY(SUBSCRIBE)), 3, false, NULL);
        rig_send(&rig);
        expect(&rig, TB_MESSAGE_UNSUBSCRIBED, 2);
        expect(&rig, TB_MESSAGE_SUBSCRIBED, 3);
        rig_free(&rig);
}

/* A stream that is refused at a reconnect ends. One that finds no room is asked for later. The others go on. */
static void test_refused_at_a_reconnect(bool for_ever) {
        Rig rig = rig_with_two(false);
        uint64_t id = rig_come_back(&rig);

        bytes_add_refusal(&rig.bytes, id, 0,
                          for_ever ? TASKBROKER__V1__ERROR_CODE__ERROR_CODE_BAD_VALUE
                                   : TASKBROKER__V1__ERROR_CODE__ERROR_CODE_QUOTA);
        bytes_add_sampling(&rig.bytes, id + 1, 1, NULL);
        rig_send(&rig);
        if (for_ever)
                assert(expect(&rig, TB_MESSAGE_ERROR, 1)->request_id == 1);
        expect_link(&rig, TB_LINK_RESTARTED, 2);
        expect(&rig, TB_MESSAGE_SAMPLING, 2);
        expect_nothing(&rig);
        if (!for_ever) {
                bytes_add_subscribed(&rig.bytes, expect_id(&rig, BODY(SUBSCRIBE)), 2, true, NULL);
                rig_send(&rig);
                expect_link(&rig, TB_LINK_RESUMED, 1);
        }
        assert(tb_get_snapshot(rig.client, 1, NULL) == (for_ever ? -ENOENT : 0));
        assert(tb_get_snapshot(rig.client, 2, NULL) == -EINVAL);
        rig_free(&rig);
}

/* An Error that has the number of a stream ends that stream alone. */
static void test_error_of_a_stream(void) {
        Rig rig = rig_with_two(false);

        assert(tb_get_snapshot(rig.client, 1, NULL) == 0);
        bytes_add_refusal(&rig.bytes, 0, 1, TASKBROKER__V1__ERROR_CODE__ERROR_CODE_LIMIT);
        bytes_add_refusal(&rig.bytes, 3, 0, TASKBROKER__V1__ERROR_CODE__ERROR_CODE_BAD_VALUE);
        bytes_add_sample(&rig.bytes, 2, 1, 100, true);
        rig_send(&rig);
        assert(!expect(&rig, TB_MESSAGE_ERROR, 1)->error->closing);
        assert(expect(&rig, TB_MESSAGE_ERROR, 0)->request_id == 3);
        expect(&rig, TB_MESSAGE_TASK_SAMPLE, 2);
        expect(&rig, TB_MESSAGE_SAMPLE, 2);
        assert(tb_unsubscribe(rig.client, 1, NULL) == -ENOENT);
        assert(strstr(tb_error_text(rig.client), "no stream 1"));

        rig_break(&rig);
        bytes_add_welcome(&rig.bytes, 1);
        rig_send(&rig);
        expect_nothing(&rig);
        expect_id(&rig, BODY(SUBSCRIBE_SAMPLES));
        rig_free(&rig);
}

/* Asks for the filter by this pid, from memory that is gone afterwards. */
static void change_filter(Rig *rig, uint32_t pid) {
        char comm[] = "a*";
        const char *comms[] = { comm };
        struct tb_filter filter = { .pids = &pid, .n_pids = 1, .comms = comms, .n_comms = 1 };

        assert(tb_change_filter(rig->client, 1, &filter, NULL) == 0);
        memset(comm, 'x', sizeof(comm));
        pid = 0;
        comms[0] = NULL;
}

static void check_filter(const PB(Filter) * filter, uint32_t pid) {
        assert(filter && filter->n_pids == 1 && filter->pids[0] == pid);
        assert(pid == 11 || (filter->n_comms == 1 && memcmp(filter->comms[0].data, "a*", 2) == 0));
}

static void expect_change(Rig *rig, uint64_t id, uint32_t stream, uint32_t pid) {
        PB(ClientMessage) *request = expect_request(rig, BODY(CHANGE_FILTER));

        assert(request->request_id == id && request->change_filter->stream == stream);
        check_filter(request->change_filter->filter, pid);
        taskbroker__v1__client_message__free_unpacked(request, NULL);
}

static void expect_subscribe(Rig *rig, uint32_t pid, uint64_t feed, uint64_t next_number) {
        PB(ClientMessage) *request = expect_request(rig, BODY(SUBSCRIBE));

        check_filter(request->subscribe->filter, pid);
        assert(!request->subscribe->resume == !feed);
        if (feed)
                assert(request->subscribe->resume->feed == feed &&
                       request->subscribe->resume->next_number == next_number);
        taskbroker__v1__client_message__free_unpacked(request, NULL);
}

/* The stream has the filter of the last change that the broker accepted, also on the next connection. */
static void test_change_filter(bool snapshot) {
        const struct tb_restarted *restarted;
        Rig rig = rig_with_two(snapshot);

        change_filter(&rig, 22);
        change_filter(&rig, 33);
        expect_change(&rig, 3, 1, 22);
        expect_change(&rig, 4, 1, 33);
        bytes_add_event(&rig.bytes, 1, 1, 100);
        bytes_add_restarted(&rig.bytes, 3, 1, 7, 50);
        bytes_add_refusal(&rig.bytes, 4, 0, TASKBROKER__V1__ERROR_CODE__ERROR_CODE_QUOTA);
        rig_send(&rig);
        expect(&rig, TB_MESSAGE_EVENT, 1);
        restarted = expect(&rig, TB_MESSAGE_RESTARTED, 1)->restarted;
        assert(restarted->feed == 7 && restarted->next_number == 50 && restarted->unsent == 3);
        assert(expect(&rig, TB_MESSAGE_ERROR, 0)->request_id == 4);

        /* a snapshot that is not complete cannot be continued */
        rig_break(&rig);
        bytes_add_welcome(&rig.bytes, 1);
        rig_send(&rig);
        expect_nothing(&rig);
        expect_subscribe(&rig, 22, snapshot ? 0 : 7, 50);
        rig_free(&rig);
}

/*
 * The connection breaks before the answer. The stream comes back as it was, and then the change is made. @when: the
 * change is asked for before the break, while there is no connection, or before the stream is back.
 */
static void test_change_at_a_break(int when) {
        Rig rig = rig_with_two(false);
        uint64_t change = when == 2 ? 5 : 3, id = when == 2 ? 3 : 4;

        if (when == 0) {
                change_filter(&rig, 22);
                expect_change(&rig, 3, 1, 22);
        }
        close(rig.broker);
        rig_expect(&rig, TB_MESSAGE_LINK);
        if (when == 1)
                change_filter(&rig, 22);
        rig_accept(&rig);
        bytes_add_welcome(&rig.bytes, 1);
        rig_send(&rig);
        expect_nothing(&rig);
        if (when == 2)
                change_filter(&rig, 22);
        expect_subscribe(&rig, 11, 1, 1);
        assert(expect_id(&rig, BODY(SUBSCRIBE_SAMPLES)) == id + 1);

        bytes_add_sampling(&rig.bytes, id + 1, 1, NULL);
        bytes_add_subscribed(&rig.bytes, id, 2, true, NULL);
        rig_send(&rig);
        expect_link(&rig, TB_LINK_RESTARTED, 2);
        expect(&rig, TB_MESSAGE_SAMPLING, 2);
        expect_link(&rig, TB_LINK_RESUMED, 1);
        expect_change(&rig, change, 2, 22);
        bytes_add_restarted(&rig.bytes, change, 2, 8, 1);
        rig_send(&rig);
        assert(expect(&rig, TB_MESSAGE_RESTARTED, 1)->request_id == change);
        rig_free(&rig);
}

/* A stream that the program has ended does not come back. Its end is reported, whether or not the broker knows it. */
static void test_end_at_a_break(bool before) {
        Rig rig = rig_with_two(false);
        struct pollfd pfd;

        if (before)
                assert(tb_unsubscribe(rig.client, 1, NULL) == 0);
        close(rig.broker);
        rig_expect(&rig, TB_MESSAGE_LINK);
        if (!before)
                assert(tb_unsubscribe(rig.client, 1, NULL) == 0);
        pfd = (struct pollfd){ .fd = tb_fd(rig.client), .events = tb_poll_events(rig.client) };
        assert(poll(&pfd, 1, -1) == 1);
        assert(expect(&rig, TB_MESSAGE_UNSUBSCRIBED, 1)->request_id == 3);
        rig_accept(&rig);
        bytes_add_welcome(&rig.bytes, 1);
        rig_send(&rig);
        expect_nothing(&rig);
        bytes_add_sampling(&rig.bytes, expect_id(&rig, BODY(SUBSCRIBE_SAMPLES)), 1, NULL);
        rig_send(&rig);
        expect_link(&rig, TB_LINK_RESTARTED, 2);
        rig_free(&rig);
}

/* With no stream to bring back, the connection itself is reported. */
static void test_back_without_streams(void) {
        Rig rig = rig_with_two(false);

        assert(tb_unsubscribe(rig.client, 1, NULL) == 0 && tb_unsubscribe(rig.client, 2, NULL) == 0);
        close(rig.broker);
        rig_expect(&rig, TB_MESSAGE_LINK);
        expect(&rig, TB_MESSAGE_UNSUBSCRIBED, 1);
        expect(&rig, TB_MESSAGE_UNSUBSCRIBED, 2);
        rig_accept(&rig);
        bytes_add_welcome(&rig.bytes, 1);
        rig_send(&rig);
        expect_link(&rig, TB_LINK_RESUMED, 0);
        rig_free(&rig);
}

/* A snapshot that the program asked for, and that was not complete, is asked for again. A complete one is not. */
static void test_snapshot_at_a_break(bool complete) {
        Rig rig = rig_with_two(false);
        uint64_t id;

        assert(tb_get_snapshot(rig.client, 1, NULL) == 0);
        assert(expect_id(&rig, BODY(GET_SNAPSHOT)) == 3);
        bytes_add_restarted(&rig.bytes, 3, 1, 1, 20);
        if (complete)
                bytes_add_snapshot_end(&rig.bytes, 1);
        rig_send(&rig);
        expect(&rig, TB_MESSAGE_RESTARTED, 1);
        if (complete)
                expect(&rig, TB_MESSAGE_SNAPSHOT_END, 1);

        id = rig_come_back(&rig);
        bytes_add_subscribed(&rig.bytes, id, 2, true, NULL);
        bytes_add_sampling(&rig.bytes, id + 1, 1, NULL);
        rig_send(&rig);
        expect_link(&rig, TB_LINK_RESUMED, 1);
        expect_link(&rig, TB_LINK_RESTARTED, 2);
        expect(&rig, TB_MESSAGE_SAMPLING, 2);
        assert(tb_request_status(rig.client, NULL) == 0);
        if (!complete) {
                assert(expect_id(&rig, BODY(GET_SNAPSHOT)) == 3);
                /* twice the same answer: the library must not believe it, nor break */
                bytes_add_restarted(&rig.bytes, 3, 2, 1, 20);
                bytes_add_restarted(&rig.bytes, 3, 2, 1, 20);
                rig_send(&rig);
                expect(&rig, TB_MESSAGE_RESTARTED, 1);
                expect(&rig, TB_MESSAGE_RESTARTED, 1);
        }
        expect_id(&rig, BODY(GET_BROKER_STATUS));
        rig_free(&rig);
}

/* A second loss, while one stream is back and the other is not: each is reported as it was for the program. */
static void test_two_breaks(void) {
        Rig rig = rig_with_two(false);
        uint64_t id = rig_come_back(&rig);

        bytes_add_subscribed(&rig.bytes, id, 1, true, NULL);
        rig_send(&rig);
        expect_link(&rig, TB_LINK_RESUMED, 1);
        id = rig_come_back(&rig);
        bytes_add_sampling(&rig.bytes, id + 1, 5, NULL);
        bytes_add_subscribed(&rig.bytes, id, 6, true, NULL);
        rig_send(&rig);
        expect_link(&rig, TB_LINK_RESTARTED, 2);
        expect(&rig, TB_MESSAGE_SAMPLING, 2);
        expect_link(&rig, TB_LINK_RESUMED, 1);
        expect_nothing(&rig);
        rig_free(&rig);
}

/* A request that is made while the program waits is sent as soon as it waits again. */
static void test_request_wakes(void) {
        Rig rig = rig_with_two(false);
        struct pollfd pfd = { .fd = tb_fd(rig.client), .events = tb_poll_events(rig.client) };

        expect_nothing(&rig);
        assert(poll(&pfd, 1, 0) == 0);
        change_filter(&rig, 22);
        assert(poll(&pfd, 1, 0) == 1);
        expect_change(&rig, 3, 1, 22);
        rig_free(&rig);
}

static void test_limits(void) {
        struct tb_sampling sampling = { .interval_ms = 1000 };
        struct tb_filter of_events = { .nonzero = true };
        uint64_t id;
        Rig rig = rig_with_two(false);

        for (unsigned int i = 2; i < TB_STREAMS_MAX; ++i) {
                assert(tb_sample(rig.client, &sampling, &id) == 0);
                bytes_add_sampling(&rig.bytes, id, i + 1, NULL);
        }
        rig_send(&rig);
        for (unsigned int i = 2; i < TB_STREAMS_MAX; ++i)
                expect(&rig, TB_MESSAGE_SAMPLING, i + 1);
        assert(tb_subscribe(rig.client, NULL, NULL) == -EMFILE);
        assert(strstr(tb_error_text(rig.client), "at most 16 streams"));
        assert(tb_unsubscribe(rig.client, 16, NULL) == 0 && tb_unsubscribe(rig.client, 16, NULL) == -ENOENT);
        assert(tb_subscribe(rig.client, NULL, NULL) == 0);
        assert(tb_sample(rig.client, &sampling, NULL) == -EMFILE);

        assert(tb_unsubscribe(rig.client, 0, NULL) == -ENOENT);
        assert(tb_change_filter(rig.client, 2, &of_events, NULL) == -EINVAL);
        for (int i = 0; i < 16; ++i)
                assert(tb_change_filter(rig.client, 1, i % 2 ? &of_events : NULL, NULL) == 0);
        assert(tb_change_filter(rig.client, 1, NULL, NULL) == -ENOBUFS);
        assert(tb_get_snapshot(rig.client, 1, NULL) == -ENOBUFS);
        assert(tb_unsubscribe(rig.client, 1, NULL) == 0);
        rig_free(&rig);
}

/* Frames of streams that the client does not have. */
static void test_violations(int which) {
        Rig rig = rig_with_two(false);

        switch (which) {
        case 0:
                bytes_add_event(&rig.bytes, 3, 1, 100);
                break;
        case 1:
                bytes_add_subscribed(&rig.bytes, 1, 3, false, NULL);
                break;
        case 2:
                bytes_add_restarted(&rig.bytes, 3, 1, 1, 1);
                break;
        case 3:
                bytes_add_unsubscribed(&rig.bytes, 3, 1);
                break;
        case 4:
                bytes_add_refusal(&rig.bytes, 0, 3, TASKBROKER__V1__ERROR_CODE__ERROR_CODE_LIMIT);
                break;
        case 5:
                /* a number that is in use */
                assert(tb_subscribe(rig.client, NULL, NULL) == 0);
                bytes_add_subscribed(&rig.bytes, 3, 2, false, NULL);
                break;
        default:
                /* the answer of another kind of stream */
                assert(tb_subscribe(rig.client, NULL, NULL) == 0);
                bytes_add_sampling(&rig.bytes, 3, 3, NULL);
                break;
        }
        expect_violation(&rig);
        rig_free(&rig);
}

int main(void) {
        test_samples_in_turns();
        test_numbers();
        test_refused_at_a_reconnect(true);
        test_refused_at_a_reconnect(false);
        test_error_of_a_stream();
        test_change_filter(false);
        test_change_filter(true);
        for (int when = 0; when < 3; ++when)
                test_change_at_a_break(when);
        test_end_at_a_break(false);
        test_end_at_a_break(true);
        test_back_without_streams();
        test_snapshot_at_a_break(false);
        test_snapshot_at_a_break(true);
        test_two_breaks();
        test_request_wakes();
        test_limits();
        for (int which = 0; which < 7; ++which)
                test_violations(which);
        return 0;
}
