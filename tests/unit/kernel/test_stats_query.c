/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/* Tests queries for many tasks at once, and their answers. The test holds the other end of the socket. */

#include "broker/base/log.h"
#include "broker/base/util.h"
#include "broker/kernel/stats_query.h"
#include "tests/unit/fake_kernel.h"

typedef struct Rig Rig;

struct Rig {
        StatsQuery query;
        int kernel;
        uint8_t asked[STATS_QUERY_MAX * STATS_REQUEST_BYTES];
        size_t n_asked;
};

static void rig_init(Rig *rig) {
        int fds[2];

        packet_pair(fds);
        rig->kernel = fds[1];
        assert(stats_query_init(&rig->query, fds[0]) == 0);
        /* as the real kernel: who asks has the answers already */
        rig->query.wait_ms = 0;
}

static void rig_deinit(Rig *rig) {
        stats_query_deinit(&rig->query);
        assert(rig->query.fd == -1);
        stats_query_deinit(&rig->query);
        close(rig->kernel);
}

static void rig_ask(Rig *rig, const uint32_t *tids, size_t n) {
        ssize_t n_got;

        assert(rig->query.source.ask(&rig->query.source, tids, n) == 0);
        n_got = recv(rig->kernel, rig->asked, sizeof(rig->asked), MSG_DONTWAIT);
        assert(n_got >= 0 && n_got % STATS_REQUEST_BYTES == 0);
        rig->n_asked = (size_t)n_got / STATS_REQUEST_BYTES;
}

static uint32_t rig_word(const Rig *rig, size_t i, size_t at) {
        uint32_t word;

        memcpy(&word, rig->asked + i * STATS_REQUEST_BYTES + at, sizeof(word));
        return word;
}

/* Answers the i-th question of the last ask. */
static void rig_answer(const Rig *rig, size_t i, uint64_t run_ns) {
        ExitMessage message = exit_message_new();
        uint8_t stats[STATS_BYTES] = {};
        uint32_t tid = rig_word(rig, i, 24);

        put_u16(stats, 0, 16);
        put_u32(stats, STATS_AT_PID, tid);
        put_u64(stats, STATS_AT_RUN_VIRTUAL, run_ns);
        exit_message_aggregate(&message, ATTR_AGGR_PID, tid, stats, STATS_BYTES_V16, false);
        put_u32(message.data, 8, rig_word(rig, i, 8));
        packet_send(rig->kernel, message.data, message.n);
}

static void rig_refuse(const Rig *rig, size_t i, int32_t error) {
        uint8_t data[36] = {};

        put_u32(data, 0, sizeof(data));
        put_u16(data, 4, 2); /* NLMSG_ERROR */
        put_u32(data, 8, rig_word(rig, i, 8));
        put_u32(data, 16, (uint32_t)error);
        packet_send(rig->kernel, data, sizeof(data));
}

static StatsAnswer rig_next(Rig *rig) {
        StatsAnswer answer;

        assert(rig->query.source.next(&rig->query.source, &answer) == 0);
        return answer;
}

static void expect(Rig *rig, StatsAnswerState state, uint32_t tid, uint64_t run_ns) {
        StatsAnswer answer = rig_next(rig);

        assert(answer.state == state);
        if (state == STATS_ANSWER_LIVE)
                assert(answer.stats.ac_pid == tid && answer.stats.cpu_run_virtual_total_ns == run_ns);
}

static void test_requests(void) {
        uint32_t tids[] = { 7, 70000, 7 };
        static Rig rig;

        rig_init(&rig);
        rig_ask(&rig, tids, 3);
        assert(rig.n_asked == 3);
        for (size_t i = 0; i < 3; ++i) {
                assert(rig_word(&rig, i, 0) == STATS_REQUEST_BYTES);
                assert(rig_word(&rig, i, 8) == rig_word(&rig, 0, 8) + i);
                assert(rig_word(&rig, i, 16) == (1u | 1u << 8));        /* TASKSTATS_CMD_GET, version 1 */
                assert(rig_word(&rig, i, 20) == (8u | 1u << 16));       /* TASKSTATS_CMD_ATTR_PID */
                assert(rig_word(&rig, i, 24) == tids[i]);
        }
        rig_deinit(&rig);
}

