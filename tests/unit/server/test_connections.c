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

static void ask_for_subtree(const Peer *peer, uint64_t id, uint32_t pid) {
        PB(Filter) filter = TASKBROKER__V1__FILTER__INIT;
        PB(Subscribe) subscribe = TASKBROKER__V1__SUBSCRIBE__INIT;

        filter.subtrees = &pid;
        filter.n_subtrees = 1;
        subscribe.filter = &filter;
        peer_ask_for(peer, id, &subscribe);
}

/* Feeds with subtrees are counted by themselves, because each takes a bit in every process. */
static void test_subtrees(void) {
        Rig *rig = rig_new_of_users();
        Peer peers[2] = { peer_new_welcomed(rig, 0), peer_new_welcomed(rig, 0) };

        rig_share(rig, QUOTA_SUBTREES)->of_user = 1;
        rig_add_processes(rig, 100, 2);
        ask_for_subtree(&peers[0], 1, 100);
        expect_subscribed(rig, &peers[0], false);
        ask_for_subtree(&peers[1], 1, 101);
        peer_expect_error(rig, &peers[1], ERROR_QUOTA, false);
        assert(rig_used(rig, QUOTA_SUBTREES) == 1 && rig_used(rig, QUOTA_FEEDS) == 1);
        /* the same subtree shares the feed */
        ask_for_subtree(&peers[1], 2, 100);
        expect_subscribed(rig, &peers[1], false);
        for (int i = 0; i < 2; ++i)
                peer_free(&peers[i]);
        expect_all_returned(rig);
        rig_free(rig);
}

