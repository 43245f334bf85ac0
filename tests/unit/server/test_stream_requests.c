/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/* Requests about a stream that has begun: it ends, or begins anew with another filter or a snapshot. */

#include "tests/unit/hub_rig.h"
#include "tests/unit/made_stats.h"

#define FIRST 100u
#define N_PROCESSES 8u

static MadeStats kernel;

static Rig *begin(size_t feed_bytes) {
        Rig *rig = rig_new_sized(feed_bytes);

        made_stats_init(&kernel, &rig->join.table);
        rig_add_sampler(rig, &kernel.source);
        rig_add_processes(rig, FIRST, N_PROCESSES);
        for (uint32_t pid = FIRST; pid < FIRST + N_PROCESSES; ++pid)
                kernel.run_ns[pid] = pid;
        return rig;
}

static void end(Rig *rig, Peer *peer) {
        peer_free(peer);
        rig_turn(rig);
        rig_expect_no_clients(rig);
        rig_age(rig, LIMIT_RESUME_SECONDS + 2);
        for (int kind = 0; kind < _QUOTA_HELD; ++kind)
                assert(rig_used(rig, kind) == 0);
        rig_free(rig);
}

static void ask(const Peer *peer, const PB(ClientMessage) *message) {
        uint8_t frame[1024];

        peer_send(peer, frame, request_pack(frame, message));
}

/* Subscribes to changes of names; @pid: only of this process, if it is not 0. */
static void ask_subscribe(const Peer *peer, bool snapshot, uint32_t pid) {
        PB(EventKind) kind = TASKBROKER__V1__EVENT_KIND__EVENT_KIND_COMM_CHANGE;
        PB(Subscribe) subscribe = TASKBROKER__V1__SUBSCRIBE__INIT;
        PB(Filter) filter = TASKBROKER__V1__FILTER__INIT;

        filter.pids = &pid;
        filter.n_pids = 1;
        subscribe.filter = pid ? &filter : NULL;
        subscribe.kinds = &kind;
        subscribe.n_kinds = 1;
        subscribe.snapshot = snapshot;
        peer_ask_for(peer, 7, &subscribe);
}

static void ask_unsubscribe(const Peer *peer, uint32_t stream) {
        PB(ClientMessage) message = TASKBROKER__V1__CLIENT_MESSAGE__INIT;
        PB(Unsubscribe) unsubscribe = TASKBROKER__V1__UNSUBSCRIBE__INIT;

        unsubscribe.stream = stream;
        message.request_id = 70;
        message.body_case = TASKBROKER__V1__CLIENT_MESSAGE__BODY_UNSUBSCRIBE;
        message.unsubscribe = &unsubscribe;
        ask(peer, &message);
}

static void ask_snapshot(const Peer *peer, uint32_t stream) {
        PB(ClientMessage) message = TASKBROKER__V1__CLIENT_MESSAGE__INIT;
        PB(GetSnapshot) get_snapshot = TASKBROKER__V1__GET_SNAPSHOT__INIT;

        get_snapshot.stream = stream;
        message.request_id = 71;
        message.body_case = TASKBROKER__V1__CLIENT_MESSAGE__BODY_GET_SNAPSHOT;
        message.get_snapshot = &get_snapshot;
        ask(peer, &message);
}

static void ask_filter(const Peer *peer, uint32_t stream, PB(Filter) *filter) {
        PB(ClientMessage) message = TASKBROKER__V1__CLIENT_MESSAGE__INIT;
        PB(ChangeFilter) change_filter = TASKBROKER__V1__CHANGE_FILTER__INIT;

        change_filter.stream = stream;
        change_filter.filter = filter;
        message.request_id = 72;
        message.body_case = TASKBROKER__V1__CLIENT_MESSAGE__BODY_CHANGE_FILTER;
        message.change_filter = &change_filter;
        ask(peer, &message);
}

static void ask_pid(const Peer *peer, uint32_t stream, uint32_t pid) {
        PB(Filter) filter = TASKBROKER__V1__FILTER__INIT;

        filter.pids = &pid;
        filter.n_pids = 1;
        ask_filter(peer, stream, &filter);
}

static void ask_sample(const Peer *peer) {
        PB(ClientMessage) message = TASKBROKER__V1__CLIENT_MESSAGE__INIT;
        PB(SubscribeSamples) sample = TASKBROKER__V1__SUBSCRIBE_SAMPLES__INIT;

        sample.interval_ms = LIMIT_SAMPLE_MS_MAX;
        message.body_case = TASKBROKER__V1__CLIENT_MESSAGE__BODY_SUBSCRIBE_SAMPLES;
        message.subscribe_samples = &sample;
        ask(peer, &message);
}

