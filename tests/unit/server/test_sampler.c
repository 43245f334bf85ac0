/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/* The sampler in a hub: who gets samples when, and what is in them. The kernel is played by the test. */

#include "tests/unit/hub_rig.h"
#include "tests/unit/made_stats.h"

static MadeStats kernel;

static Rig *begin(void) {
        Rig *rig = rig_new_sized(0);

        made_stats_init(&kernel, &rig->join.table);
        rig_add_sampler(rig, &kernel.source);
        return rig;
}

static Task *add(Rig *rig, uint32_t pid, uint32_t tid) {
        Task *task = made_task(&rig->join.table, pid, tid, 1, tid);

        kernel.run_ns[tid] = tid;
        return task;
}

static void ask(const Peer *peer, const PB(SubscribeSamples) * sample) {
        static uint8_t frame[FRAME_MAX_FROM_CLIENT + FRAME_PREFIX_MAX];
        PB(ClientMessage) message = TASKBROKER__V1__CLIENT_MESSAGE__INIT;

        message.request_id = 7;
        message.body_case = TASKBROKER__V1__CLIENT_MESSAGE__BODY_SUBSCRIBE_SAMPLES;
        message.subscribe_samples = (PB(SubscribeSamples) *)sample;
        peer_send(peer, frame, request_pack(frame, &message));
}

/* A client that has asked for samples, and received the lowest number that its first sample may have. */
static Peer sampling_of(Rig *rig, int n_buffer, const PB(SubscribeSamples) * sample, uint64_t number) {
        Peer peer = peer_new_welcomed(rig, n_buffer);
        PB(ServerMessage) *message;

        ask(&peer, sample);
        message = peer_expect_body(rig, &peer, SUBSCRIBED_SAMPLES);
        assert(message->subscribed_samples->request_id == 7 && message->subscribed_samples->next_number == number);
        message_free(message);
        return peer;
}

static Peer sampling(Rig *rig, int n_buffer, uint32_t interval_ms, bool threads, uint64_t number) {
        PB(SubscribeSamples) sample = TASKBROKER__V1__SUBSCRIBE_SAMPLES__INIT;

        sample.interval_ms = interval_ms;
        sample.scope = threads ? TASKBROKER__V1__SAMPLE_SCOPE__SAMPLE_SCOPE_THREADS
                               : TASKBROKER__V1__SAMPLE_SCOPE__SAMPLE_SCOPE_PROCESSES;
        return sampling_of(rig, n_buffer, &sample, number);
}

/* Returns the next part of a sample, which must have the number. */
static PB(ServerMessage) *expect_part(Rig *rig, Peer *peer, uint64_t number) {
        PB(ServerMessage) *message = peer_expect_body(rig, peer, SAMPLE_PART);

        assert(message->sample_part->number == number);
        return message;
}

/* A short-lived process; each client that samples gets a report of the process. */
static void live_and_die(Rig *rig, uint32_t pid) {
        static const TaskStats stats = { .version = 16, .groups = STATS_CPU, .cpu_run_virtual_total_ns = 5 };
        Event fork = { .kind = EVENT_FORK, .pid = pid, .tid = pid, .uid = 1000, .start_time_ns = pid, .comm = "short" };
        Event exit = fork;

        exit.kind = EVENT_EXIT;
        exit.exit.process_ended = true;
        exit.exit.stats = &stats;
        rig_publish_event(rig, &fork);
        rig_publish_event(rig, &exit);
}

/* Falls off its feed's tail while a sweep runs, or between two: in both cases the numbers say what it did not get. */
static void test_loss(void) {
        for (int in_sweep = 0; in_sweep < 2; ++in_sweep) {
                Rig *rig = begin();
                Peer peer = sampling(rig, 0, LIMIT_SAMPLE_MS_MAX, false, 1);
                uint64_t number = 1, n_lost = 0;
                PB(ServerMessage) *message;

                for (uint32_t tid = 1; tid <= 40; ++tid)
                        (void)add(rig, tid, tid);
                rig_finish_sampling(rig);
                for (uint32_t i = 0; i < 3; ++i) {
                        for (uint32_t pid = 1000; pid < 9000; ++pid)
                                live_and_die(rig, pid);
                        rig_sample(rig);
                        rig_finish_sampling(rig);
                }
                kernel.source.n_max = 1;
                rig_sample(rig);
                rig_run_watchers(rig);
                rig_end_turn(rig);
                assert(rig_is_sweeping(rig));
                if (!in_sweep)
                        rig_finish_sampling(rig);

                /* the loss is reported before the sweep has ended */
                for (int i = 0; n_lost == 0; ++i) {
                        assert(i < 100);
                        rig_run_watchers(rig);
                        rig_flush(rig);
                        (void)peer_receive(&peer, SIZE_MAX);
                        while (n_lost == 0 && (message = peer_take(&peer))) {
                                if (message->body_case == TASKBROKER__V1__SERVER_MESSAGE__BODY_SAMPLE_LOSS) {
                                        n_lost = message->sample_loss->count;
                                } else {
                                        assert(message->sample_part->number == number);
                                        number += message->sample_part->last;
                                }
                                message_free(message);
                        }
                }
                assert(rig_is_sweeping(rig) == in_sweep && rig_status(rig).sample_lost == n_lost && n_lost > 1);
                rig_finish_sampling(rig);
                rig_sample(rig);
                rig_finish_sampling(rig);
                message = expect_part(rig, &peer, number + n_lost);
                assert(message->sample_part->last && message->sample_part->full &&
                       message->sample_part->n_samples == 40);
                message_free(message);
                peer_free(&peer);
                rig_free(rig);
        }
}

