/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/*
 * Requests that wait until it is known which programs run. However such a request ends, it
 * keeps the programs wanted no longer than it waits.
 */

#include "tests/unit/hub_rig.h"
#include "tests/unit/made_stats.h"

static MadeStats kernel;

static Rig *begin(void) {
        Rig *rig = rig_new_sized(0);

        made_stats_init(&kernel, &rig->join.table);
        rig_add_sampler(rig, &kernel.source);
        rig_add_processes(rig, 100, 3);
        return rig;
}

/* Asks for samples of a cgroup, below process @root if it is not 0. */
static void ask_sample(const Peer *peer, uint32_t root) {
        static uint8_t frame[FRAME_MAX_FROM_CLIENT + FRAME_PREFIX_MAX];
        PB(ClientMessage) message = TASKBROKER__V1__CLIENT_MESSAGE__INIT;
        PB(SubscribeSamples) sample = TASKBROKER__V1__SUBSCRIBE_SAMPLES__INIT;
        PB(Filter) filter = TASKBROKER__V1__FILTER__INIT;
        ProtobufCBinaryData cgroup = { .len = 2, .data = (uint8_t *)"/a" };

        filter.n_cgroups = 1;
        filter.cgroups = &cgroup;
        filter.n_subtrees = root > 0;
        filter.subtrees = &root;
        sample.interval_ms = LIMIT_SAMPLE_MS_MAX;
        sample.filter = &filter;
        message.request_id = 7;
        message.body_case = TASKBROKER__V1__CLIENT_MESSAGE__BODY_SUBSCRIBE_SAMPLES;
        message.subscribe_samples = &sample;
        peer_send(peer, frame, request_pack(frame, &message));
}

static void expect_wanted(const Rig *rig, size_t n, bool pending) {
        assert(rig->join.programs.n_wanted == n && hub_needs_programs(&rig->hub) == pending);
}

/* A client whose Sample request waits for programs. */
static Peer peer_new_waiting(Rig *rig, uint32_t root) {
        Peer peer = peer_new_welcomed(rig, 0);

        ask_sample(&peer, root);
        peer_expect_nothing(rig, &peer);
        expect_wanted(rig, 1, true);
        return peer;
}

/* The connection lives, and serves other requests. */
static void expect_status(Rig *rig, Peer *peer) {
        peer_ask_status(peer, 9);
        message_free(peer_expect_body(rig, peer, BROKER_STATUS));
}

static void end(Rig *rig, Peer *peer) {
        peer_free(peer);
        rig_turn(rig);
        rig_expect_no_clients(rig);
        expect_wanted(rig, 0, false);
        rig_free(rig);
}

/* From the beginning of the samples the feed wants the programs, once. */
static void test_served(void) {
        Rig *rig = begin();
        Peer peer = peer_new_waiting(rig, 0);

        expect_status(rig, &peer);
        rig_read_programs(rig);
        message_free(peer_expect_body(rig, &peer, SUBSCRIBED_SAMPLES));
        expect_wanted(rig, 1, false);
        end(rig, &peer);
}

/* The process of the filter ended while the request waited: it is refused, and the connection lives. */
static void test_refused_after_wait(void) {
        Rig *rig = begin();
        Peer peer = peer_new_waiting(rig, 101);

        task_table_end_process(&rig->join.table, task_table_get_process(&rig->join.table, 101));
        rig_read_programs(rig);
        peer_expect_error_of(rig, &peer, ERROR_BAD_VALUE, false, "subscribe_samples.filter.subtrees");
        expect_wanted(rig, 0, false);
        expect_status(rig, &peer);
        end(rig, &peer);
}

/* There was room for the feed when the request came, and there is none when the feed is made. */
static void test_refused_without_room(void) {
        Rig *rig = begin();
        Peer peer = peer_new_waiting(rig, 0);

        rig_share(rig, QUOTA_SAMPLE_FEEDS)->total = rig_share(rig, QUOTA_SAMPLE_FEEDS)->reserve = 0;
        rig_read_programs(rig);
        peer_expect_error(rig, &peer, ERROR_LIMIT, false);
        expect_wanted(rig, 0, false);
        expect_status(rig, &peer);
        end(rig, &peer);
}

