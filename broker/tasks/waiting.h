/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Waiting: exit records that came before the exit they belong to, which is the
 * rule: the kernel queues a task's record first. Found by task, oldest first.
 */

#include <stddef.h>
#include <stdint.h>

#include "broker/base/list.h"
#include "broker/base/pool.h"
#include "broker/kernel/exit_record.h"

typedef struct Waiting Waiting;
typedef struct WaitingRecord WaitingRecord;

#define WAITING_BUCKETS 4096u

/* More would mean that exits are not told at all: then the oldest is given up. */
#define WAITING_MAX 65536u

struct WaitingRecord {
        List age_link;          /* of waiting->by_age */
        List bucket_link;
        uint64_t arrived_ns;    /* monotonic */
        ExitRecord record;
};

struct Waiting {
        Pool pool;
        List by_age;
        List buckets[WAITING_BUCKETS];
};

void waiting_init(Waiting *waiting);
void waiting_deinit(Waiting *waiting);

WaitingRecord *waiting_reserve(Waiting *waiting);
void waiting_add(Waiting *waiting, WaitingRecord *record, uint64_t now_ns);
WaitingRecord *waiting_find(Waiting *waiting, uint32_t tid);
WaitingRecord *waiting_oldest(Waiting *waiting);
void waiting_remove(Waiting *waiting, WaitingRecord *record);