static void test_answers(void) {
        uint32_t tids[] = { 1, 2, 3, 4, 5, 6 };
        static Rig rig;

        rig_init(&rig);
        rig_ask(&rig, tids, 6);
        rig_answer(&rig, 0, 100);
        rig_refuse(&rig, 1, -ESRCH);
        /* the third is lost, between others */
        rig_answer(&rig, 3, 400);
        rig_refuse(&rig, 4, -EPERM);
        /* the last is lost, with nothing behind it */
        expect(&rig, STATS_ANSWER_LIVE, 1, 100);
        expect(&rig, STATS_ANSWER_GONE, 0, 0);
        expect(&rig, STATS_ANSWER_LOST, 0, 0);
        expect(&rig, STATS_ANSWER_LIVE, 4, 400);
        expect(&rig, STATS_ANSWER_LOST, 0, 0);
        expect(&rig, STATS_ANSWER_LOST, 0, 0);
        assert(rig.query.counters.lost == 3);
        rig_deinit(&rig);
}

/* No kernel says so; the first of them is put into words for the log. */
static void test_errors_out_of_range(void) {
        static const int32_t errors[] = { INT32_MIN, INT32_MAX, 0, 1, -4096 };
        uint32_t tids[] = { 1, 2, 3, 4, 5 };

        for (size_t i = 0; i < ARRAY_SIZE(errors); ++i) {
                static Rig rig;

                rig_init(&rig);
                rig_ask(&rig, tids, ARRAY_SIZE(tids));
                for (size_t at = 0; at < ARRAY_SIZE(tids); ++at)
                        rig_refuse(&rig, at, errors[(i + at) % ARRAY_SIZE(errors)]);
                for (size_t at = 0; at < ARRAY_SIZE(tids); ++at)
                        expect(&rig, STATS_ANSWER_LOST, 0, 0);
                rig_deinit(&rig);
        }
}

/* A late answer, or an answer to no query, is not assigned to another query. */
static void test_strays(void) {
        uint32_t tids[] = { 1, 2 }, others[] = { 8, 9 };
        Rig before;
        static Rig rig;

        rig_init(&rig);
        rig_ask(&rig, tids, 2);
        before = rig;
        rig_answer(&rig, 0, 100);
        expect(&rig, STATS_ANSWER_LIVE, 1, 100);
        /* the second is given up, and answered all the same */
        rig_ask(&rig, others, 2);
        rig_answer(&before, 1, 200);
        packet_send(rig.kernel, "short", 5);
        rig_answer(&rig, 0, 800);
        rig_answer(&rig, 1, 900);
        expect(&rig, STATS_ANSWER_LIVE, 8, 800);
        expect(&rig, STATS_ANSWER_LIVE, 9, 900);
        rig_deinit(&rig);
}

static void test_malformed(void) {
        uint32_t tids[] = { 1, 2 };
        ExitMessage message = exit_message_new();
        static Rig rig;

        rig_init(&rig);
        rig_ask(&rig, tids, 2);
        put_u32(message.data, 8, rig_word(&rig, 0, 8));
        packet_send(rig.kernel, message.data, message.n);
        rig_answer(&rig, 1, 200);
        expect(&rig, STATS_ANSWER_LOST, 0, 0);
        expect(&rig, STATS_ANSWER_LIVE, 2, 200);
        assert(rig.query.counters.malformed == 1);
        rig_deinit(&rig);
}

/* More than fit are not asked for; numbers of requests may begin anew. */
static void test_limits(void) {
        static uint32_t tids[2 * STATS_QUERY_MAX];
        static Rig rig;

        for (size_t i = 0; i < 2 * STATS_QUERY_MAX; ++i)
                tids[i] = (uint32_t)i + 1;
        rig_init(&rig);
        assert(rig.query.source.n_max > 0 && rig.query.source.n_max <= STATS_QUERY_MAX);
        rig_ask(&rig, tids, 2 * STATS_QUERY_MAX);
        assert(rig.n_asked == rig.query.source.n_max);
        assert(rig.query.source.ask(&rig.query.source, tids, 0) == 0);
        rig.query.seq = UINT32_MAX;
        rig_ask(&rig, tids, 3);
        for (size_t i = 0; i < 3; ++i)
                rig_answer(&rig, i, i);
        for (size_t i = 0; i < 3; ++i)
                expect(&rig, STATS_ANSWER_LIVE, (uint32_t)i + 1, i);
        rig_deinit(&rig);
}

int main(void) {
        log_init(LOG_LEVEL_ERR);
        test_requests();
        test_answers();
        test_errors_out_of_range();
        test_strays();
        test_malformed();
        test_limits();
        return 0;
}
