/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/* Snapshots in slices, and subscriptions that waited for programs: a turn has a bounded part of the work. */

#include "tests/unit/harness.h"
#include "tests/unit/hub_rig.h"

#define N_PROCESSES 500u

/* Nobody is root, and a slice has one task. */
static Rig *rig_new_sliced(void) {
        Rig *rig = rig_new();

        rig_limits(rig)->root = (uid_t)-2;
        rig->hub.feeds.slice_steps = 1;
        rig_add_processes(rig, 100, N_PROCESSES);
        return rig;
}

/* @pid: makes the feed another one; 0: all processes. */
static void ask(const Peer *peer, uint64_t id, bool programs, uint32_t pid) {
        PB(Filter) filter = TASKBROKER__V1__FILTER__INIT;
        PB(Subscribe) subscribe = TASKBROKER__V1__SUBSCRIBE__INIT;

        filter.pids = &pid;
        filter.n_pids = 1;
        subscribe.filter = pid ? &filter : NULL;
        subscribe.snapshot = true;
        subscribe.programs = programs;
        peer_ask_for(peer, id, &subscribe);
}

static void expect_snapshot(Rig *rig, Peer *peer, size_t n) {
        PB(ServerMessage) *message;

        message_free(peer_expect_body(rig, peer, SNAPSHOT_PART));
        message = peer_expect_body(rig, peer, SNAPSHOT_END);
        assert(message->snapshot_end->task_count == n);
        message_free(message);
}

static bool is_building(const Rig *rig) {
        return !list_is_empty(&rig->hub.feeds.builds);
}

/* Turns until no snapshot is being made. Return: how many. */
static size_t finish(Rig *rig) {
        size_t n = 0;

        for (; is_building(rig); ++n) {
                rig_run_watchers(rig);
                rig_end_turn(rig);
        }
        return n;
}

static void end_process(Rig *rig, uint32_t pid) {
        Event event = { .kind = EVENT_EXIT, .pid = pid, .tid = pid, .exit = { .process_ended = true } };
        Task *leader = task_table_get_leader(&rig->join.table, pid);

        rig_publish_event(rig, &event);
        task_table_end_task(&rig->join.table, leader);
        task_table_end_process(&rig->join.table, task_table_get_process(&rig->join.table, pid));
}

static void expect_all_returned(Rig *rig) {
        rig_age(rig, LIMIT_RESUME_SECONDS + 2);
        assert(rig_status(rig).connections == 0 && rig_status(rig).feeds == 0);
        for (int kind = 0; kind < _QUOTA_HELD; ++kind)
                assert(rig_used(rig, kind) == 0);
}

/* Events between the slices follow the snapshot, and a client that comes meanwhile shares it. */
static void test_slices(void) {
        Rig *rig = rig_new_sliced();
        Peer peers[2] = { peer_new_welcomed(rig, 0), peer_new_welcomed(rig, 0) };
        PB(ServerMessage) *message;

        ask(&peers[0], 1, false, 0);
        rig_turn(rig);
        assert(is_building(rig));
        /* the loop does not sleep, and requests are served meanwhile */
        assert(ev_is_active(&rig->hub.work));
        end_process(rig, 100 + N_PROCESSES - 1);
        ask(&peers[1], 1, false, 0);
        peer_ask_status(&peers[0], 2);
        rig_turn(rig);
        assert(is_building(rig) && rig->hub.feeds.n_snapshots_made == 1);
        for (int i = 0; i < 2; ++i) {
                message_free(peer_expect_body(rig, &peers[i], SUBSCRIBED));
                if (i == 0)
                        message_free(peer_expect_body(rig, &peers[i], BROKER_STATUS));
        }
        assert(finish(rig) >= N_PROCESSES / 2);
        for (int i = 0; i < 2; ++i) {
                expect_snapshot(rig, &peers[i], N_PROCESSES);
                message = peer_expect_body(rig, &peers[i], EVENT_BATCH);
                assert(message->event_batch->first_number == 1 && message->event_batch->n_events == 1);
                message_free(message);
                peer_free(&peers[i]);
        }
        expect_all_returned(rig);
        rig_free(rig);
}

/* The memory is used up within a snapshot: its readers get an Error, and all of it comes back. */
static void test_no_memory(void) {
        Rig *rig = rig_new_sliced();
        Peer peer = peer_new_welcomed(rig, 0);

        ask(&peer, 1, false, 0);
        rig_turn(rig);
        message_free(peer_expect_body(rig, &peer, SUBSCRIBED));
        rig_share(rig, QUOTA_BYTES)->of_user = rig_used(rig, QUOTA_BYTES);
        finish(rig);
        rig_share(rig, QUOTA_BYTES)->of_user = 10 << 20;
        peer_expect_error(rig, &peer, ERROR_QUOTA, true);
        peer_expect_end(rig, &peer);
        peer_free(&peer);
        expect_all_returned(rig);
        rig_free(rig);
}

/* A snapshot whose readers have left is not completed. */
static void test_readers_leave(void) {
        Rig *rig = rig_new_sliced();
        Peer peer = peer_new_welcomed(rig, 0);

        ask(&peer, 1, false, 0);
        rig_turn(rig);
        assert(is_building(rig));
        peer_free(&peer);
        rig_turn(rig);
        assert(!is_building(rig));
        expect_all_returned(rig);
        rig_free(rig);
}

