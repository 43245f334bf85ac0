/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "taskbroker/taskbroker.h"

#include "clients/cli/record/record_table.h"
#include "clients/cli/record/record_write.h"

int record_events_add(RecordWriter *writer, RecordTable *table, const struct tb_event *event);
int record_events_add_task(RecordWriter *writer, RecordTable *table, const struct tb_task *task, uint32_t snapshot);
void record_events_end_snapshot(RecordTable *table, uint32_t snapshot, uint64_t time_ns, RecordLoss *loss);