static uint32_t expect_stream(Rig *rig, Peer *peer, PB(ServerMessage__BodyCase) body) {
        PB(ServerMessage) *message = peer_expect(rig, peer, body);
        uint32_t stream = message->stream;

        message_free(message);
        return stream;
}

#define EXPECT_STREAM(rig, peer, BODY) expect_stream((rig), (peer), TASKBROKER__V1__SERVER_MESSAGE__BODY_##BODY)

static void rename_task(Rig *rig, uint32_t pid) {
        Event event = { .kind = EVENT_COMM, .pid = pid, .tid = pid, .comm = "0123456789abcde" };

        rig_publish_event(rig, &event);
}

/* The next frame is a batch of a stream with one event of a process. */
static void expect_event(Rig *rig, Peer *peer, uint32_t stream, uint64_t number, uint32_t pid) {
        PB(ServerMessage) *message = peer_expect_body(rig, peer, EVENT_BATCH);

        assert(message->stream == stream && message->event_batch->n_events == 1);
        assert(message->event_batch->first_number == number && message->event_batch->events[0]->pid == pid);
        message_free(message);
}

/* A snapshot of one process comes, or of all (@pid 0). */
static void expect_snapshot(Rig *rig, Peer *peer, uint32_t stream, uint64_t number, uint32_t pid) {
        PB(ServerMessage) *message = peer_expect_body(rig, peer, SNAPSHOT_PART);

        assert(message->stream == stream);
        assert(message->snapshot_part->n_tasks == (pid ? 1 : N_PROCESSES));
        assert(!pid || message->snapshot_part->tasks[0]->pid == pid);
        message_free(message);
        message = peer_expect_body(rig, peer, SNAPSHOT_END);
        assert(message->stream == stream && message->snapshot_end->number == number);
        message_free(message);
}

static void test_unsubscribe(void) {
        Rig *rig = begin(0);
        Peer peer = peer_new_welcomed(rig, 0);

        for (uint32_t i = 1; i <= 2; ++i) {
                ask_subscribe(&peer, false, 0);
                assert(EXPECT_STREAM(rig, &peer, SUBSCRIBED) == i);
        }
        rename_task(rig, FIRST);
        ask_unsubscribe(&peer, 1);
        rig_turn(rig);
        assert(EXPECT_STREAM(rig, &peer, UNSUBSCRIBED) == 1);
        expect_event(rig, &peer, 2, 1, FIRST);
        rename_task(rig, FIRST);
        expect_event(rig, &peer, 2, 2, FIRST);
        assert(rig_status(rig).subscribers == 1);

        ask_unsubscribe(&peer, 1);
        peer_expect_error_of(rig, &peer, ERROR_BAD_VALUE, false, "unsubscribe.stream");
        ask_unsubscribe(&peer, 0);
        peer_expect_error_of(rig, &peer, ERROR_BAD_VALUE, false, "unsubscribe.stream");
        ask_snapshot(&peer, 1);
        peer_expect_error_of(rig, &peer, ERROR_BAD_VALUE, false, "get_snapshot.stream");
        ask_pid(&peer, 3, FIRST);
        peer_expect_error_of(rig, &peer, ERROR_BAD_VALUE, false, "change_filter.stream");

        /* its number is not used again, and its place is free */
        for (uint32_t i = 3; i <= LIMIT_STREAMS + 1; ++i) {
                ask_subscribe(&peer, false, 0);
                assert(EXPECT_STREAM(rig, &peer, SUBSCRIBED) == i);
        }
        ask_subscribe(&peer, false, 0);
        peer_expect_error(rig, &peer, ERROR_LIMIT, false);
        end(rig, &peer);
}