/* The number of the sweep wraps: the client gets each change, one full sample, and each change again. */
static void test_sweep_number_wraps(void) {
        PB(ServerMessage) *message;
        Rig *rig = begin();
        Peer peer;

        for (uint32_t tid = 1; tid <= 3; ++tid)
                (void)add(rig, tid, tid);
        peer = sampling(rig, 0, LIMIT_SAMPLE_MS_MAX, false, 1);
        for (uint64_t number = 1; number <= 8; ++number) {
                bool full = number == 1 || number == 5;

                if (number > 1)
                        rig_sample(rig);
                rig_finish_sampling(rig);
                message = expect_part(rig, &peer, number);
                assert(message->sample_part->last && message->sample_part->full == full);
                assert(message->sample_part->n_samples == (full ? 3 : 1));
                message_free(message);
                if (number == 1)
                        rig->sampler.sweep.number = UINT32_MAX - 3;
                ++kernel.run_ns[2];
        }
        assert(rig->sampler.sweep.number == 5);
        peer_free(&peer);
        rig_free(rig);
}

/*
 * The work of a sweep for a filter is charged. A feed over its budget takes part in no sweep and judges no event; its
 * next sample has their number. A feed without a filter gets its samples meanwhile.
 */
static void test_filter_over_budget(void) {
        ProtobufCBinaryData pattern = { .data = (uint8_t *)"*x*", .len = 3 };
        PB(SubscribeSamples) sample = TASKBROKER__V1__SUBSCRIBE_SAMPLES__INIT;
        PB(Filter) filter = TASKBROKER__V1__FILTER__INIT;
        Rig *rig = begin();
        PB(ServerMessage) *message;
        Peer peer, other;
        Feed *feed;

        for (uint32_t tid = 1; tid <= 100; ++tid)
                (void)add(rig, tid, tid);
        rig_limits(rig)->root = (uid_t)-2;
        rig_rate(rig, QUOTA_FILTERS)->a_second = 1;
        rig_rate(rig, QUOTA_FILTERS)->at_once = 50;
        filter.comms = &pattern;
        filter.n_comms = 1;
        sample.interval_ms = LIMIT_SAMPLE_MS_MAX;
        sample.filter = &filter;
        peer = sampling_of(rig, 0, &sample, 1);
        feed = container_of(rig->sampler.feeds.list.next, SampleFeed, link)->feed;
        rig_finish_sampling(rig);
        message = expect_part(rig, &peer, 1);
        assert(message->sample_part->last && message->sample_part->n_samples == 0);
        message_free(message);
        assert(feed->matcher.n_steps >= 200 && feed->budget.n_charged == feed->matcher.n_steps);

        other = sampling(rig, 0, LIMIT_SAMPLE_MS_MAX, false, 1);
        rig_sample(rig);
        rig_finish_sampling(rig);
        message = expect_part(rig, &other, 1);
        message_free(message);
        peer_expect_nothing(rig, &peer);
        live_and_die(rig, 1000);
        assert(feed->budget.n_charged == feed->matcher.n_steps);

        feed->budget = (FilterBudget){ .n_charged = feed->matcher.n_steps };
        rig_sample(rig);
        rig_finish_sampling(rig);
        message = expect_part(rig, &peer, 2);
        assert(message->sample_part->last && message->sample_part->lost == 2 && message->sample_part->forks == 0);
        message_free(message);
        peer_free(&peer);
        peer_free(&other);
        rig_free(rig);
}

int main(void) {
        log_init(LOG_LEVEL_ERR);
        test_sweep_number_wraps();
        test_loss();
        test_filter_over_budget();
        return 0;
}
