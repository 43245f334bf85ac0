/* SPDX-License-Identifier: Apache-2.0 */

#include "broker/base/util.h"
#include "broker/tasks/waiting.h"

void waiting_init(Waiting *waiting) {
        pool_init(&waiting->pool, sizeof(WaitingRecord), WAITING_MAX);
        list_init(&waiting->by_age);
        for (size_t i = 0; i < WAITING_BUCKETS; ++i)
                list_init(&waiting->buckets[i]);
}

void waiting_deinit(Waiting *waiting) {
        pool_deinit(&waiting->pool);
        waiting_init(waiting);
}

/**
 * waiting_reserve() - room for a record to be parsed into
 * @waiting:  where it will wait
 *
 * Most records are of a task alone: the room for the totals of a process is neither
 * written nor read then, and half of the record stays out of the caches.
 *
 * Return: A record of any content, to be handed to waiting_add() or waiting_remove();
 *         NULL if there are WAITING_MAX, or without memory.
 */
WaitingRecord *waiting_reserve(Waiting *waiting) {
        WaitingRecord *record = pool_take_any(&waiting->pool);

        if (record) {
                list_init(&record->age_link);
                list_init(&record->bucket_link);
        }
        return record;
}

void waiting_add(Waiting *waiting, WaitingRecord *record, uint64_t now_ns) {
        record->arrived_ns = now_ns;
        list_append(&waiting->by_age, &record->age_link);
        list_append(&waiting->buckets[record->record.tid % WAITING_BUCKETS], &record->bucket_link);
}

/**
 * waiting_find() - the oldest record of a task
 * @waiting:  where
 * @tid:      the task
 *
 * Return: The record, which goes on waiting; NULL.
 */
WaitingRecord *waiting_find(Waiting *waiting, uint32_t tid) {
        list_for_each(link, safe, &waiting->buckets[tid % WAITING_BUCKETS]) {
                WaitingRecord *record = container_of(link, WaitingRecord, bucket_link);

                if (record->record.tid == tid)
                        return record;
        }
        return NULL;
}

WaitingRecord *waiting_oldest(Waiting *waiting) {
        List *link = list_first(&waiting->by_age);

        return link ? container_of(link, WaitingRecord, age_link) : NULL;
}

/**
 * waiting_remove() - free a record, whether it waits or is only reserved
 * @waiting:  where
 * @record:   the record
 */
void waiting_remove(Waiting *waiting, WaitingRecord *record) {
        list_unlink(&record->age_link);
        list_unlink(&record->bucket_link);
        pool_give(&waiting->pool, record);
}
