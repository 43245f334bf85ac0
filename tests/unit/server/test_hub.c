/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/* The hub: who gets which events, how feeds are shared, and what is counted. */

#include "tests/unit/hub_rig.h"

static void test_welcome(void) {
        Rig *rig = rig_new();
        PB(ServerMessage) *message;
        Peer peer = peer_new(rig, 0);

        message = peer_expect_body(rig, &peer, WELCOME);
        assert(message->welcome->protocol == 1 && message->welcome->epoch == 0xfeed);
        assert(message->welcome->realtime_offset_ns == 5);
        assert(strcmp(message->welcome->kernel_release, "6.6.6-test") == 0);
        message_free(message);
        peer_expect_nothing(rig, &peer);
        assert(rig_status(rig).connections == 1 && rig_status(rig).subscribers == 0);

        /* it closes: forgotten */
        close(peer.fd);
        peer.fd = -1;
        rig_turn(rig);
        rig_expect_no_clients(rig);
        peer_free(&peer);
        rig_free(rig);
}

static void test_status(void) {
        Rig *rig = rig_new();
        Peer peer = peer_new_welcomed(rig, 0), other = peer_new_subscribed(rig, 0, false, 0);
        PB(ServerMessage) *message;

        rig_publish(rig, 3);
        rig_turn(rig);
        peer_ask_status(&peer, 77);
        message = peer_expect_body(rig, &peer, BROKER_STATUS);
        assert(message->broker_status->request_id == 77);
        assert(message->broker_status->machine->live_tasks == 11);
        assert(message->broker_status->service->feeds == 1 && message->broker_status->subscribers == 1 &&
               message->broker_status->connections == 2);
        assert(message->broker_status->service->n_events == 1 &&
               message->broker_status->service->events[0]->count == 3);
        assert(message->broker_status->service->events[0]->kind == TASKBROKER__V1__EVENT_KIND__EVENT_KIND_COMM_CHANGE);
        assert(message->broker_status->service->feed_bytes > 0);
        message_free(message);
        peer_free(&peer);
        peer_free(&other);
        rig_free(rig);
}

static void test_subscribe(void) {
        Rig *rig = rig_new();
        Peer peer = peer_new_welcomed(rig, 0);
        PB(ServerMessage) *message;

        /* nothing before it is asked for */
        rig_publish(rig, 2);
        peer_expect_nothing(rig, &peer);
        peer_ask_subscribe(&peer, 9, false, 0);
        message = peer_expect_body(rig, &peer, SUBSCRIBED);
        assert(message->subscribed->request_id == 9 && message->subscribed->feed == 1);
        assert(message->subscribed->next_number == 1);
        message_free(message);
        rig_publish(rig, 5);
        peer_check_events(rig, &peer, 1, 2, 5, NULL);
        rig_publish(rig, 1);
        rig_turn(rig);
        rig_publish(rig, 2);
        peer_check_events(rig, &peer, 6, 7, 3, NULL);

        assert(rig_status(rig).subscribers == 1 && rig_status(rig).closed_for_errors == 0);
        peer_free(&peer);
        rig_free(rig);
}

/* The same subscription, the same feed and numbers; it stays for a while after its last reader. */
static void test_feeds_are_shared(void) {
        Rig *rig = rig_new();
        Peer first = peer_new_subscribed(rig, 0, false, 0), second, third;
        PB(ServerMessage) *message;

        rig_publish(rig, 4);
        second = peer_new_welcomed(rig, 0);
        peer_ask_subscribe(&second, 1, true, 5);
        message = peer_expect_body(rig, &second, SUBSCRIBED);
        assert(message->subscribed->feed == 1 && message->subscribed->next_number == 5);
        message_free(message);
        assert(rig_status(rig).feeds == 1 && rig_status(rig).subscribers == 2);
        rig_publish(rig, 2);
        peer_check_events(rig, &first, 1, 0, 6, NULL);
        peer_free(&first);
        first.fd = -1;
        rig_turn(rig);
        assert(rig_status(rig).feeds == 1 && rig_status(rig).subscribers == 1);
        peer_free(&second);
        rig_turn(rig);
        /* a closed peer is found when it is written to, or when its end is read */
        assert(rig_status(rig).connections == 0);
        rig_expect_idle_feeds(rig, 1);

        /* the feed goes on meanwhile, and is there for who asks for the same */
        rig_publish(rig, 3);
        rig_age(rig, LIMIT_RESUME_SECONDS);
        third = peer_new_welcomed(rig, 0);
        peer_ask_subscribe(&third, 1, false, 0);
        message = peer_expect_body(rig, &third, SUBSCRIBED);
        assert(message->subscribed->feed == 1 && message->subscribed->next_number == 10);
        message_free(message);
        peer_free(&third);
        rig_turn(rig);

        /* until nobody came for too long: another feed has another name and begins anew */
        rig_age(rig, LIMIT_RESUME_SECONDS);
        rig_expect_idle_feeds(rig, 1);
        assert(rig_is_aging(rig));
        rig_age(rig, 1);
        rig_expect_idle_feeds(rig, 0);
        assert(!rig_is_aging(rig));
        third = peer_new_welcomed(rig, 0);
        peer_ask_subscribe(&third, 1, false, 0);
        message = peer_expect_body(rig, &third, SUBSCRIBED);
        assert(message->subscribed->feed == 2 && message->subscribed->next_number == 1);
        message_free(message);
        rig_turn(rig);
        assert(rig_is_aging(rig));
        peer_free(&third);
        rig_free(rig);
}