/* The request may not even wait. */
static void test_refused_before_wait(void) {
        Rig *rig = begin();
        Peer peer = peer_new_welcomed(rig, 0);

        rig_share(rig, QUOTA_REQUESTS)->total = rig_share(rig, QUOTA_REQUESTS)->reserve = 0;
        ask_sample(&peer, 0);
        peer_expect_error(rig, &peer, ERROR_LIMIT, false);
        expect_wanted(rig, 0, false);
        expect_status(rig, &peer);
        end(rig, &peer);
}

/* Requests that wait count as streams: as many wait as a connection may have, and each is served once. */
static void test_many_wait(void) {
        Rig *rig = begin();
        Peer peer = peer_new_waiting(rig, 0);
        PB(ServerMessage) *message;

        for (size_t i = 1; i < LIMIT_STREAMS; ++i)
                ask_sample(&peer, 0);
        ask_sample(&peer, 0);
        peer_expect_error(rig, &peer, ERROR_LIMIT, false);
        expect_wanted(rig, LIMIT_STREAMS, true);
        rig_read_programs(rig);
        for (uint32_t i = 1; i <= LIMIT_STREAMS; ++i) {
                message = peer_expect_body(rig, &peer, SUBSCRIBED_SAMPLES);
                assert(message->stream == i);
                message_free(message);
        }
        expect_wanted(rig, 1, false);
        end(rig, &peer);
}

/* The client disconnects while its request waits. */
static void test_disconnected(void) {
        Rig *rig = begin();
        Peer peer = peer_new_waiting(rig, 0);

        end(rig, &peer);
}

/* An error closes the connection while its request waits: the request is not served any more. */
static void test_closed_by_error(void) {
        static const uint8_t zeros[4] = {};
        Rig *rig = begin();
        Peer peer = peer_new_waiting(rig, 0);

        peer_send(&peer, zeros, sizeof(zeros));
        rig_run_watchers(rig);
        assert(peer_is_closing(&peer));
        rig_read_programs(rig);
        assert(rig_status(rig).subscribers == 0 && list_is_empty(&rig->sampler.feeds.list));
        peer_expect_error(rig, &peer, ERROR_BAD_FRAME, true);
        peer_expect_end(rig, &peer);
        expect_wanted(rig, 0, false);
        end(rig, &peer);
}

/* A refused client expects no answer any more: the connection ends when the client shuts down its sending side. */
static void test_shutdown_after_refusal(void) {
        Rig *rig = begin();
        Peer peer = peer_new_waiting(rig, 101);

        task_table_end_process(&rig->join.table, task_table_get_process(&rig->join.table, 101));
        rig_read_programs(rig);
        peer_expect_error(rig, &peer, ERROR_BAD_VALUE, false);
        assert(shutdown(peer.fd, SHUT_WR) == 0);
        peer_expect_end(rig, &peer);
        end(rig, &peer);
}

/* The client shuts down its sending side while its request waits: the refusal is the last thing that it gets. */
static void test_shutdown_before_refusal(void) {
        Rig *rig = begin();
        Peer peer = peer_new_waiting(rig, 101);

        assert(shutdown(peer.fd, SHUT_WR) == 0);
        rig_turn(rig);
        assert(!peer_is_closing(&peer));
        task_table_end_process(&rig->join.table, task_table_get_process(&rig->join.table, 101));
        rig_read_programs(rig);
        peer_expect_error(rig, &peer, ERROR_BAD_VALUE, false);
        peer_expect_end(rig, &peer);
        end(rig, &peer);
}

int main(void) {
        log_init(LOG_LEVEL_ERR);
        test_served();
        test_refused_after_wait();
        test_refused_without_room();
        test_refused_before_wait();
        test_many_wait();
        test_disconnected();
        test_closed_by_error();
        test_shutdown_after_refusal();
        test_shutdown_before_refusal();
        return 0;
}
