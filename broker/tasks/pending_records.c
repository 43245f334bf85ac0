/* SPDX-License-Identifier: Apache-2.0 */

#include "broker/base/clock.h"
#include "broker/base/util.h"
#include "broker/tasks/pending_records.h"
#include "broker/tasks/procfs.h"

/* A record's age is rounded down to 1 us, and the two clocks are not read at the same moment. */
#define START_TOLERANCE_NS NSEC_PER_MSEC

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

/**
 * pending_record_belongs_to() - whether a record with a task's number belongs to that task
 * @record:  the record, or NULL
 * @task:    the task
 *
 * The number may have been given to a task of another process meanwhile.
 *
 * Return: Whether both have the same process. Records before version 12 do not name it.
 */
bool pending_record_belongs_to(const PendingRecord *record, const Task *task) {
        return record && (record->record.pid == 0 || record->record.pid == task->process->pid);
}

/**
 * pending_record_fits() - whether a record can belong to a task
 * @record:  the record
 * @task:    the task, with its start
 * @end_ns:  a time, since the epoch, by which it had ended
 *
 * Return: Whether the record's task is not older than the task.
 */
bool pending_record_fits(const PendingRecord *record, const Task *task, uint64_t end_ns) {
        uint64_t age_ns = record->record.stats.ac_etime_us * NSEC_PER_USEC;

        return task->start_time_ns + age_ns <= end_ns + START_TOLERANCE_NS;
}
