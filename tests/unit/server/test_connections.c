/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/* Users that take all they can get: what they are refused, and that they give it all back. */

#include "tests/unit/harness.h"
#include "tests/unit/hub_rig.h"

/* Nobody is root. */
static Rig *rig_new_of_users(void) {
        Rig *rig = rig_new();

        rig_limits(rig)->root = (uid_t)-2;
        return rig;
}

/* A subscription of a uid: with another uid another feed. */
static void ask_for_uid(const Peer *peer, uint64_t id, uint32_t uid, bool snapshot, bool programs) {
        PB(Filter) filter = TASKBROKER__V1__FILTER__INIT;
        PB(Subscribe) subscribe = TASKBROKER__V1__SUBSCRIBE__INIT;

        filter.uids = &uid;
        filter.n_uids = 1;
        subscribe.filter = &filter;
        subscribe.snapshot = snapshot;
        subscribe.programs = programs;
        peer_ask_for(peer, id, &subscribe);
}

static void expect_subscribed(Rig *rig, Peer *peer, bool snapshot) {
        message_free(peer_expect_body(rig, peer, SUBSCRIBED));
        if (snapshot)
                message_free(peer_expect_body(rig, peer, SNAPSHOT_END));
}

/* When all are gone, and the feeds that were kept for them, nothing is charged. */
static void expect_all_returned(Rig *rig) {
        rig_age(rig, LIMIT_RESUME_SECONDS + 2);
        assert(rig_status(rig).connections == 0 && rig_status(rig).feeds == 0);
        for (int kind = 0; kind < _QUOTA_HELD; ++kind)
                assert(rig_used(rig, kind) == 0);
}

static void test_connections(void) {
        Rig *rig = rig_new_of_users();
        Peer first, second, third;

        rig_share(rig, QUOTA_CONNECTIONS)->of_user = 2;
        first = peer_new_welcomed(rig, 0);
        second = peer_new_welcomed(rig, 0);
        third = peer_new(rig, 0);
        peer_expect_error(rig, &third, ERROR_QUOTA, true);
        peer_expect_end(rig, &third);
        peer_free(&third);
        assert(rig_status(rig).refused_connections == 1 && rig_status(rig).refused_quota == 1);
        peer_free(&first);
        rig_turn(rig);
        third = peer_new_welcomed(rig, 0);
        peer_free(&second);
        peer_free(&third);
        expect_all_returned(rig);
        rig_free(rig);
}

static void test_feeds(void) {
        Rig *rig = rig_new_of_users();
        Peer peers[3] = { peer_new_welcomed(rig, 0), peer_new_welcomed(rig, 0), peer_new_welcomed(rig, 0) };

        rig_share(rig, QUOTA_FEEDS)->of_user = 2;
        ask_for_uid(&peers[0], 1, 10, false, false);
        expect_subscribed(rig, &peers[0], false);
        ask_for_uid(&peers[1], 1, 11, false, false);
        expect_subscribed(rig, &peers[1], false);
        ask_for_uid(&peers[2], 1, 12, false, false);
        peer_expect_error(rig, &peers[2], ERROR_QUOTA, false);
        /* the same as another costs nothing */
        ask_for_uid(&peers[2], 2, 10, false, false);
        expect_subscribed(rig, &peers[2], false);

        /* one that nobody reads gives up its place */
        peer_free(&peers[1]);
        rig_turn(rig);
        peers[1] = peer_new_welcomed(rig, 0);
        ask_for_uid(&peers[1], 3, 12, false, false);
        expect_subscribed(rig, &peers[1], false);
        assert(rig_status(rig).feeds == 2 && rig_status(rig).refused_quota == 1);
        for (int i = 0; i < 3; ++i)
                peer_free(&peers[i]);
        expect_all_returned(rig);
        rig_free(rig);
}

