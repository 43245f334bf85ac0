/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The kernel queues a task's record before it queues the same task's EXIT. So after a
 * batch of the connector was read (exit_records_expect()), the record of each EXIT in it
 * is pending here, or in the listener's queue, or lost. The queue is read until the record
 * is found or the queue is empty: no timer, no guess.
 */

#include <errno.h>

#include "broker/base/clock.h"
#include "broker/base/error.h"
#include "broker/base/util.h"
#include "broker/tasks/exit_records.h"

/* Datagrams of the listener's queue that are read at once. */
#define ROUND 128

void exit_records_init(ExitRecords *records, ExitListener *listener) {
        *records = (ExitRecords){ .listener = listener };
        pending_records_init(&records->pending);
}

void exit_records_deinit(ExitRecords *records) {
        pending_records_deinit(&records->pending);
}

/**
 * exit_records_expect() - the connector's queue was read
 * @records:  the records
 *
 * The records of its EXITs may be in the listener's queue now.
 */
void exit_records_expect(ExitRecords *records) {
        records->drained = false;
}

/**
 * exit_records_receive() - move a batch of the listener's queue to the pending records
 * @records:  the records
 *
 * Return: 0, or a negative errno.
 */
int exit_records_receive(ExitRecords *records) {
        ExitListener *listener = records->listener;
        uint64_t now;
        int r;

        r = exit_listener_receive(listener, ROUND);
        if (r)
                return error_trace(r);
        records->drained = listener->batch.drained;
        if (listener->batch.n == 0)
                return 0;

        now = (uint64_t)clock_read_ns(CLOCK_MONOTONIC);
        for (;;) {
                PendingRecord *record = pending_records_reserve(&records->pending);

                if (!record) {
                        /* Full: no EXITs have come for long. The oldest record is dropped. */
                        record = pending_records_oldest(&records->pending);
                        if (!record)
                                return error_origin(-ENOMEM);
                        ++listener->counters.lost;
                        pending_records_remove(&records->pending, record);
                        continue;
                }
                if (exit_listener_next(listener, &record->record)) {
                        pending_records_remove(&records->pending, record);
                        return 0;
                }
                pending_records_add(&records->pending, record, now);
        }
}

/**
 * exit_records_drain() - move all of the listener's queue
 * @records:  the records
 *
 * Return: 0, or a negative errno.
 */
int exit_records_drain(ExitRecords *records) {
        int r = 0;

        while (r == 0 && !records->drained)
                r = exit_records_receive(records);
        return error_trace(r);
}

/**
 * exit_records_peek() - the oldest pending record of a task
 * @records:  the records
 * @tid:      the task
 *
 * Return: The record, which stays pending; NULL.
 */
PendingRecord *exit_records_peek(ExitRecords *records, uint32_t tid) {
        return pending_records_find(&records->pending, tid);
}

/**
 * exit_records_find() - the record of a task that ended
 * @records:     the records
 * @tid:         the task
 * @ret_record:  output; NULL if it is lost
 *
 * Records of one number are pending in the order of the tasks that had it. Each is taken
 * when its EXIT comes, so that the oldest is the right one.
 *
 * Return: 0, or a negative errno.
 */
int exit_records_find(ExitRecords *records, uint32_t tid, PendingRecord **ret_record) {
        PendingRecord *record;
        int r;

        while (!(record = pending_records_find(&records->pending, tid)) && !records->drained) {
                r = exit_records_receive(records);
                if (r)
                        return error_trace(r);
        }
        *ret_record = record;
        return 0;
}

/**
 * exit_records_find_best() - the same, where EXITs may have been lost
 * @records:     the records
 * @task:        the task
 * @end_ns:      when it ended, since the epoch
 * @ret_record:  output; NULL if it is lost
 *
 * An older record may be left over then. The record whose age fits best is taken.
 *
 * Return: 0, or a negative errno.
 */
int exit_records_find_best(ExitRecords *records, const Task *task, uint64_t end_ns, PendingRecord **ret_record) {
        PendingRecord *best = NULL;
        int r;

        r = exit_records_drain(records);
        if (r)
                return error_trace(r);
        list_for_each(link, safe, &records->pending.buckets[task->tid % PENDING_RECORDS_BUCKETS]) {
                PendingRecord *record = container_of(link, PendingRecord, bucket_link);

                if (record->record.tid == task->tid && pending_record_fits(record, task, end_ns) &&
                    (!best || record->record.stats.ac_etime_us > best->record.stats.ac_etime_us))
                        best = record;
        }
        *ret_record = best;
        return 0;
}

/**
 * exit_records_done() - free a record
 * @records:  the records
 * @record:   one that was found, or NULL
 */
void exit_records_done(ExitRecords *records, PendingRecord *record) {
        if (record)
                pending_records_remove(&records->pending, record);
}
