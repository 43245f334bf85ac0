/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/* Several streams on one connection: each has its number, its events and its losses. */

#include "tests/unit/hub_rig.h"
#include "tests/unit/made_stats.h"

enum { N_STREAMS = LIMIT_STREAMS + 1 };

/* The events of a stream that a peer got. */
typedef struct Got {
        uint64_t next;          /* the number of its next event */
        size_t n_events, n_lost;
} Got;

static MadeStats kernel;

static void ask_kind(const Peer *peer, PB(EventKind) kind, bool strict) {
        PB(Subscribe) subscribe = TASKBROKER__V1__SUBSCRIBE__INIT;

        subscribe.kinds = &kind;
        subscribe.n_kinds = 1;
        subscribe.threads = true;
        subscribe.strict = strict;
        peer_ask_for(peer, 7, &subscribe);
}

static void ask_sample(const Peer *peer) {
        uint8_t frame[256];
        PB(ClientMessage) message = TASKBROKER__V1__CLIENT_MESSAGE__INIT;
        PB(SubscribeSamples) sample = TASKBROKER__V1__SUBSCRIBE_SAMPLES__INIT;

        sample.interval_ms = LIMIT_SAMPLE_MS_MIN;
        message.body_case = TASKBROKER__V1__CLIENT_MESSAGE__BODY_SUBSCRIBE_SAMPLES;
        message.subscribe_samples = &sample;
        peer_send(peer, frame, request_pack(frame, &message));
}

/* The next stream begins, by Subscribed, and has this number. */
static void expect_subscribed(Rig *rig, Peer *peer, uint32_t number, Got *got) {
        PB(ServerMessage) *message = peer_expect_body(rig, peer, SUBSCRIBED);

        assert(message->stream == number);
        got[number] = (Got){ .next = message->subscribed->next_number };
        message_free(message);
}

static void publish(Rig *rig, EventKind kind, size_t n) {
        for (size_t i = 0; i < n; ++i) {
                Event event = { .kind = kind, .pid = 1, .tid = 1, .comm = "0123456789abcde" };

                rig_publish_event(rig, &event);
        }
}

static void got_batch(Got *got, const PB(EventBatch) *batch) {
        assert(batch->first_number == got->next);
        for (size_t i = 0; i < batch->n_events; ++i) {
                const PB(Event) *event = batch->events[i];
                bool lost = event->kind_case == TASKBROKER__V1__EVENT__KIND_LOSS;

                got->next += lost ? event->loss->count : 1;
                got->n_lost += lost ? event->loss->count : 0;
                got->n_events += !lost;
        }
}

/* Takes all that is there: batches of streams that began. */
static void take_batches(Rig *rig, Peer *peer, Got *got) {
        PB(ServerMessage) *message;

        peer_receive_all(rig, peer);
        while ((message = peer_take(peer))) {
                assert(message->body_case == TASKBROKER__V1__SERVER_MESSAGE__BODY_EVENT_BATCH);
                assert(message->stream > 0 && message->stream < N_STREAMS && got[message->stream].next > 0);
                got_batch(&got[message->stream], message->event_batch);
                message_free(message);
        }
}

/* Equal subscriptions share a feed, also on one connection. Each gets all, and other kinds go to other streams. */
static void test_several(void) {
        Rig *rig = rig_new();
        Peer peer = peer_new_welcomed(rig, 0);
        Got got[N_STREAMS] = {};

        for (uint32_t i = 1; i <= 3; ++i) {
                ask_kind(&peer,
                         i == 3 ? TASKBROKER__V1__EVENT_KIND__EVENT_KIND_NEW_SESSION
                                : TASKBROKER__V1__EVENT_KIND__EVENT_KIND_COMM_CHANGE,
                         false);
                expect_subscribed(rig, &peer, i, got);
        }
        assert(rig_status(rig).subscribers == 3 && rig_status(rig).feeds == 2 && rig_status(rig).connections == 1);
        publish(rig, EVENT_COMM, 5);
        publish(rig, EVENT_SID, 2);
        take_batches(rig, &peer, got);
        assert(got[1].n_events == 5 && got[2].n_events == 5 && got[3].n_events == 2);
        peer_free(&peer);
        rig_turn(rig);
        rig_expect_no_clients(rig);
        rig_free(rig);
}