/* A client that asks too often shares an existing snapshot; without a snapshot to share, the request is refused. */
static void test_snapshots(void) {
        Rig *rig = rig_new_of_users();
        Peer peers[4];

        *rig_rate(rig, QUOTA_SNAPSHOTS) = (QuotaRate){ .a_second = 1, .at_once = 2 };
        for (int i = 0; i < 4; ++i)
                peers[i] = peer_new_welcomed(rig, 0);
        for (uint32_t i = 0; i < 2; ++i) {
                ask_for_uid(&peers[i], 1, 10 + i, true, false);
                expect_subscribed(rig, &peers[i], true);
        }
        /* not fresh any more */
        rig_publish(rig, 1);
        rig_age_snapshots(rig);
        ask_for_uid(&peers[2], 1, 12, true, false);
        peer_expect_error(rig, &peers[2], ERROR_QUOTA, false);
        ask_for_uid(&peers[2], 2, 12, false, false);
        expect_subscribed(rig, &peers[2], false);
        ask_for_uid(&peers[3], 1, 10, true, false);
        expect_subscribed(rig, &peers[3], true);
        assert(rig_status(rig).snapshots == 2 && rig_status(rig).refused_quota == 1);
        for (int i = 0; i < 4; ++i)
                peer_free(&peers[i]);
        expect_all_returned(rig);
        rig_free(rig);
}

static void test_waiting(void) {
        Rig *rig = rig_new_of_users();
        Peer peers[3] = { peer_new_welcomed(rig, 0), peer_new_welcomed(rig, 0), peer_new_welcomed(rig, 0) };

        rig_share(rig, QUOTA_REQUESTS)->of_user = 2;
        rig_add_processes(rig, 100, 1);
        for (int i = 0; i < 3; ++i) {
                ask_for_uid(&peers[i], 1, 10, false, true);
                rig_turn(rig);
        }
        peer_expect_error(rig, &peers[2], ERROR_QUOTA, false);
        peer_expect_nothing(rig, &peers[0]);
        /* one goes, the other is served: both are given back */
        peer_free(&peers[1]);
        rig_turn(rig);
        assert(rig_used(rig, QUOTA_REQUESTS) == 1);
        rig_read_programs(rig);
        expect_subscribed(rig, &peers[0], false);
        assert(rig_used(rig, QUOTA_REQUESTS) == 0);
        peer_free(&peers[0]);
        peer_free(&peers[2]);
        expect_all_returned(rig);
        rig_free(rig);
}

/* Programs that were read since are in the snapshot of the next who asks, although no event reported them. */
static void test_programs_read_since(void) {
        Rig *rig = rig_new_of_users();
        Peer peers[2] = { peer_new_welcomed(rig, 0), peer_new_welcomed(rig, 0) };

        for (uint32_t i = 0; i < 2; ++i) {
                rig_add_processes(rig, 100 + i, 1);
                rig->join.programs.complete = false;
                ask_for_uid(&peers[i], 1, 10, true, true);
                rig_turn(rig);
                rig_read_programs(rig);
                expect_subscribed(rig, &peers[i], true);
                assert(rig->hub.feeds.n_snapshots_made == i + 1);
        }
        for (int i = 0; i < 2; ++i)
                peer_free(&peers[i]);
        expect_all_returned(rig);
        rig_free(rig);
}

/* The broker has no memory for the request; another client's subscription goes on. */
static void test_input(void) {
        Rig *rig = rig_new_of_users();
        Peer other = peer_new_subscribed(rig, 0, false, 0), large = peer_new_welcomed(rig, 0);
        uint8_t begin[] = { 0x80, 0x80, 0x04 };

        rig_share(rig, QUOTA_BYTES)->of_user = rig_used(rig, QUOTA_BYTES) + 10000;
        peer_send(&large, begin, sizeof(begin));
        peer_expect_error(rig, &large, ERROR_QUOTA, true);
        peer_expect_end(rig, &large);
        rig_publish(rig, 1);
        rig_turn(rig);
        peer_check_events(rig, &other, 1, 0, 1, NULL);
        peer_free(&large);

        /* the broker has memory for the next request, and the memory is given back */
        rig_share(rig, QUOTA_BYTES)->of_user = 10 << 20;
        large = peer_new_welcomed(rig, 0);
        peer_ask_status(&large, 1);
        message_free(peer_expect_body(rig, &large, STATUS));
        peer_send(&large, begin, sizeof(begin));
        rig_turn(rig);
        assert(peer_n_input_max(&large) > 65536 && peer_n_charged(&large) > 65536);
        peer_free(&large);
        peer_free(&other);
        expect_all_returned(rig);
        rig_free(rig);
}

