/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What the decoder's files share. Includes the generated types: only decode*.c may include it.
 */

#include "taskbroker/taskbroker.h"
#include "taskbroker/v1/broker.pb-c.h"

#include "clients/lib/arena.h"

ProtobufCMessage *decode_unpack(Arena *arena,
                                const ProtobufCMessageDescriptor *descriptor,
                                const uint8_t *data,
                                size_t n_data);
void decode_comm(char comm[static TB_COMM_SIZE], ProtobufCBinaryData bytes);
bool decode_event(struct tb_event *event,
                  struct tb_task_stats *stats,
                  struct tb_task_stats *process_stats,
                  const Taskbroker__V1__Event *wire);
void decode_task_stats(struct tb_task_stats *stats, const Taskbroker__V1__TaskStats *wire);