/* A connection has so many streams. Each is paid for by its user, and all is returned. */
static void test_limits(void) {
        Rig *rig = rig_new();
        uint64_t n_before = rig_used(rig, QUOTA_BYTES);
        Peer peer = peer_new_of(rig, 0, &(Credentials){ .uid = 1000, .gid = 1000 });
        Got got[N_STREAMS] = {};

        message_free(peer_expect_body(rig, &peer, WELCOME));
        for (uint32_t i = 1; i <= LIMIT_STREAMS; ++i) {
                uint64_t n_used = rig_used(rig, QUOTA_BYTES);

                ask_kind(&peer, TASKBROKER__V1__EVENT_KIND__EVENT_KIND_COMM_CHANGE, false);
                expect_subscribed(rig, &peer, i, got);
                assert(rig_used(rig, QUOTA_BYTES) >= n_used + sizeof(Stream));
        }
        ask_kind(&peer, TASKBROKER__V1__EVENT_KIND__EVENT_KIND_COMM_CHANGE, false);
        peer_expect_error(rig, &peer, ERROR_LIMIT, false);
        peer_free(&peer);
        rig_turn(rig);
        rig_expect_no_clients(rig);
        rig_age(rig, LIMIT_RESUME_SECONDS + 2);
        assert(rig_used(rig, QUOTA_BYTES) == n_before);

        /* a user without memory for a stream */
        peer = peer_new_of(rig, 0, &(Credentials){ .uid = 1000, .gid = 1000 });
        message_free(peer_expect_body(rig, &peer, WELCOME));
        ask_kind(&peer, TASKBROKER__V1__EVENT_KIND__EVENT_KIND_COMM_CHANGE, false);
        expect_subscribed(rig, &peer, 1, got);
        /* its buffers have grown as far as they need */
        peer_ask_status(&peer, 1);
        message_free(peer_expect_body(rig, &peer, BROKER_STATUS));
        rig_share(rig, QUOTA_BYTES)->of_user = rig_used(rig, QUOTA_BYTES) + sizeof(Stream) - 1;
        ask_kind(&peer, TASKBROKER__V1__EVENT_KIND__EVENT_KIND_COMM_CHANGE, false);
        peer_expect_error(rig, &peer, ERROR_QUOTA, false);
        publish(rig, EVENT_COMM, 1);
        take_batches(rig, &peer, got);
        assert(got[1].n_events == 1 && rig_status(rig).subscribers == 1);
        peer_free(&peer);
        rig_free(rig);
}

/* A client that stalls loses events of the stream that has too many. Its other streams lose none. */
static void test_loss_of_one(void) {
        Rig *rig = rig_new();
        Peer peer = peer_new_welcomed(rig, 4096);
        Got got[N_STREAMS] = {};

        ask_kind(&peer, TASKBROKER__V1__EVENT_KIND__EVENT_KIND_COMM_CHANGE, false);
        expect_subscribed(rig, &peer, 1, got);
        ask_kind(&peer, TASKBROKER__V1__EVENT_KIND__EVENT_KIND_NEW_SESSION, false);
        expect_subscribed(rig, &peer, 2, got);
        for (size_t i = 0; i < 100; ++i) {
                publish(rig, EVENT_COMM, 1000);
                publish(rig, EVENT_SID, 1);
                rig_turn(rig);
        }
        take_batches(rig, &peer, got);
        assert(got[1].n_lost > 0 && got[1].n_events + got[1].n_lost == 100000);
        assert(got[2].n_lost == 0 && got[2].n_events == 100);
        peer_free(&peer);
        rig_free(rig);
}

/* Two streams of one feed fall off it together. */
static void test_loss_of_both(void) {
        Rig *rig = rig_new();
        Peer peer = peer_new_welcomed(rig, 4096);
        Got got[N_STREAMS] = {};

        for (uint32_t i = 1; i <= 2; ++i) {
                ask_kind(&peer, TASKBROKER__V1__EVENT_KIND__EVENT_KIND_COMM_CHANGE, false);
                expect_subscribed(rig, &peer, i, got);
        }
        for (size_t i = 0; i < 100; ++i) {
                publish(rig, EVENT_COMM, 1000);
                rig_turn(rig);
        }
        take_batches(rig, &peer, got);
        for (uint32_t i = 1; i <= 2; ++i)
                assert(got[i].n_lost > 0 && got[i].n_events + got[i].n_lost == 100000);
        peer_free(&peer);
        rig_free(rig);
}