/* Replies that there is no memory for: the client ends. */
static void test_output(void) {
        Rig *rig = rig_new_of_users();
        Peer peer = peer_new_welcomed(rig, 0);

        rig_share(rig, QUOTA_BYTES)->of_user = rig_used(rig, QUOTA_BYTES) + 1000;
        for (uint64_t id = 1; id <= 100; ++id)
                peer_ask_status(&peer, id);
        peer_receive_all(rig, &peer);
        assert(peer.ended && rig_status(rig).refused_quota == 1);
        /* whole frames, as far as they came */
        for (PB(ServerMessage) *message; (message = peer_take(&peer));)
                message_free(message);
        assert(peer.n == peer.n_taken);
        peer_free(&peer);
        expect_all_returned(rig);
        rig_free(rig);
}

/* A feed that may not grow: its readers lose events, and receive the number of lost events. */
static void test_feed_bytes(void) {
        Rig *rig = rig_new_of_users();
        Peer slow = peer_new_subscribed(rig, 4096, false, 0);
        const Feed *feed = rig_first_feed(rig);
        size_t n_lost = 0;

        rig_share(rig, QUOTA_BYTES)->of_user = rig_used(rig, QUOTA_BYTES) + sizeof(FeedChunk) + 70000;
        for (int i = 0; i < 200; ++i) {
                rig_publish(rig, 200);
                rig_turn(rig);
                assert(rig_used(rig, QUOTA_BYTES) <= rig_share(rig, QUOTA_BYTES)->of_user);
        }
        assert(feed->n_bytes <= 2 * FEED_CHUNK_BYTES);
        peer_check_events(rig, &slow, 1, 0, 40000, &n_lost);
        assert(n_lost > 0 && rig_status(rig).reader_lost == n_lost);
        peer_free(&slow);
        expect_all_returned(rig);
        rig_free(rig);
}

/* A filter that takes longer than its user may have ends its readers, and nobody else's. */
static void test_filters(void) {
        Rig *rig = rig_new_of_users();
        Peer other = peer_new_subscribed(rig, 0, false, 0), peer = peer_new_welcomed(rig, 0);
        PB(Filter) filter = TASKBROKER__V1__FILTER__INIT;
        PB(Subscribe) subscribe = TASKBROKER__V1__SUBSCRIBE__INIT;
        ProtobufCBinaryData pattern = { .data = (uint8_t *)"*[a-z]*[a-z]*[a-z]*b", .len = 20 };
        PB(EventKind) kind = TASKBROKER__V1__EVENT_KIND__EVENT_KIND_COMM;

        rig_rate(rig, QUOTA_FILTERS)->at_once = 20000;
        rig_rate(rig, QUOTA_FILTERS)->a_second = 1000;
        filter.comms = &pattern;
        filter.n_comms = 1;
        subscribe.filter = &filter;
        subscribe.kinds = &kind;
        subscribe.n_kinds = 1;
        subscribe.threads = true;
        peer_ask_for(&peer, 1, &subscribe);
        expect_subscribed(rig, &peer, false);
        rig_publish(rig, 5000);
        rig_turn(rig);
        peer_expect_error(rig, &peer, ERROR_QUOTA, true);
        peer_expect_end(rig, &peer);
        peer_check_events(rig, &other, 1, 0, 5000, NULL);
        /* a stopped feed no longer belongs to any user */
        rig_age(rig, 1);
        assert(rig_status(rig).feeds == 1 && rig_status(rig).refused_quota == 1);
        peer_free(&peer);
        peer_free(&other);
        expect_all_returned(rig);
        rig_free(rig);
}

/* A client that kept the broker busy waits. Other clients do not wait, and no request is lost. */
static void test_rest(void) {
        Rig *rig = rig_new_of_users();
        Peer peer = peer_new_welcomed(rig, 0);

        rig->stays_throttled = true;
        peer_overdraw(&peer);
        peer_ask_status(&peer, 1);
        peer_ask_subscribe(&peer, 2, false, 0);
        peer_expect_nothing(rig, &peer);
        assert(peer_is_throttled(&peer) && rig_has_throttled(rig));
        rig_check_throttled(rig);
        peer_expect_nothing(rig, &peer);
        assert(peer_is_throttled(&peer));

        rig->stays_throttled = false;
        message_free(peer_expect_body(rig, &peer, STATUS));
        message_free(peer_expect_body(rig, &peer, SUBSCRIBED));
        assert(!peer_is_throttled(&peer));
        rig_turn(rig);
        assert(!rig_has_throttled(rig));
        /* an event is not a request, and its sending does not wait */
        rig->stays_throttled = true;
        peer_overdraw(&peer);
        rig_publish(rig, 1);
        rig_turn(rig);
        peer_check_events(rig, &peer, 1, 0, 1, NULL);
        peer_free(&peer);
        rig->stays_throttled = false;
        expect_all_returned(rig);
        rig_free(rig);
}

