/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/* Records that wait: the oldest of each task first, and no more than there is room for. */

#include "broker/base/util.h"
#include "broker/tasks/waiting.h"
#include "tests/unit/harness.h"

static Waiting waiting;

static WaitingRecord *add(uint32_t tid, uint64_t now_ns, uint64_t etime_us) {
        WaitingRecord *record = waiting_reserve(&waiting);

        assert(record);
        record->record.tid = tid;
        record->record.stats.ac_etime_us = etime_us;
        waiting_add(&waiting, record, now_ns);
        return record;
}

static void test_first_in_first_out(void) {
        waiting_init(&waiting);
        assert(!waiting_find(&waiting, 5));
        assert(!waiting_oldest(&waiting));

        add(5, 10, 1);
        /* the same bucket, another task */
        add(5 + WAITING_BUCKETS, 11, 2);
        add(5, 12, 3);
        add(6, 13, 4);

        assert(waiting_oldest(&waiting)->arrived_ns == 10);
        assert(waiting_find(&waiting, 5)->record.stats.ac_etime_us == 1);
        assert(waiting_find(&waiting, 5)->record.stats.ac_etime_us == 1);
        assert(waiting_find(&waiting, 5 + WAITING_BUCKETS)->record.stats.ac_etime_us == 2);
        assert(!waiting_find(&waiting, 5 + 2 * WAITING_BUCKETS));

        waiting_remove(&waiting, waiting_find(&waiting, 5));
        assert(waiting_find(&waiting, 5)->record.stats.ac_etime_us == 3);
        assert(waiting_oldest(&waiting)->record.tid == 5 + WAITING_BUCKETS);
        waiting_remove(&waiting, waiting_find(&waiting, 5));
        assert(!waiting_find(&waiting, 5));
        waiting_remove(&waiting, waiting_oldest(&waiting));
        assert(waiting_oldest(&waiting)->record.tid == 6);
        waiting_remove(&waiting, waiting_oldest(&waiting));
        assert(!waiting_oldest(&waiting) && waiting.pool.n_used == 0);
        waiting_deinit(&waiting);
}

/* A record that was reserved and not used is handed back. */
static void test_reserved(void) {
        WaitingRecord *record;

        waiting_init(&waiting);
        record = waiting_reserve(&waiting);
        assert(record && waiting.pool.n_used == 1);
        assert(!waiting_oldest(&waiting) && !waiting_find(&waiting, 0));
        waiting_remove(&waiting, record);
        assert(waiting.pool.n_used == 0);
        waiting_deinit(&waiting);
}

static void test_limit(void) {
        waiting_init(&waiting);
        for (uint32_t i = 0; i < WAITING_MAX; ++i)
                add(1 + i % 40000, i, i);
        assert(!waiting_reserve(&waiting));
        assert(waiting.pool.n_used == WAITING_MAX);

        /* the oldest gives up its place */
        assert(waiting_oldest(&waiting)->record.tid == 1);
        waiting_remove(&waiting, waiting_oldest(&waiting));
        assert(waiting_oldest(&waiting)->record.tid == 2);
        assert(waiting_find(&waiting, 1)->record.stats.ac_etime_us == 40000);
        add(7, WAITING_MAX, WAITING_MAX);
        assert(!waiting_reserve(&waiting));

        /* in the order of their arrival to the last */
        for (uint64_t i = 1; i <= WAITING_MAX; ++i) {
                WaitingRecord *record = waiting_oldest(&waiting);

                assert(record->arrived_ns == i && waiting_find(&waiting, record->record.tid) == record);
                waiting_remove(&waiting, record);
        }
        assert(!waiting_oldest(&waiting) && waiting.pool.n_used == 0);
        waiting_deinit(&waiting);
}

int main(void) {
        test_first_in_first_out();
        test_reserved();
        test_limit();
        return 0;
}
