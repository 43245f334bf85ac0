/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/* Pending records: the oldest record of a task is found first, and their number is limited. */

#include "broker/base/util.h"
#include "broker/tasks/pending_records.h"
#include "tests/unit/harness.h"

static PendingRecords pending;

static PendingRecord *add(uint32_t tid, uint64_t now_ns, uint64_t etime_us) {
        PendingRecord *record = pending_records_reserve(&pending);

        assert(record);
        record->record.tid = tid;
        record->record.stats.ac_etime_us = etime_us;
        pending_records_add(&pending, record, now_ns);
        return record;
}

static void test_first_in_first_out(void) {
        pending_records_init(&pending);
        assert(!pending_records_find(&pending, 5));
        assert(!pending_records_oldest(&pending));

        add(5, 10, 1);
        /* another task in the same bucket */
        add(5 + PENDING_RECORDS_BUCKETS, 11, 2);
        add(5, 12, 3);
        add(6, 13, 4);

        assert(pending_records_oldest(&pending)->arrived_ns == 10);
        assert(pending_records_find(&pending, 5)->record.stats.ac_etime_us == 1);
        assert(pending_records_find(&pending, 5)->record.stats.ac_etime_us == 1);
        assert(pending_records_find(&pending, 5 + PENDING_RECORDS_BUCKETS)->record.stats.ac_etime_us == 2);
        assert(!pending_records_find(&pending, 5 + 2 * PENDING_RECORDS_BUCKETS));

        pending_records_remove(&pending, pending_records_find(&pending, 5));
        assert(pending_records_find(&pending, 5)->record.stats.ac_etime_us == 3);
        assert(pending_records_oldest(&pending)->record.tid == 5 + PENDING_RECORDS_BUCKETS);
        pending_records_remove(&pending, pending_records_find(&pending, 5));
        assert(!pending_records_find(&pending, 5));
        pending_records_remove(&pending, pending_records_oldest(&pending));
        assert(pending_records_oldest(&pending)->record.tid == 6);
        pending_records_remove(&pending, pending_records_oldest(&pending));
        assert(!pending_records_oldest(&pending) && pending.pool.n_used == 0);
        pending_records_deinit(&pending);
}

/* A record that was reserved and not used is freed. */
static void test_reserved(void) {
        PendingRecord *record;

        pending_records_init(&pending);
        record = pending_records_reserve(&pending);
        assert(record && pending.pool.n_used == 1);
        assert(!pending_records_oldest(&pending) && !pending_records_find(&pending, 0));
        pending_records_remove(&pending, record);
        assert(pending.pool.n_used == 0);
        pending_records_deinit(&pending);
}

static void test_limit(void) {
        pending_records_init(&pending);
        for (uint32_t i = 0; i < PENDING_RECORDS_MAX; ++i)
                add(1 + i % 40000, i, i);
        assert(!pending_records_reserve(&pending));
        assert(pending.pool.n_used == PENDING_RECORDS_MAX);

        /* the oldest record is removed to make room */
        assert(pending_records_oldest(&pending)->record.tid == 1);
        pending_records_remove(&pending, pending_records_oldest(&pending));
        assert(pending_records_oldest(&pending)->record.tid == 2);
        assert(pending_records_find(&pending, 1)->record.stats.ac_etime_us == 40000);
        add(7, PENDING_RECORDS_MAX, PENDING_RECORDS_MAX);
        assert(!pending_records_reserve(&pending));

        /* the rest is in the order of arrival */
        for (uint64_t i = 1; i <= PENDING_RECORDS_MAX; ++i) {
                PendingRecord *record = pending_records_oldest(&pending);

                assert(record->arrived_ns == i && pending_records_find(&pending, record->record.tid) == record);
                pending_records_remove(&pending, record);
        }
        assert(!pending_records_oldest(&pending) && pending.pool.n_used == 0);
        pending_records_deinit(&pending);
}

int main(void) {
        test_first_in_first_out();
        test_reserved();
        test_limit();
        return 0;
}