/* The throttled client that was served longest ago is served first. */
static void test_rest_in_turn(void) {
        Rig *rig = rig_new_of_users();
        size_t order[4], n_rounds = 3 * ARRAY_SIZE(order);
        bool asked[ARRAY_SIZE(order)] = {};
        Peer peers[ARRAY_SIZE(order)];

        for (size_t i = 0; i < ARRAY_SIZE(peers); ++i)
                peers[i] = peer_new_welcomed(rig, 0);
        for (size_t round = 0; round < n_rounds; ++round) {
                size_t n_served = 0;

                rig->stays_throttled = true;
                peer_overdraw(&peers[0]);
                for (size_t i = 0; i < ARRAY_SIZE(peers); ++i) {
                        if (!asked[i])
                                peer_ask_status(&peers[i], 1 + round);
                        asked[i] = true;
                }
                rig_turn(rig);
                /* there is time for one of them */
                rig_end_throttling(rig);
                rig_check_throttled(rig);
                rig_use_turn(rig, LIMIT_TURN_NS - 1);
                rig_run_watchers(rig);
                for (size_t i = 0; i < ARRAY_SIZE(peers); ++i) {
                        if (peer_receive(&peers[i], SIZE_MAX) == 0)
                                continue;
                        message_free(peer_take(&peers[i]));
                        asked[i] = false;
                        ++n_served;
                        for (size_t k = 0; k < round && round < ARRAY_SIZE(order); ++k)
                                assert(order[k] != i);
                        if (round < ARRAY_SIZE(order))
                                order[round] = i;
                        assert(order[round % ARRAY_SIZE(order)] == i);
                }
                assert(n_served == 1);
        }
        rig->stays_throttled = false;
        for (size_t i = 0; i < ARRAY_SIZE(peers); ++i)
                peer_free(&peers[i]);
        expect_all_returned(rig);
        rig_free(rig);
}

/* Requests wait for the next turn once they took long enough in one: events are sent at its end. */
static void test_turn(void) {
        Rig *rig = rig_new_of_users();
        Peer peer = peer_new_welcomed(rig, 0), other = peer_new_welcomed(rig, 0);
        uint8_t frame[256];
        size_t n;

        rig_use_turn(rig, LIMIT_TURN_NS);
        peer_ask_status(&peer, 1);
        rig_run_watchers(rig);
        rig_run_watchers(rig);
        assert(peer_receive(&peer, SIZE_MAX) == 0 && !peer_is_throttled(&peer));
        message_free(peer_expect_body(rig, &peer, STATUS));

        /* the first of two is here in part, and what is here wakes nobody again */
        n = request_status(frame, 2);
        peer_send(&peer, frame, n - 1);
        rig_turn(rig);
        rig->stays_throttled = true;
        rig_use_turn(rig, LIMIT_TURN_NS);
        peer_send(&peer, frame + n - 1, 1);
        peer_ask_status(&peer, 3);
        rig_run_watchers(rig);
        assert(peer_receive(&peer, SIZE_MAX) == 0 && peer_is_throttled(&peer) && rig_has_throttled(rig));
        peer_ask_status(&other, 4);
        message_free(peer_expect_body(rig, &other, STATUS));
        rig->stays_throttled = false;
        message_free(peer_expect_body(rig, &peer, STATUS));
        message_free(peer_expect_body(rig, &peer, STATUS));
        peer_free(&peer);
        peer_free(&other);
        expect_all_returned(rig);
        rig_free(rig);
}

int main(void) {
        log_init(LOG_LEVEL_ERR);
        test_connections();
        test_feeds();
        test_snapshots();
        test_waiting();
        test_programs_read_since();
        test_input();
        test_output();
        test_feed_bytes();
        test_filters();
        test_rest();
        test_rest_in_turn();
        test_turn();
        return 0;
}
