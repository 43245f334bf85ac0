/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * ExitRecords: the accounting of tasks that end, on its way from the listener's
 * queue to the exit that it belongs to.
 */

#include <stdbool.h>
#include <stdint.h>

#include "broker/kernel/exit_listener.h"
#include "broker/tasks/pending_records.h"
#include "broker/tasks/task_table.h"

typedef struct ExitRecords ExitRecords;

struct ExitRecords {
        ExitListener *listener;         /* not owned */
        PendingRecords pending;
        bool drained;                   /* the listener's queue was empty since exit_records_expect() */
};

void exit_records_init(ExitRecords *records, ExitListener *listener);
void exit_records_deinit(ExitRecords *records);

void exit_records_expect(ExitRecords *records);
int exit_records_receive(ExitRecords *records);
int exit_records_drain(ExitRecords *records);

PendingRecord *exit_records_peek(ExitRecords *records, uint32_t tid);
int exit_records_find(ExitRecords *records, uint32_t tid, PendingRecord **ret_record);
int exit_records_find_best(ExitRecords *records, const Task *task, uint64_t end_ns, PendingRecord **ret_record);
void exit_records_done(ExitRecords *records, PendingRecord *record);
