/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/* Exit messages of taskstats: attributes in any order, cut anywhere, padded as older kernels pad. */

#include "broker/base/util.h"
#include "broker/kernel/exit_record.h"
#include "tests/unit/fake_kernel.h"

#define TID 4242u
#define PID 4200u

static void fill(uint8_t stats[static STATS_BYTES], uint16_t version, uint32_t tid, uint32_t pid, uint64_t nvcsw) {
        memset(stats, 0, STATS_BYTES);
        put_u16(stats, 0, version);
        put_u32(stats, STATS_AT_PID, tid);
        put_u32(stats, STATS_AT_TGID, pid);
        put_u64(stats, STATS_AT_NVCSW, nvcsw);
        put_u64(stats, STATS_AT_ETIME, 777);
}

static int parse(const ExitMessage *message, ExitRecord *record) {
        void *data = exact_copy(message->data, message->n);
        int r = exit_record_parse(data, message->n, record);

        free(data);
        return r;
}

static void test_task_only(void) {
        ExitMessage message = exit_message_new();
        uint8_t stats[STATS_BYTES];
        ExitRecord record;

        fill(stats, 16, TID, PID, 5);
        exit_message_aggregate(&message, ATTR_AGGR_PID, TID, stats, STATS_BYTES_V16, false);
        assert(message.n == 596); /* as the kernel sends it */
        memset(&record, 0x55, sizeof(record));
        assert(parse(&message, &record) == 0);
        assert(record.tid == TID && record.pid == PID);
        assert(!record.has_process);
        assert(record.stats.version == 16 && record.stats.nvcsw == 5 && record.stats.ac_etime_us == 777);
}

/* The sums of a process say version 0 in kernels before 7.1: the task's own version counts. */
static void test_process_sums(void) {
        static const uint16_t versions[] = { 0, 16, 13 };

        for (size_t i = 0; i < ARRAY_SIZE(versions); ++i) {
                ExitMessage message = exit_message_new();
                uint8_t stats[STATS_BYTES], sums[STATS_BYTES];
                ExitRecord record;

                fill(stats, 16, TID, 0, 5);
                fill(sums, versions[i], 0, 0, 99);
                exit_message_aggregate(&message, ATTR_AGGR_PID, TID, stats, STATS_BYTES_V16, false);
                exit_message_aggregate(&message, ATTR_AGGR_TGID, PID, sums, STATS_BYTES_V16, false);
                assert(message.n == 1172);
                assert(parse(&message, &record) == 0);
                assert(record.tid == TID && record.pid == PID);
                assert(record.has_process);
                assert(record.stats.nvcsw == 5 && record.process.nvcsw == 99);
                assert(record.process.version == 16);
        }
}

static void test_order_of_the_two(void) {
        ExitMessage message = exit_message_new();
        uint8_t stats[STATS_BYTES], sums[STATS_BYTES];
        ExitRecord record;

        fill(stats, 16, TID, PID, 5);
        fill(sums, 0, 0, 0, 99);
        exit_message_aggregate(&message, ATTR_AGGR_TGID, PID, sums, STATS_BYTES_V16, false);
        exit_message_aggregate(&message, ATTR_AGGR_PID, TID, stats, STATS_BYTES_V16, false);
        assert(parse(&message, &record) == 0);
        assert(record.tid == TID && record.has_process && record.process.nvcsw == 99);
}

static void test_padding_and_unknown(void) {
        static const uint8_t rubbish[] = { 1, 2, 3, 4, 5 };
        uint8_t stats[STATS_BYTES], sums[STATS_BYTES];
        ExitMessage message = exit_message_new();
        ExitRecord record;

        fill(stats, 17, TID, PID, 5);
        fill(sums, 17, 0, 0, 99);
        /* padding at the top, as before 4.20; an attribute nobody knows; padding inside, as today */
        exit_message_add(&message, ATTR_NULL, NULL, 0);
        exit_message_add(&message, 99, rubbish, sizeof(rubbish));
        exit_message_aggregate(&message, ATTR_AGGR_PID, TID, stats, STATS_BYTES, true);
        exit_message_add(&message, ATTR_NULL, NULL, 0);
        exit_message_aggregate(&message, ATTR_AGGR_TGID, PID, sums, STATS_BYTES, true);
        exit_message_add(&message, 0x3fff, rubbish, 3);
        assert(parse(&message, &record) == 0);
        assert(record.tid == TID && record.pid == PID && record.has_process);
        assert(record.stats.nvcsw == 5 && record.process.nvcsw == 99);
}

