/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Records: the accounting of tasks that end, on its way from the listener's
 * queue to the exit that it belongs to.
 */

#include <stdbool.h>
#include <stdint.h>

#include "broker/kernel/exit_listener.h"
#include "broker/tasks/table.h"
#include "broker/tasks/waiting.h"

typedef struct Records Records;

struct Records {
        ExitListener *listener;         /* not owned */
        Waiting waiting;
        bool drained;                   /* the listener's queue was empty since records_expect() */
};

void records_init(Records *records, ExitListener *listener);
void records_deinit(Records *records);

void records_expect(Records *records);
int records_receive(Records *records);
int records_drain(Records *records);

WaitingRecord *records_peek(Records *records, uint32_t tid);
bool record_is_of(const WaitingRecord *record, const Task *task);
bool record_fits(const WaitingRecord *record, const Task *task, uint64_t end_ns);
int records_find(Records *records, uint32_t tid, WaitingRecord **ret_record);
int records_find_best(Records *records, const Task *task, uint64_t end_ns, WaitingRecord **ret_record);
void records_done(Records *records, WaitingRecord *record);