/* Administrators share a feed, but root reads none at the cost of another user. */
static void test_root_shares_nothing(void) {
        static uint32_t admins = 77;
        static const uint32_t uids[] = { 1000, 1001, 0 };
        Peer peers[ARRAY_SIZE(uids)];
        Rig *rig = rig_new();

        rig_policy(rig)->admin_group = admins;
        for (size_t i = 0; i < ARRAY_SIZE(uids); ++i) {
                const Credentials credentials = { .uid = uids[i], .gid = admins, .groups = &admins, .n_groups = 1 };

                peers[i] = peer_new_of(rig, 0, &credentials);
                message_free(peer_expect_body(rig, &peers[i], WELCOME));
                ask_for_uid(&peers[i], 1, 10, false, false);
                expect_subscribed(rig, &peers[i], false);
                assert(rig_status(rig).feeds == (uids[i] == 0 ? 2 : 1));
        }
        for (size_t i = 0; i < ARRAY_SIZE(uids); ++i)
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
        message_free(peer_expect_body(rig, &large, BROKER_STATUS));
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

/* A COMM event at a time, of a task whose name begins with @tid as a text. */
static void publish_at(Rig *rig, uint32_t tid, uint64_t time_ns) {
        Event event = { .kind = EVENT_COMM, .pid = tid, .tid = tid, .time_ns = time_ns };

        snprintf(event.comm, sizeof(event.comm), "%u-0123456789", tid);
        rig_publish_event(rig, &event);
}

/* The next event of a subscription: a Loss of @n_lost by its filter, or if that is 0 an event of a task. */
static void expect_event(Rig *rig, Peer *peer, uint64_t number, uint64_t n_lost, uint32_t tid, uint64_t since_ns) {
        PB(ServerMessage) *message = peer_expect_body(rig, peer, EVENT_BATCH);
        const PB(Event) *event = message->event_batch->events[0];

        assert(message->event_batch->first_number == number && message->event_batch->n_events == 1);
        if (n_lost == 0) {
                assert(event->kind_case == TASKBROKER__V1__EVENT__KIND_COMM_CHANGE && event->tid == tid);
        } else {
                assert(event->kind_case == TASKBROKER__V1__EVENT__KIND_LOSS);
                assert(event->loss->source == TASKBROKER__V1__LOSS_SOURCE__LOSS_SOURCE_FILTER);
                assert(event->loss->reason == TASKBROKER__V1__LOSS_REASON__LOSS_REASON_OVER_BUDGET);
                assert(event->loss->missing == TASKBROKER__V1__LOSS_MISSING__LOSS_MISSING_POSSIBLE);
                assert(event->loss->count == n_lost && !event->loss->at_least);
                assert(event->loss->since_time_ns == since_ns && event->time_ns >= since_ns);
        }
        message_free(message);
}

static void ask_for_name(const Peer *peer, const char *pattern) {
        PB(Filter) filter = TASKBROKER__V1__FILTER__INIT;
        PB(Subscribe) subscribe = TASKBROKER__V1__SUBSCRIBE__INIT;
        ProtobufCBinaryData comm = { .data = (uint8_t *)pattern, .len = strlen(pattern) };
        PB(EventKind) kind = TASKBROKER__V1__EVENT_KIND__EVENT_KIND_COMM_CHANGE;

        filter.comms = &comm;
        filter.n_comms = 1;
        subscribe.filter = &filter;
        subscribe.kinds = &kind;
        subscribe.n_kinds = 1;
        subscribe.threads = true;
        peer_ask_for(peer, 1, &subscribe);
}

/* A filter over its budget judges no events until it has recovered. Its stream has their number, and goes on. */
static void test_filters(void) {
        Rig *rig = rig_new_of_users();
        Peer other = peer_new_subscribed(rig, 0, false, 0), peer = peer_new_welcomed(rig, 0);
        uint64_t number = 1, time_ns = 1000 * NSEC_PER_SEC, since_ns;
        const FilterBudget *budget;
        uint64_t n_skipped = 0;
        uint32_t tid = 100;

        rig_rate(rig, QUOTA_FILTERS)->at_once = 100;
        rig_rate(rig, QUOTA_FILTERS)->a_second = 1000;
        ask_for_name(&peer, "*[a-z]*[0-9]*[0-9]*[0-9]b");
        expect_subscribed(rig, &peer, false);
        budget = &rig_newest_feed(rig)->budget;
        while (!budget->over)
                publish_at(rig, tid++, time_ns);
        assert(tid > 103 && tid < 120 && rig_newest_feed(rig)->n_skipped == 1);
        since_ns = time_ns;
        for (; n_skipped < 5000; ++n_skipped)
                publish_at(rig, tid++, time_ns + n_skipped);
        rig_turn(rig);
        peer_expect_nothing(rig, &peer);
        assert(rig_status(rig).refused_quota == 1);

        /* half of the budget is free again: the stream goes on */
        time_ns = budget->paid_ns - 49 * NSEC_PER_MSEC;
        publish_at(rig, tid++, time_ns);
        rig_turn(rig);
        expect_event(rig, &peer, number++, n_skipped + 1, 0, since_ns);

        /* without another event too */
        while (!budget->over)
                publish_at(rig, tid++, time_ns);
        rig_turn(rig);
        peer_expect_nothing(rig, &peer);
        rig_age(rig, 1);
        expect_event(rig, &peer, number++, 1, 0, time_ns);
        peer_free(&peer);
        peer_free(&other);
        expect_all_returned(rig);
        rig_free(rig);
}

/* A loss by one filter leaves the streams of all others whole, however many users there are. */
static void test_filters_of_others(void) {
        Rig *rig = rig_new_of_users();
        Peer plain = peer_new_welcomed(rig, 0), worst = peer_new_welcomed(rig, 0);
        QuotaUser *users[60];
        uint64_t time_ns = 1000 * NSEC_PER_SEC;

        rig_rate(rig, QUOTA_FILTERS)->at_once = 600;
        rig_rate(rig, QUOTA_FILTERS)->a_second = 1000;
        ask_for_name(&plain, "77-*");
        expect_subscribed(rig, &plain, false);
        ask_for_name(&worst, "*[!x]*[!x]*[!x]*[!x]*[!x]*[!x]*[!x]*[!x]*[!x]*z");
        expect_subscribed(rig, &worst, false);
        for (size_t i = 0; i < ARRAY_SIZE(users); ++i)
                users[i] = quota_user_get(&rig->hub.quota, (uid_t)(5000 + i), 1);
        for (uint32_t tid = 10; tid < 80; ++tid)
                publish_at(rig, tid, time_ns);
        rig_turn(rig);
        expect_event(rig, &plain, 1, 0, 77, 0);
        assert(rig_first_feed(rig)->n_skipped == 0 && rig_newest_feed(rig)->n_skipped > 0);
        for (size_t i = 0; i < ARRAY_SIZE(users); ++i)
                quota_user_unref(users[i]);
        peer_free(&plain);
        peer_free(&worst);
        expect_all_returned(rig);
        rig_free(rig);
}

static void ask_for_groups(Rig *rig, Peer *peer, uint32_t groups) {
        PB(Subscribe) subscribe = TASKBROKER__V1__SUBSCRIBE__INIT;
        PB(EventKind) kind = TASKBROKER__V1__EVENT_KIND__EVENT_KIND_EXIT;

        subscribe.groups = groups;
        subscribe.kinds = &kind;
        subscribe.n_kinds = 1;
        subscribe.threads = true;
        peer_ask_for(peer, 1, &subscribe);
        expect_subscribed(rig, peer, false);
}

static void publish_exit(Rig *rig, uint32_t tid, uint64_t time_ns) {
        static const TaskStats stats = { .version = 13, .groups = STATS_CPU | STATS_IO, .ac_utime_us = 7 };
        Event event = { .kind = EVENT_EXIT, .pid = tid, .tid = tid, .time_ns = time_ns };

        event.exit.stats = &stats;
        rig_publish_event(rig, &event);
}

/* The next batch of exits: the groups of their statistics, and how many a Loss by the budget counts. */
static void expect_exits(Rig *rig, Peer *peer, size_t n, bool stats, bool cpu, uint64_t n_lost) {
        PB(ServerMessage) *message = peer_expect_body(rig, peer, EVENT_BATCH);
        const PB(EventBatch) *batch = message->event_batch;

        assert(batch->n_events == n + (n_lost > 0));
        for (size_t i = 0; i < n; ++i) {
                const PB(TaskStats) *got = batch->events[i]->exit->stats;

                assert(!got == !stats && (!got || (!got->cpu == !cpu && !got->io)));
        }
        if (n_lost > 0)
                assert(batch->events[n]->loss->source == TASKBROKER__V1__LOSS_SOURCE__LOSS_SOURCE_FILTER &&
                       batch->events[n]->loss->count == n_lost);
        message_free(message);
}

/*
 * Exits are encoded once for all who ask for the same groups. For other groups they are encoded again, at the cost of
 * the feed: over its budget it has a Loss.
 */
static void test_groups(void) {
        Rig *rig = rig_new_of_users();
        Peer cpu = peer_new_welcomed(rig, 0), same = peer_new_welcomed(rig, 0), none = peer_new_welcomed(rig, 0);
        uint64_t time_ns = 1000 * NSEC_PER_SEC;
        const FilterBudget *budget;
        size_t n = 0;

        rig_rate(rig, QUOTA_FILTERS)->at_once = 5500;
        rig_rate(rig, QUOTA_FILTERS)->a_second = 1000;
        ask_for_groups(rig, &cpu, STATS_CPU);
        ask_for_groups(rig, &same, STATS_CPU);
        ask_for_groups(rig, &none, STATS_NO_GROUP);
        budget = &rig_newest_feed(rig)->budget;
        assert(rig_first_feed(rig) != rig_newest_feed(rig) && rig->hub.feeds.n == 2);
        while (!budget->over)
                publish_exit(rig, (uint32_t)++n, time_ns);
        assert(n > 3 && n < 20);
        rig_turn(rig);
        expect_exits(rig, &cpu, n, true, true, 0);
        expect_exits(rig, &same, n, true, true, 0);
        expect_exits(rig, &none, n - 1, false, false, 0);
        rig_age(rig, 1);
        expect_exits(rig, &none, 0, false, false, 1);
        peer_free(&cpu);
        peer_free(&same);
        peer_free(&none);
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
        message_free(peer_expect_body(rig, &peer, BROKER_STATUS));
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
        message_free(peer_expect_body(rig, &peer, BROKER_STATUS));

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
        message_free(peer_expect_body(rig, &other, BROKER_STATUS));
        rig->stays_throttled = false;
        message_free(peer_expect_body(rig, &peer, BROKER_STATUS));
        message_free(peer_expect_body(rig, &peer, BROKER_STATUS));
        peer_free(&peer);
        peer_free(&other);
        expect_all_returned(rig);
        rig_free(rig);
}

/*
 * A user with many connections: in each turn they get their part, and others come before the rest. All get all in the
 * end, in their turn. @delay_ms: the delay that the subscribers allow.
 */
static void test_sending(uint32_t delay_ms) {
        enum { N = 6 };
        Peer peers[N + 2];
        Rig *rig = rig_new();
        size_t n_turns = 0, n_served, n_before = 0;

        for (size_t i = 0; i < ARRAY_SIZE(peers); ++i) {
                peers[i] = peer_new_of(rig, 0, &(Credentials){ .uid = i < N ? 1000 : i == N ? 1001 : 0 });
                message_free(peer_expect_body(rig, &peers[i], WELCOME));
                peer_ask_subscribe(&peers[i], 1, false, delay_ms);
                message_free(peer_expect_body(rig, &peers[i], SUBSCRIBED));
        }
        /* the least that a turn can do: one connection of each user */
        rig->hub.connections.user_flush_ns = rig->hub.connections.turn_flush_ns = 1;
        for (uint32_t round = 0; round < 2; ++round) {
                rig_publish(rig, 1);
                do {
                        rig_end_turn(rig);
                        if (delay_ms)
                                list_for_each(link, safe, &rig->hub.connections.open)
                                        rig_pass_delay(rig, container_of(link, Connection, link));
                        rig_run_watchers(rig);
                        n_served = 0;
                        for (size_t i = 0; i < ARRAY_SIZE(peers); ++i) {
                                (void)peer_receive(&peers[i], SIZE_MAX);
                                n_served += peers[i].n > peers[i].n_taken;
                        }
                        /* the others come first, and then one more in each turn */
                        if (n_served > 0) {
                                assert(n_served == n_before + (n_before == 0 ? 3 : 1));
                                assert(peers[N].n > peers[N].n_taken && peers[N + 1].n > peers[N + 1].n_taken);
                        }
                        n_before = n_served;
                        assert(++n_turns < 100);
                } while (n_served < ARRAY_SIZE(peers));
                for (size_t i = 0; i < ARRAY_SIZE(peers); ++i)
                        peer_check_events(rig, &peers[i], round + 1, round, 1, NULL);
                n_before = 0;
        }
        for (size_t i = 0; i < ARRAY_SIZE(peers); ++i)
                peer_free(&peers[i]);
        rig_turn(rig);
        rig_free(rig);
}

int main(void) {
        log_init(LOG_LEVEL_ERR);
        test_connections();
        test_feeds();
        test_subtrees();
        test_root_shares_nothing();
        test_snapshots();
        test_waiting();
        test_programs_read_since();
        test_input();
        test_output();
        test_feed_bytes();
        test_filters();
        test_filters_of_others();
        test_groups();
        test_rest();
        test_rest_in_turn();
        test_turn();
        test_sending(0);
        test_sending(50);
        return 0;
}
