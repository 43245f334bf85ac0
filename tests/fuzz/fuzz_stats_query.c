/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/*
 * The kernel's answers to questions about live tasks, in any order, number and
 * shape. Each question has one answer, in its place, and a datagram for another
 * question is ignored. An input is a list of asks. Each ask has a number of tasks,
 * and datagrams: a byte with the number of the question, a length, and the bytes.
 */

#include "broker/base/log.h"
#include "broker/base/util.h"
#include "broker/kernel/stats_query.h"
#include "broker/kernel/taskstats_layout.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/harness.h"

#define ASKS_MAX 16
#define REPLY_MAX 2048u

static void reply(FuzzInput *input, int kernel, uint32_t first_seq) {
        uint8_t datagram[REPLY_MAX];
        uint8_t which = fuzz_u8(input);
        size_t n;
        const uint8_t *data = fuzz_take(input, fuzz_u16(input) % REPLY_MAX, &n);

        if (n == 0)
                return;
        memcpy(datagram, data, n);
        /* 255: whatever is there */
        if (n >= 12 && which < 255)
                put_u32(datagram, 8, first_seq + which);
        packet_send(kernel, datagram, n);
}

static void ask(FuzzInput *input, StatsQuery *query, int kernel) {
        uint32_t tids[32], n = fuzz_u8(input) % ARRAY_SIZE(tids), n_taken = fuzz_u8(input) % (n + 1);
        uint32_t first_seq = query->seq;
        uint8_t sink[ARRAY_SIZE(tids) * STATS_REQUEST_BYTES];

        for (uint32_t i = 0; i < n; ++i)
                tids[i] = i + 1;
        assert(query->source.ask(&query->source, tids, n) == 0);
        if (n > 0)
                assert(recv(kernel, sink, sizeof(sink), MSG_DONTWAIT) == (ssize_t)(n * STATS_REQUEST_BYTES));
        for (size_t n_replies = fuzz_u8(input) % 40; n_replies > 0 && fuzz_has_more(input); --n_replies)
                reply(input, kernel, first_seq);
        /* the next ask drops answers that were not taken */
        for (uint32_t i = 0; i < n - n_taken; ++i) {
                StatsAnswer answer;

                memset(&answer, 0x55, sizeof(answer));
                assert(query->source.next(&query->source, &answer) == 0);
                assert(answer.state == STATS_ANSWER_LIVE || answer.state == STATS_ANSWER_GONE ||
                       answer.state == STATS_ANSWER_LOST);
                if (answer.state == STATS_ANSWER_LIVE) {
                        assert(answer.stats.version >= TASKSTATS_LAYOUT_VERSION_MIN);
                        assert(memchr(answer.stats.ac_comm, 0, sizeof(answer.stats.ac_comm)));
                }
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_data) {
        FuzzInput input = { data, data + n_data };
        StatsQuery query;
        int fds[2];

        log_init(LOG_LEVEL_ERR);
        packet_pair(fds);
        assert(stats_query_init(&query, fds[0]) == 0);
        /* all answers are there before they are taken */
        query.wait_ms = 0;
        for (int n = 0; n < ASKS_MAX && fuzz_has_more(&input); ++n)
                ask(&input, &query, fds[1]);
        stats_query_deinit(&query);
        close(fds[1]);
        return 0;
}