static void subscribe_kinds(Rig *rig, Peer *peer, const PB(EventKind) *kinds, size_t n_kinds, bool threads) {
        PB(Subscribe) subscribe = TASKBROKER__V1__SUBSCRIBE__INIT;
        PB(ClientMessage) message = TASKBROKER__V1__CLIENT_MESSAGE__INIT;
        uint8_t frame[256];

        *peer = peer_new_welcomed(rig, 0);
        subscribe.kinds = (PB(EventKind) *)kinds;
        subscribe.n_kinds = n_kinds;
        subscribe.threads = threads;
        message.body_case = TASKBROKER__V1__CLIENT_MESSAGE__BODY_SUBSCRIBE;
        message.subscribe = &subscribe;
        peer_send(peer, frame, request_pack(frame, &message));
        message_free(peer_expect_body(rig, peer, SUBSCRIBED));
}

/* The kinds that a peer got, in a mask; each once. */
static uint32_t peer_kinds(Rig *rig, Peer *peer) {
        PB(ServerMessage) *message;
        uint32_t kinds = 0;

        peer_receive_all(rig, peer);
        while ((message = peer_take(peer))) {
                for (size_t i = 0; i < message->event_batch->n_events; ++i) {
                        uint32_t bit = 1u << message->event_batch->events[i]->kind_case;

                        assert(!(kinds & bit));
                        kinds |= bit;
                }
                message_free(message);
        }
        return kinds;
}

static void test_selection(void) {
        static const PB(EventKind) some[] = {TASKBROKER__V1__EVENT_KIND__EVENT_KIND_UID_CHANGE,
                                             TASKBROKER__V1__EVENT_KIND__EVENT_KIND_NEW_SESSION};
        static const PB(EventKind) all[] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 };
#define GOT(name) (1u << TASKBROKER__V1__EVENT__KIND_##name)
        const uint32_t of_process = GOT(EXEC) | GOT(NEW_SESSION) | GOT(COREDUMP) | GOT(LOSS);
        const uint32_t of_thread =
                GOT(FORK) | GOT(EXIT) | GOT(COMM_CHANGE) | GOT(UID_CHANGE) | GOT(GID_CHANGE) | GOT(PTRACE);
        Rig *rig = rig_new();
        Peer peers[4];

        subscribe_kinds(rig, &peers[0], NULL, 0, false);
        subscribe_kinds(rig, &peers[1], some, 2, false);
        subscribe_kinds(rig, &peers[2], all, 10, false);
        subscribe_kinds(rig, &peers[3], all, 10, true);
        assert(rig_status(rig).feeds == 4);

        /* each event concerns a thread */
        for (EventKind kind = EVENT_FORK; kind < _EVENT_KIND_N; ++kind) {
                Event event = { .kind = kind, .pid = 7, .tid = 8 };

                rig_publish_event(rig, &event);
        }
        assert(peer_kinds(rig, &peers[0]) == (GOT(EXEC) | GOT(LOSS)));
        assert(peer_kinds(rig, &peers[1]) == (GOT(NEW_SESSION) | GOT(LOSS)));
        assert(peer_kinds(rig, &peers[2]) == of_process);
        assert(peer_kinds(rig, &peers[3]) == (of_process | of_thread));

        /* each event concerns a process; the exit of a thread here ends a process */
        for (EventKind kind = EVENT_FORK; kind < _EVENT_KIND_N; ++kind) {
                Event event = { .kind = kind, .pid = 7, .tid = 7 };

                if (kind == EVENT_EXIT) {
                        event.tid = 8;
                        event.exit.process_ended = true;
                }
                rig_publish_event(rig, &event);
        }
        assert(peer_kinds(rig, &peers[0]) == (GOT(FORK) | GOT(EXEC) | GOT(EXIT) | GOT(LOSS)));
        assert(peer_kinds(rig, &peers[1]) == (GOT(UID_CHANGE) | GOT(NEW_SESSION) | GOT(LOSS)));
        assert(peer_kinds(rig, &peers[2]) == (of_process | of_thread));
        assert(peer_kinds(rig, &peers[3]) == (of_process | of_thread));