/* A user who asks for many snapshots pays for them: the one of another user comes first. */
static void test_users(void) {
        const Credentials users[2] = { { .uid = 1000 }, { .uid = 1001 } };
        Rig *rig = rig_new_sliced();
        Peer peers[5];

        for (uint32_t i = 0; i < ARRAY_SIZE(peers); ++i) {
                peers[i] = peer_new_of(rig, 0, &users[i == 4]);
                message_free(peer_expect_body(rig, &peers[i], WELCOME));
        }
        for (uint32_t i = 0; i < ARRAY_SIZE(peers); ++i) {
                ask(&peers[i], 1, false, 0);
        }
        rig_turn(rig);
        /* the four of the first user share one, and the other user has a feed of its own */
        assert(rig->hub.feeds.n_snapshots_made == 2);
        rig->stays_throttled = true;
        peers[0].connection->user->work_paid_ns = UINT64_MAX / 2;
        for (size_t i = 0; i < N_PROCESSES; ++i)
                rig_end_turn(rig);
        message_free(peer_expect_body(rig, &peers[4], SUBSCRIBED));
        expect_snapshot(rig, &peers[4], N_PROCESSES);
        assert(is_building(rig));
        rig->stays_throttled = false;
        finish(rig);
        for (uint32_t i = 0; i < ARRAY_SIZE(peers); ++i)
                peer_free(&peers[i]);
        expect_all_returned(rig);
        rig_free(rig);
}

/* Subscriptions that waited for programs begin as far as the turn has time, at the cost of their users. */
static void test_ready(void) {
        Rig *rig = rig_new_sliced();
        Peer peers[3];

        for (uint32_t i = 0; i < 3; ++i) {
                peers[i] = peer_new_welcomed(rig, 0);
                ask(&peers[i], 1, true, 100 + i);
        }
        rig_turn(rig);
        assert(hub_needs_programs(&rig->hub));
        rig_read_programs(rig);
        rig->stays_throttled = true;
        rig_end_throttling(rig);
        /* this turn has no time left */
        rig_run_watchers(rig);
        rig_use_turn(rig, LIMIT_TURN_NS);
        for (uint32_t i = 0; i < 3; ++i)
                assert(peers[i].connection->n_expected == 1 && client_of(peers[i].connection)->n_pending == 1);
        rig->stays_throttled = false;
        for (uint32_t i = 0; i < 3; ++i) {
                message_free(peer_expect_body(rig, &peers[i], SUBSCRIBED));
                finish(rig);
                expect_snapshot(rig, &peers[i], 1);
                peer_free(&peers[i]);
        }
        assert(!hub_needs_programs(&rig->hub));
        expect_all_returned(rig);
        rig_free(rig);
}

/* A snapshot is no work for events: the filter of its feed keeps its budget. */
static void test_budget(void) {
        Rig *rig = rig_new_sliced();
        Peer peer = peer_new_welcomed(rig, 0);

        *rig_rate(rig, QUOTA_FILTERS) = (QuotaRate){ .a_second = 1000, .at_once = 1000 };
        ask(&peer, 1, false, 100);
        rig_turn(rig);
        message_free(peer_expect_body(rig, &peer, SUBSCRIBED));
        finish(rig);
        expect_snapshot(rig, &peer, 1);
        end_process(rig, 100);
        rig_turn(rig);
        assert(rig_first_feed(rig)->n_skipped == 0);
        end_process(rig, 101);
        assert(rig_first_feed(rig)->n_skipped == 0);
        peer_free(&peer);
        expect_all_returned(rig);
        rig_free(rig);
}

/* Many connections that end at once, and their feeds, are freed in several turns. */
static void test_ends(void) {
        enum { N = 2 * LIMIT_TURN_FREED + 1 };
        Rig *rig = rig_new_sliced();
        static Peer peers[N];
        Peer last;

        /* the peers end together, however slow the machine is */
        rig->hub.connections.owner.request_seconds = UINT32_MAX;
        for (uint32_t i = 0; i < N; ++i) {
                peers[i] = peer_new_welcomed(rig, 0);
                free(peers[i].bytes);
                peers[i].bytes = NULL;
        }
        for (uint32_t i = 0; i < N; ++i)
                connection_die(peers[i].connection);
        for (size_t n = N; n > 0; n -= MIN(n, (size_t)LIMIT_TURN_FREED)) {
                size_t n_dead = 0;

                for (const List *link = rig->hub.connections.dead.next; link != &rig->hub.connections.dead;
                     link = link->next)
                        ++n_dead;
                assert(n_dead == n && rig_used(rig, QUOTA_CONNECTIONS) == n);
                rig_run_watchers(rig);
                rig_end_turn(rig);
                /* the loop does not sleep while some are left */
                assert(n <= LIMIT_TURN_FREED || ev_is_active(&rig->hub.work));
        }
        for (uint32_t i = 0; i < N; ++i)
                peer_free(&peers[i]);

        assert(rig->hub.feeds.freed_bytes_max == LIMIT_FREED_BYTES);
        rig->hub.feeds.freed_bytes_max = 1;
        for (uint32_t i = 0; i < 2; ++i) {
                last = peer_new_welcomed(rig, 0);
                ask(&last, 1, false, 100 + i);
                message_free(peer_expect_body(rig, &last, SUBSCRIBED));
                end_process(rig, 100 + i);
                peer_free(&last);
                rig_turn(rig);
        }
        rig_age(rig, LIMIT_RESUME_SECONDS);
        assert(rig_status(rig).feeds == 2);
        rig_age(rig, 1);
        assert(rig_status(rig).feeds == 1);
        rig_age(rig, 1);
        assert(rig_status(rig).feeds == 0);
        expect_all_returned(rig);
        rig_free(rig);
}

int main(void) {
        test_slices();
        test_no_memory();
        test_readers_leave();
        test_users();
        test_ready();
        test_budget();
        test_ends();
        return 0;
}