static void test_unknown_inside(void) {
        static const uint8_t rubbish[] = { 1, 2, 3, 4, 5, 6, 7 };
        ExitMessage message = exit_message_new();
        uint8_t stats[STATS_BYTES];
        uint32_t id = TID;
        ExitRecord record;
        size_t at;

        fill(stats, 14, TID, PID, 5);
        at = exit_message_open(&message, ATTR_AGGR_PID | 0x8000); /* NLA_F_NESTED, should it ever come */
        exit_message_add(&message, 77, rubbish, sizeof(rubbish));
        exit_message_add(&message, ATTR_STATS, stats, 432);
        exit_message_add(&message, ATTR_NULL, NULL, 0);
        exit_message_add(&message, ATTR_PID, &id, sizeof(id));
        exit_message_add(&message, 78, rubbish, 1);
        exit_message_close(&message, at);
        assert(parse(&message, &record) == 0);
        assert(record.tid == TID && record.stats.version == 14 && record.stats.nvcsw == 5);
}

/* Before version 12 no record says whose process it was. */
static void test_old_versions(void) {
        static const struct {
                uint16_t version;
                size_t n;
        } rows[] = { { 8, 328 }, { 9, 344 }, { 10, 352 }, { 11, 368 } };

        for (size_t i = 0; i < ARRAY_SIZE(rows); ++i) {
                ExitMessage message = exit_message_new();
                uint8_t stats[STATS_BYTES];
                ExitRecord record;

                fill(stats, rows[i].version, TID, PID, 5);
                exit_message_aggregate(&message, ATTR_AGGR_PID, TID, stats, rows[i].n, false);
                assert(parse(&message, &record) == 0);
                assert(record.tid == TID && record.pid == 0 && record.stats.nvcsw == 5);
        }
}

static void test_refused_versions(void) {
        for (uint16_t version = 0; version < 8; ++version) {
                ExitMessage message = exit_message_new();
                uint8_t stats[STATS_BYTES];
                ExitRecord record;

                fill(stats, version, TID, PID, 5);
                exit_message_aggregate(&message, ATTR_AGGR_PID, TID, stats, STATS_BYTES, false);
                assert(parse(&message, &record) == EXIT_RECORD_E_VERSION);
        }
}

/* A process' sums that cannot be read are no reason to lose the task's own. */
static void test_short_sums(void) {
        ExitMessage message = exit_message_new();
        uint8_t stats[STATS_BYTES], sums[STATS_BYTES];
        ExitRecord record;

        fill(stats, 16, TID, PID, 5);
        fill(sums, 16, 0, 0, 99);
        exit_message_aggregate(&message, ATTR_AGGR_PID, TID, stats, STATS_BYTES_V16, false);
        exit_message_aggregate(&message, ATTR_AGGR_TGID, 4201, sums, STATS_BYTES_V16 - 4, false);
        assert(parse(&message, &record) == 0);
        assert(!record.has_process && record.pid == PID);
}

static void expect_malformed(const ExitMessage *message) {
        ExitRecord record;

        assert(parse(message, &record) == EXIT_RECORD_E_MALFORMED);
}

/* Another command, a type of netlink itself, and false lengths. */
static void test_malformed_header(void) {
        uint8_t stats[STATS_BYTES];
        ExitMessage good = exit_message_new(), bad;

        fill(stats, 16, TID, PID, 5);
        exit_message_aggregate(&good, ATTR_AGGR_PID, TID, stats, STATS_BYTES_V16, false);
        bad = good;
        bad.data[16] = 1;
        expect_malformed(&bad);
        bad = good;
        put_u16(bad.data, 4, 2);
        expect_malformed(&bad);
        for (uint32_t n = 0; n < 20; ++n) {
                bad = good;
                put_u32(bad.data, 0, n);
                expect_malformed(&bad);
        }
        bad = good;
        put_u32(bad.data, 0, (uint32_t)good.n + 1);
        expect_malformed(&bad);
        for (int bit = 11; bit < 32; ++bit) {
                put_u32(bad.data, 0, (uint32_t)good.n | 1u << bit);
                expect_malformed(&bad);
        }
        put_u32(bad.data, 0, UINT32_MAX);
        expect_malformed(&bad);
}

