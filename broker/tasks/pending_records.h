/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * PendingRecords: exit records that came before their exits. This is the rule, as the
 * kernel queues a task's record first. They are found by task, the oldest first.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "broker/base/list.h"
#include "broker/base/pool.h"
#include "broker/kernel/exit_record.h"
#include "broker/model/task.h"

typedef struct PendingRecords PendingRecords;
typedef struct PendingRecord PendingRecord;

#define PENDING_RECORDS_BUCKETS 4096u

/* A larger number means that no EXITs come at all: then the oldest is dropped. */
#define PENDING_RECORDS_MAX 65536u

struct PendingRecord {
        List age_link;          /* in pending->by_age */
        List bucket_link;
        uint64_t arrived_ns;    /* monotonic */
        ExitRecord record;
};

struct PendingRecords {
        Pool pool;
        List by_age;
        List buckets[PENDING_RECORDS_BUCKETS];
};

void pending_records_init(PendingRecords *pending);
void pending_records_deinit(PendingRecords *pending);

PendingRecord *pending_records_reserve(PendingRecords *pending);
void pending_records_add(PendingRecords *pending, PendingRecord *record, uint64_t now_ns);
PendingRecord *pending_records_find(PendingRecords *pending, uint32_t tid);
PendingRecord *pending_records_oldest(PendingRecords *pending);
void pending_records_remove(PendingRecords *pending, PendingRecord *record);

bool pending_record_belongs_to(const PendingRecord *record, const Task *task);
bool pending_record_fits(const PendingRecord *record, const Task *task, uint64_t end_ns);
