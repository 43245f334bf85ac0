/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Shared by the decoder's files. Includes the generated types: only decode_*.c may include it. */

#include "taskbroker/taskbroker.h"
#include "taskbroker/v1/broker.pb-c.h"

#include "clients/lib/arena.h"
#include "clients/lib/decode.h"

/* The tag of ServerMessage.stream, broker.proto. */
#define DECODE_MESSAGE_STREAM 15

ProtobufCMessage *decode_unpack(Arena *arena,
                                const ProtobufCMessageDescriptor *descriptor,
                                const uint8_t *data,
                                size_t n_data);
void decode_comm(char comm[static TB_COMM_SIZE], ProtobufCBinaryData bytes);
bool decode_event(Decoder *decoder, const Taskbroker__V1__Event *wire);
const struct tb_program *decode_program(struct tb_program *program, const Taskbroker__V1__Program *wire);
enum tb_delay_accounting decode_delay_accounting(Taskbroker__V1__DelayAccounting value);
void decode_status(Decoder *decoder, const Taskbroker__V1__BrokerStatus *wire);
void decode_task(struct tb_task *task, struct tb_program *program, const Taskbroker__V1__Task *wire);
void decode_task_stats(struct tb_task_stats *stats, const Taskbroker__V1__TaskStats *wire);
struct tb_process_id decode_process_id(const Taskbroker__V1__ProcessId *wire);
struct tb_termination decode_termination(const Taskbroker__V1__Termination *wire,
                                         Taskbroker__V1__TerminationMissing missing);

int decoder_refuse(Decoder *decoder, const char *reason);
int decoder_not_unpacked(Decoder *decoder, const Arena *arena, const char *reason);
int decoder_open_samples(Decoder *decoder, const uint8_t *data, size_t n_data, bool answer);
void decoder_keep_starts(Decoder *decoder, const Taskbroker__V1__FilterStarts *wire);
int decoder_subscribed(Decoder *decoder, const uint8_t *data, size_t n_data);
int decoder_named(Decoder *decoder, const uint8_t *data, size_t n_data);
int decoder_restarted(Decoder *decoder, const uint8_t *data, size_t n_data);
int decoder_unsubscribed(Decoder *decoder, const uint8_t *data, size_t n_data);
int decoder_sampling(Decoder *decoder, const uint8_t *data, size_t n_data);
int decoder_sample_loss(Decoder *decoder, const uint8_t *data, size_t n_data);