/* Events and samples, and two streams with one feed of samples; a client that stalls gets full samples again. */
static void test_samples(void) {
        size_t n_full[4] = {}, n_losses[4] = {}, n_batches = 0;
        Rig *rig = rig_new_sized(0);
        PB(ServerMessage) *message;
        Peer peer;

        made_stats_init(&kernel, &rig->join.table);
        rig_add_sampler(rig, &kernel.source);
        rig_add_processes(rig, 100, 2000);
        peer = peer_new_welcomed(rig, 4096);
        ask_sample(&peer);
        ask_sample(&peer);
        ask_kind(&peer, TASKBROKER__V1__EVENT_KIND__EVENT_KIND_COMM_CHANGE, false);
        for (uint32_t i = 1; i <= 2; ++i) {
                message = peer_expect_body(rig, &peer, SUBSCRIBED_SAMPLES);
                assert(message->stream == i);
                message_free(message);
        }
        message = peer_expect_body(rig, &peer, SUBSCRIBED);
        assert(message->stream == 3);
        message_free(message);
        assert(rig_status(rig).sample_subscribers == 2 && rig_status(rig).subscribers == 1);
        for (size_t i = 0; i < 100; ++i) {
                for (uint32_t pid = 100; pid < 2100; ++pid)
                        ++kernel.run_ns[pid];
                rig_sample(rig);
                rig_finish_sampling(rig);
        }
        publish(rig, EVENT_COMM, 1);
        for (int i = 0; i < 3; ++i) {
                peer_receive_all(rig, &peer);
                rig_sample(rig);
                rig_finish_sampling(rig);
        }
        peer_receive_all(rig, &peer);
        while ((message = peer_take(&peer))) {
                assert(message->stream >= 1 && message->stream <= 3);
                if (message->body_case == TASKBROKER__V1__SERVER_MESSAGE__BODY_SAMPLE_PART)
                        n_full[message->stream] += message->sample_part->full;
                n_losses[message->stream] += message->body_case == TASKBROKER__V1__SERVER_MESSAGE__BODY_SAMPLE_LOSS;
                n_batches += message->body_case == TASKBROKER__V1__SERVER_MESSAGE__BODY_EVENT_BATCH;
                assert((message->body_case == TASKBROKER__V1__SERVER_MESSAGE__BODY_EVENT_BATCH) ==
                       (message->stream == 3));
                message_free(message);
        }
        for (size_t i = 1; i <= 2; ++i)
                assert(n_losses[i] > 0 && n_full[i] > 0);
        assert(n_batches == 1);
        peer_free(&peer);
        rig_turn(rig);
        assert(rig_status(rig).sample_subscribers == 0 && rig->sampler.feeds.n == 0);
        rig_free(rig);
}

/* The shortest delay of all streams of a connection counts. */
static void test_delays(void) {
        Rig *rig = rig_new();
        Peer peer = peer_new_subscribed(rig, 0, false, 60000);
        Got got[N_STREAMS] = { [1] = { .next = 1 } };

        rig_publish(rig, 1);
        peer_expect_nothing(rig, &peer);
        assert(rig_max_delay_ms(rig) > 0);
        ask_kind(&peer, TASKBROKER__V1__EVENT_KIND__EVENT_KIND_NEW_SESSION, false);
        rig_turn(rig);
        assert(rig_max_delay_ms(rig) == 0);
        expect_subscribed(rig, &peer, 2, got);
        take_batches(rig, &peer, got);
        assert(got[1].n_events == 1);
        peer_free(&peer);
        rig_free(rig);
}

int main(void) {
        log_init(LOG_LEVEL_ERR);
        test_several();
        test_limits();
        test_loss_of_one();
        test_loss_of_both();
        test_samples();
        test_delays();
        return 0;
}