/* The stream ends, or begins anew, within a frame that is partly sent: the frame is completed, and no other comes. */
static void test_within_frame(void) {
        for (int change = 0; change < 3; ++change)
                for (size_t n_read = 0; n_read < 4000; n_read += 97) {
                        Rig *rig = begin(0);
                        Peer peer = peer_new_welcomed(rig, 4096);
                        uint64_t n_received = 0, n_unsent = 0;
                        bool ended = false;
                        PB(ServerMessage) *message;

                        ask_subscribe(&peer, false, 0);
                        (void)EXPECT_STREAM(rig, &peer, SUBSCRIBED);
                        for (size_t i = 0; i < 300; ++i) {
                                rename_task(rig, FIRST);
                                if (i % 100 == 99)
                                        rig_turn(rig);
                        }
                        peer_receive(&peer, n_read);
                        rig_turn(rig);
                        if (change == 0)
                                ask_unsubscribe(&peer, 1);
                        else if (change == 1)
                                ask_pid(&peer, 1, FIRST + 1);
                        else
                                ask_snapshot(&peer, 1);
                        peer_receive_all(rig, &peer);
                        while ((message = peer_take(&peer))) {
                                assert(message->stream == 1);
                                if (message->body_case == TASKBROKER__V1__SERVER_MESSAGE__BODY_EVENT_BATCH) {
                                        assert(!ended);
                                        n_received += message->event_batch->n_events;
                                } else if (message->body_case == TASKBROKER__V1__SERVER_MESSAGE__BODY_RESTARTED) {
                                        n_unsent = message->restarted->unsent;
                                }
                                ended |= message->body_case != TASKBROKER__V1__SERVER_MESSAGE__BODY_EVENT_BATCH;
                                message_free(message);
                        }
                        assert(ended && peer.n == peer.n_taken);
                        assert(change == 0 || n_received + n_unsent == 300);
                        end(rig, &peer);
                }
}

/* The stream with a snapshot begins anew with a snapshot of the new set, whose events follow. */
static void test_change_with_snapshot(void) {
        Rig *rig = begin(0);
        Peer peer = peer_new_welcomed(rig, 0);
        PB(ServerMessage) *message;
        uint64_t feed;

        ask_subscribe(&peer, true, FIRST);
        message = peer_expect_body(rig, &peer, SUBSCRIBED);
        feed = message->subscribed->feed;
        message_free(message);
        expect_snapshot(rig, &peer, 1, 0, FIRST);
        rename_task(rig, FIRST);
        expect_event(rig, &peer, 1, 1, FIRST);

        ask_pid(&peer, 1, FIRST + 1);
        message = peer_expect_body(rig, &peer, RESTARTED);
        assert(message->stream == 1 && message->restarted->request_id == 72 && message->restarted->feed != feed);
        assert(message->restarted->next_number == 1 && message->restarted->unsent == 0);
        assert(message->restarted->starts->n_pids == 1);
        message_free(message);
        expect_snapshot(rig, &peer, 1, 0, FIRST + 1);
        rename_task(rig, FIRST);
        rename_task(rig, FIRST + 1);
        expect_event(rig, &peer, 1, 1, FIRST + 1);

        /* the whole machine; and a former filter, whose feed is still there */
        ask_filter(&peer, 1, NULL);
        assert(EXPECT_STREAM(rig, &peer, RESTARTED) == 1);
        expect_snapshot(rig, &peer, 1, 0, 0);
        rig_age_snapshots(rig);
        ask_pid(&peer, 1, FIRST);
        message = peer_expect_body(rig, &peer, RESTARTED);
        assert(message->restarted->feed == feed && message->restarted->next_number == 3);
        message_free(message);
        expect_snapshot(rig, &peer, 1, 2, FIRST);
        end(rig, &peer);
}

/* A change that is refused changes nothing. */
static void test_refused(void) {
        Rig *rig = begin(0);
        Peer peer = peer_new_welcomed(rig, 0);
        PB(Filter) filter = TASKBROKER__V1__FILTER__INIT;
        uint32_t root = 99999;

        ask_subscribe(&peer, false, FIRST);
        (void)EXPECT_STREAM(rig, &peer, SUBSCRIBED);
        filter.subtrees = &root;
        filter.n_subtrees = 1;
        ask_filter(&peer, 1, &filter);
        peer_expect_error_of(rig, &peer, ERROR_BAD_VALUE, false, "change_filter.filter.subtrees");
        rig_share(rig, QUOTA_FEEDS)->total = 1;
        ask_pid(&peer, 1, FIRST + 1);
        peer_expect_error(rig, &peer, ERROR_LIMIT, false);
        rename_task(rig, FIRST);
        expect_event(rig, &peer, 1, 1, FIRST);
        end(rig, &peer);
}