#undef GOT
        for (int i = 0; i < 4; ++i)
                peer_free(&peers[i]);
        rig_free(rig);
}

static void test_delay(void) {
        Rig *rig = rig_new();
        Peer slow = peer_new_subscribed(rig, 0, false, 200), fast = peer_new_subscribed(rig, 0, false, 0);
        uint64_t begun;

        assert(rig_max_delay_ms(rig) == 0);
        rig_publish(rig, 3);
        rig_turn(rig);
        peer_check_events(rig, &fast, 1, 0, 3, NULL);
        /* whenever it begins, it leaves a quarter for reading the sources late */
        for (int i = 0; i < 40; ++i) {
                assert(peer_delay(rig, &slow) <= 0.1501);
                usleep(7000);
        }
        begun = (uint64_t)clock_read_ns(CLOCK_MONOTONIC);
        while (peer_receive(&slow, SIZE_MAX) == 0) {
                assert((uint64_t)clock_read_ns(CLOCK_MONOTONIC) - begun < 10 * NSEC_PER_SEC);
                usleep(1000);
                rig_turn(rig);
        }
        peer_check_events(rig, &slow, 1, 0, 3, NULL);
        /* a reply is not held back */
        peer_ask_status(&slow, 1);
        message_free(peer_expect_body(rig, &slow, BROKER_STATUS));

        peer_free(&fast);
        rig_turn(rig);
        assert(rig_max_delay_ms(rig) > 0 && rig_max_delay_ms(rig) <= 200);
        peer_free(&slow);
        rig_free(rig);
}

static void test_limits(void) {
        Rig *rig = rig_new();
        Peer peer = peer_new_welcomed(rig, 0), refused;

        /* connections */
        rig_share(rig, QUOTA_CONNECTIONS)->total = 1;
        refused = peer_new(rig, 0);
        peer_expect_error(rig, &refused, ERROR_LIMIT, true);
        peer_expect_end(rig, &refused);
        assert(rig_status(rig).refused_connections == 1);
        peer_free(&refused);

        /* feeds */
        rig_share(rig, QUOTA_FEEDS)->total = 0;
        peer_ask_subscribe(&peer, 5, false, 0);
        peer_expect_error(rig, &peer, ERROR_LIMIT, false);
        rig_share(rig, QUOTA_FEEDS)->total = 1;
        peer_ask_subscribe(&peer, 6, false, 0);
        message_free(peer_expect_body(rig, &peer, SUBSCRIBED));
        peer_free(&peer);
        rig_free(rig);
}

static void test_stop(void) {
        Rig *rig = rig_new();
        Peer idle = peer_new_welcomed(rig, 0), subscribed = peer_new_subscribed(rig, 0, false, 0);

        rig_publish(rig, 2);
        hub_stop(&rig->hub);
        peer_expect_error(rig, &idle, ERROR_STOPPING, true);
        peer_expect_end(rig, &idle);
        /* events that wait already are sent first */
        peer_check_events(rig, &subscribed, 1, 0, 2, NULL);
        peer_expect_error(rig, &subscribed, ERROR_STOPPING, true);
        peer_expect_end(rig, &subscribed);
        assert(rig_status(rig).connections == 0);
        peer_free(&idle);
        peer_free(&subscribed);
        rig_free(rig);
}

/* With connections of all sorts still there. */
static void test_deinit(void) {
        Rig *rig = rig_new();
        Peer peers[3] = { peer_new(rig, 0), peer_new_subscribed(rig, 4096, false, 0),
                          peer_new_subscribed(rig, 0, false, 60000) };

        rig_publish(rig, 5000);
        rig_turn(rig);
        rig_publish(rig, 5);
        rig_free(rig);
        for (int i = 0; i < 3; ++i)
                peer_free(&peers[i]);
}

int main(void) {
        log_init(LOG_LEVEL_ERR);
        test_welcome();
        test_status();
        test_subscribe();
        test_feeds_are_shared();
        test_selection();
        test_delay();
        test_limits();
        test_stop();
        test_deinit();
        return 0;
}
