/* SPDX-License-Identifier: Apache-2.0 */

#include "broker/base/util.h"
#include "broker/tasks/pending_records.h"

void pending_records_init(PendingRecords *pending) {
        pool_init(&pending->pool, sizeof(PendingRecord), PENDING_RECORDS_MAX);
        list_init(&pending->by_age);
        for (size_t i = 0; i < PENDING_RECORDS_BUCKETS; ++i)
                list_init(&pending->buckets[i]);
}

void pending_records_deinit(PendingRecords *pending) {
        pool_deinit(&pending->pool);
        pending_records_init(pending);
}

/**
 * pending_records_reserve() - reserve room for a record to be parsed into
 * @pending:  the records
 *
 * Most records have no totals of a process. Their room is neither written nor read then,
 * and half of the record stays out of the caches.
 *
 * Return: A record of any content, to be handed to pending_records_add() or pending_records_remove();
 *         NULL if there are PENDING_RECORDS_MAX, or without memory.
 */
PendingRecord *pending_records_reserve(PendingRecords *pending) {
        PendingRecord *record = pool_alloc_any(&pending->pool);

        if (record) {
                list_init(&record->age_link);
                list_init(&record->bucket_link);
        }
        return record;
}

void pending_records_add(PendingRecords *pending, PendingRecord *record, uint64_t now_ns) {
        record->arrived_ns = now_ns;
        list_append(&pending->by_age, &record->age_link);
        list_append(&pending->buckets[record->record.tid % PENDING_RECORDS_BUCKETS], &record->bucket_link);
}

/**
 * pending_records_find() - the oldest record of a task
 * @pending:  the records
 * @tid:      the task
 *
 * Return: The record, which goes on pending; NULL.
 */
PendingRecord *pending_records_find(PendingRecords *pending, uint32_t tid) {
        list_for_each(link, safe, &pending->buckets[tid % PENDING_RECORDS_BUCKETS]) {
                PendingRecord *record = container_of(link, PendingRecord, bucket_link);

                if (record->record.tid == tid)
                        return record;
        }
        return NULL;
}

PendingRecord *pending_records_oldest(PendingRecords *pending) {
        List *link = list_first(&pending->by_age);

        return link ? container_of(link, PendingRecord, age_link) : NULL;
}

/**
 * pending_records_remove() - free a record, pending or only reserved
 * @pending:  the records
 * @record:   the record
 */
void pending_records_remove(PendingRecords *pending, PendingRecord *record) {
        list_unlink(&record->age_link);
        list_unlink(&record->bucket_link);
        pool_free(&pending->pool, record);
}