/* A stream that did not ask for a snapshot gets one on request, and goes on behind it. */
static void test_get_snapshot(void) {
        Rig *rig = begin(0);
        Peer peer = peer_new_welcomed(rig, 0);
        PB(ServerMessage) *message;

        ask_subscribe(&peer, false, 0);
        (void)EXPECT_STREAM(rig, &peer, SUBSCRIBED);
        rename_task(rig, FIRST);
        expect_event(rig, &peer, 1, 1, FIRST);
        ask_snapshot(&peer, 1);
        message = peer_expect_body(rig, &peer, RESTARTED);
        assert(message->restarted->request_id == 71 && message->restarted->next_number == 2);
        message_free(message);
        expect_snapshot(rig, &peer, 1, 1, 0);
        rename_task(rig, FIRST);
        expect_event(rig, &peer, 1, 2, FIRST);
        end(rig, &peer);
}

/* Takes all samples, of which the first is full. Return: the number of its tasks. */
static size_t take_samples(Rig *rig, Peer *peer) {
        PB(ServerMessage) *message;
        size_t n = 0;

        rig_sample(rig);
        rig_finish_sampling(rig);
        peer_receive_all(rig, peer);
        while ((message = peer_take(peer))) {
                assert(message->body_case == TASKBROKER__V1__SERVER_MESSAGE__BODY_SAMPLE_PART);
                assert(message->stream == 1 && (n > 0 || message->sample_part->full));
                n = MAX(n, message->sample_part->n_samples);
                message_free(message);
        }
        return n;
}

/* A stream of samples gets another set, whose first sample is full. */
static void test_samples(void) {
        Rig *rig = begin(0);
        Peer peer = peer_new_welcomed(rig, 0);
        PB(Filter) filter = TASKBROKER__V1__FILTER__INIT;

        ask_sample(&peer);
        (void)EXPECT_STREAM(rig, &peer, SUBSCRIBED_SAMPLES);
        assert(take_samples(rig, &peer) == N_PROCESSES);

        filter.cpus = (char *)"0";
        ask_filter(&peer, 1, &filter);
        peer_expect_error_of(rig, &peer, ERROR_BAD_VALUE, false, "change_filter.filter");
        ask_snapshot(&peer, 1);
        peer_expect_error_of(rig, &peer, ERROR_BAD_VALUE, false, "get_snapshot.stream");

        ask_pid(&peer, 1, FIRST);
        assert(EXPECT_STREAM(rig, &peer, RESTARTED) == 1);
        assert(rig->sampler.feeds.n == 1);
        assert(take_samples(rig, &peer) == 1);
        ask_unsubscribe(&peer, 1);
        assert(EXPECT_STREAM(rig, &peer, UNSUBSCRIBED) == 1);
        assert(rig->sampler.feeds.n == 0 && rig_status(rig).sample_subscribers == 0);
        end(rig, &peer);
}

/* A change waits for programs, for events and samples. Its stream may end before. */
static void test_waits(void) {
        for (int n = 0; n < 4; ++n) {
                Rig *rig = begin(0);
                Peer peer = peer_new_welcomed(rig, 0);
                PB(Filter) filter = TASKBROKER__V1__FILTER__INIT;
                ProtobufCBinaryData cgroup = { .len = 2, .data = (uint8_t *)"/a" };

                filter.cgroups = &cgroup;
                filter.n_cgroups = 1;
                if (n & 1) {
                        ask_sample(&peer);
                        (void)EXPECT_STREAM(rig, &peer, SUBSCRIBED_SAMPLES);
                } else {
                        ask_subscribe(&peer, false, 0);
                        (void)EXPECT_STREAM(rig, &peer, SUBSCRIBED);
                }
                peer_receive_all(rig, &peer);
                peer.n = peer.n_taken;
                ask_filter(&peer, 1, &filter);
                rig_turn(rig);
                assert(hub_needs_programs(&rig->hub));
                if (n & 2) {
                        ask_unsubscribe(&peer, 1);
                        peer_receive_all(rig, &peer);
                        assert(EXPECT_STREAM(rig, &peer, UNSUBSCRIBED) == 1);
                }
                rig_read_programs(rig);
                if (n & 2)
                        peer_expect_error_of(rig, &peer, ERROR_BAD_VALUE, false, "change_filter.stream");
                else
                        assert(EXPECT_STREAM(rig, &peer, RESTARTED) == 1);
                end(rig, &peer);
        }
}

int main(void) {
        log_init(LOG_LEVEL_ERR);
        test_unsubscribe();
        test_within_frame();
        test_change_with_snapshot();
        test_refused();
        test_get_snapshot();
        test_samples();
        test_waits();
        return 0;
}