/* No task, task 0, no id, an id that is too short, no statistics, and statistics that are too short. */
static void test_malformed_aggregate(void) {
        uint8_t stats[STATS_BYTES];
        ExitMessage bad = exit_message_new();
        ExitRecord record;
        uint16_t half = 7;
        size_t at;

        fill(stats, 16, TID, PID, 5);
        expect_malformed(&bad);
        exit_message_aggregate(&bad, ATTR_AGGR_TGID, PID, stats, STATS_BYTES_V16, false);
        expect_malformed(&bad);
        bad = exit_message_new();
        exit_message_aggregate(&bad, ATTR_AGGR_PID, 0, stats, STATS_BYTES_V16, false);
        expect_malformed(&bad);
        bad = exit_message_new();
        at = exit_message_open(&bad, ATTR_AGGR_PID);
        exit_message_add(&bad, ATTR_STATS, stats, STATS_BYTES_V16);
        exit_message_close(&bad, at);
        expect_malformed(&bad);
        bad = exit_message_new();
        at = exit_message_open(&bad, ATTR_AGGR_PID);
        exit_message_add(&bad, ATTR_PID, &half, sizeof(half));
        exit_message_add(&bad, ATTR_STATS, stats, STATS_BYTES_V16);
        exit_message_close(&bad, at);
        expect_malformed(&bad);
        bad = exit_message_new();
        at = exit_message_open(&bad, ATTR_AGGR_PID);
        exit_message_add(&bad, ATTR_PID, &(uint32_t){ TID }, 4);
        exit_message_close(&bad, at);
        expect_malformed(&bad);
        for (size_t n = 0; n < STATS_BYTES_V16; n += 7) {
                bad = exit_message_new();
                exit_message_aggregate(&bad, ATTR_AGGR_PID, TID, stats, n, false);
                assert(parse(&bad, &record) == (n < 2 ? EXIT_RECORD_E_VERSION : EXIT_RECORD_E_MALFORMED));
        }
}

/*
 * Cut at every length, with the header saying the cut length, the whole length,
 * and the cut length plus what would round up to 4: nothing is read that is not
 * there, and what is whole is understood.
 */
static void test_truncated(void) {
        ExitMessage message = exit_message_new();
        uint8_t stats[STATS_BYTES], sums[STATS_BYTES];
        size_t n_task;

        fill(stats, 16, TID, PID, 5);
        fill(sums, 16, 0, 0, 99);
        exit_message_aggregate(&message, ATTR_AGGR_PID, TID, stats, STATS_BYTES_V16, true);
        n_task = message.n;
        exit_message_aggregate(&message, ATTR_AGGR_TGID, PID, sums, STATS_BYTES_V16, true);

        for (size_t n = 0; n <= message.n; ++n) {
                uint8_t *data = exact_copy(message.data, n);
                ExitRecord record;
                int r;

                r = exit_record_parse(data, n, &record);
                assert(r == (n == message.n ? 0 : EXIT_RECORD_E_MALFORMED));

                if (n >= 4) {
                        put_u32(data, 0, (uint32_t)n);
                        r = exit_record_parse(data, n, &record);
                        assert(r == (n < n_task ? EXIT_RECORD_E_MALFORMED : 0));
                        if (r == 0)
                                assert(record.has_process == (n == message.n));
                }
                free(data);
        }
}

/* An attribute's own length, every value: shorter, longer, reaching out of its nest. */
static void test_lying_attributes(void) {
        ExitMessage message = exit_message_new();
        uint8_t stats[STATS_BYTES];

        fill(stats, 16, TID, PID, 5);
        exit_message_aggregate(&message, ATTR_AGGR_PID, TID, stats, STATS_BYTES_V16, true);

        /* the nest, the id, the padding, the statistics */
        for (size_t at = 20; at <= 36; at += at == 20 ? 4 : at == 24 ? 8 : 4) {
                for (uint32_t n = 0; n <= UINT16_MAX; n += n < 700 ? 1 : 997) {
                        uint8_t *data = exact_copy(message.data, message.n);
                        ExitRecord record;

                        put_u16(data, at, (uint16_t)n);
                        (void)exit_record_parse(data, message.n, &record);
                        free(data);
                }
        }
}

/* Any bytes at all: no crash, and nothing read beyond them. */
static void test_noise(void) {
        uint64_t state = 0x9e3779b97f4a7c15u;
        ExitMessage message = exit_message_new();
        uint8_t stats[STATS_BYTES];

        fill(stats, 16, TID, PID, 5);
        exit_message_aggregate(&message, ATTR_AGGR_PID, TID, stats, STATS_BYTES_V16, false);
        exit_message_aggregate(&message, ATTR_AGGR_TGID, PID, stats, STATS_BYTES_V16, false);

        for (int i = 0; i < 20000; ++i) {
                size_t n = random_below(&state, message.n + 1);
                uint8_t *data = exact_copy(message.data, n);
                ExitRecord record;

                for (uint64_t k = random_below(&state, 8); k > 0 && n > 0; --k)
                        data[random_below(&state, MIN(n, (size_t)60))] = (uint8_t)random_next(&state);
                if (n >= 4 && i % 2)
                        put_u32(data, 0, (uint32_t)n);
                (void)exit_record_parse(data, n, &record);
                free(data);
        }
}

int main(void) {
        test_task_only();
        test_process_sums();
        test_order_of_the_two();
        test_padding_and_unknown();
        test_unknown_inside();
        test_old_versions();
        test_refused_versions();
        test_short_sums();
        test_malformed_header();
        test_malformed_aggregate();
        test_truncated();
        test_lying_attributes();
        test_noise();
        return 0;
}
