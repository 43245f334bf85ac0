/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Frames: from the broker's bytes to the library's structs.
 *
 * The decoder owns the one message that tb_next() returns at a time. The client gives
 * it each frame with decoder_begin(). A batch of events, a part of a snapshot and a part
 * of a sample have many messages: the client takes them with decoder_next(), and leaves
 * the frame's bytes in place until decoder_next() returns 0.
 *
 * The decoder does not trust the broker. The memory of a message is bounded by its
 * length, unknown members are skipped, and malformed bytes are -EPROTO.
 */

#include <string.h>

#include "clients/lib/decode_parts.h"
#include "clients/lib/wire.h"

void decoder_deinit(Decoder *decoder) {
        arena_deinit(&decoder->arena);
        arena_deinit(&decoder->arena_welcome);
}

/**
 * decoder_restart() - begin with a new connection
 * @decoder:    the decoder; its last message becomes void
 */
void decoder_restart(Decoder *decoder) {
        decoder->in_batch = decoder->in_part = decoder->in_samples = false;
        decoder->welcomed = decoder->starts_changed = false;
        decoder->partial = NULL;
        decoder->partial_alone = (PartialSample){ 0 };
}

static enum tb_access decode_access(Taskbroker__V1__Access value) {
        return value >= TASKBROKER__V1__ACCESS__ACCESS_ALL && value <= TASKBROKER__V1__ACCESS__ACCESS_OWN_ONLY
                       ? (enum tb_access)value
                       : TB_ACCESS_UNKNOWN;
}

static int decoder_welcome(Decoder *decoder, const uint8_t *data, size_t n_data) {
        const Taskbroker__V1__Welcome *wire;

        if (decoder->welcomed)
                return decoder_refuse(decoder, "a second Welcome");

        wire = (void *)decode_unpack(&decoder->arena_welcome, &taskbroker__v1__welcome__descriptor, data, n_data);
        if (!wire)
                return decoder_not_unpacked(decoder, &decoder->arena_welcome, "the Welcome is malformed");
        if (wire->protocol != 1)
                return decoder_refuse(decoder,
                                      "it speaks another version of the protocol; "
                                      "this program knows version 1: update it, or the broker");

        decoder->welcome = (struct tb_welcome){
                .epoch = wire->epoch,
                .broker_version = wire->broker_version,
                .kernel_release = wire->kernel_release,
                .taskstats_version = wire->taskstats_version,
                .delay_accounting = decode_delay_accounting(wire->delay_accounting),
                .realtime_offset_ns = wire->realtime_offset_ns,
                .start_time_ns = wire->start_time_ns,
                .boot_epoch_ns = wire->boot_epoch_ns,
                .n_features = wire->n_features,
                .features = (const char *const *)wire->features,
                .access = decode_access(wire->access),
                .uid = wire->uid,
        };
        decoder->welcomed = true;
        decoder->message = (struct tb_message){ .type = TB_MESSAGE_WELCOME, .welcome = &decoder->welcome };

        return 1;
}

static int decoder_error(Decoder *decoder, const uint8_t *data, size_t n_data) {
        const Taskbroker__V1__Error *wire;

        wire = (void *)decode_unpack(&decoder->arena, &taskbroker__v1__error__descriptor, data, n_data);
        if (!wire)
                return decoder_not_unpacked(decoder, &decoder->arena, "an Error is malformed");

        decoder->error = (struct tb_error){
                .code = (enum tb_error_code)wire->code,
                .message = wire->message,
                .field = wire->field,
                .closing = wire->closing,
                .lost = wire->lost,
        };
        decoder->message = (struct tb_message){
                .type = TB_MESSAGE_ERROR,
                .request_id = wire->request_id,
                .error = &decoder->error,
        };

        return 1;
}

static int decoder_status(Decoder *decoder, const uint8_t *data, size_t n_data) {
        const Taskbroker__V1__BrokerStatus *wire;

        wire = (void *)decode_unpack(&decoder->arena, &taskbroker__v1__broker_status__descriptor, data, n_data);
        if (!wire)
                return decoder_not_unpacked(decoder, &decoder->arena, "a BrokerStatus is malformed");

        decode_status(decoder, wire);
        decoder->message = (struct tb_message){
                .type = TB_MESSAGE_STATUS,
                .request_id = wire->request_id,
                .status = &decoder->status,
        };

        return 1;
}

static int decoder_pong(Decoder *decoder, const uint8_t *data, size_t n_data) {
        const Taskbroker__V1__Pong *wire;

        wire = (void *)decode_unpack(&decoder->arena, &taskbroker__v1__pong__descriptor, data, n_data);
        if (!wire)
                return decoder_not_unpacked(decoder, &decoder->arena, "a Pong is malformed");

        decoder->pong = (struct tb_pong){ .time_ns = wire->time_ns };
        decoder->message = (struct tb_message){
                .type = TB_MESSAGE_PONG,
                .request_id = wire->request_id,
                .pong = &decoder->pong,
        };

        return 1;
}

static int decoder_batch(Decoder *decoder, const uint8_t *data, size_t n_data) {
        int r;

        r = batch_open(&decoder->batch, data, n_data);
        if (r < 0)
                return decoder_refuse(decoder, "an EventBatch is malformed");

        decoder->in_batch = true;
        return 0;
}

static int decoder_snapshot_end(Decoder *decoder, const uint8_t *data, size_t n_data) {
        const Taskbroker__V1__SnapshotEnd *wire;

        wire = (void *)decode_unpack(&decoder->arena, &taskbroker__v1__snapshot_end__descriptor, data, n_data);
        if (!wire)
                return decoder_not_unpacked(decoder, &decoder->arena, "a SnapshotEnd is malformed");

        decoder->snapshot_end = (struct tb_snapshot_end){
                .number = wire->number,
                .tasks = wire->task_count,
                .time_ns = wire->time_ns,
        };
        decoder->message = (struct tb_message){
                .type = TB_MESSAGE_SNAPSHOT_END,
                .snapshot_end = &decoder->snapshot_end,
        };

        return 1;
}

/* Whether the field is a member of the oneof that this library knows. */
static bool message_is_body(uint32_t number) {
        return (number >= TASKBROKER__V1__SERVER_MESSAGE__BODY_WELCOME &&
                number <= TASKBROKER__V1__SERVER_MESSAGE__BODY_RESTARTED) ||
               number == TASKBROKER__V1__SERVER_MESSAGE__BODY_PONG;
}

/**
 * decoder_begin() - take a frame
 * @decoder:    the decoder; the last batch must be at its end
 * @data:       the frame's message
 * @n_data:     its length
 *
 * Where a frame has several members of the oneof, the last counts, as protobuf
 * says. A broker newer than this library may send members that it does not know;
 * they are passed over.
 *
 * Return: 1: decoder->message is set; 0: it is not, but decoder_is_within() may be
 *         so; -EPROTO, with decoder->reason; -ENOMEM.
 */
int decoder_begin(Decoder *decoder, const uint8_t *data, size_t n_data) {
        WireCursor cursor = { data, data + n_data };
        WireField field, body = { 0 };
        int r;

        decoder->stream = 0;
        while ((r = wire_next(&cursor, &field)) > 0) {
                if (field.number == DECODE_MESSAGE_STREAM && field.type == WIRE_VARINT)
                        decoder->stream = (uint32_t)field.value;
                if (!message_is_body(field.number))
                        continue;
                if (field.type != WIRE_BYTES)
                        return decoder_refuse(decoder, "a message is malformed");
                body = field;
        }
        if (r < 0)
                return decoder_refuse(decoder, "a message is malformed");

        /* An Error may come in its place: a broker that is full says so and nothing else. */
        if (!decoder->welcomed && body.number != TASKBROKER__V1__SERVER_MESSAGE__BODY_WELCOME &&
            body.number != TASKBROKER__V1__SERVER_MESSAGE__BODY_ERROR)
                return decoder_refuse(decoder, "its first message is not a Welcome");

        switch (body.number) {
        case TASKBROKER__V1__SERVER_MESSAGE__BODY_WELCOME:
                return decoder_welcome(decoder, body.data, body.n_data);
        case TASKBROKER__V1__SERVER_MESSAGE__BODY_EVENT_BATCH:
                return decoder_batch(decoder, body.data, body.n_data);
        case TASKBROKER__V1__SERVER_MESSAGE__BODY_ERROR:
                return decoder_error(decoder, body.data, body.n_data);
        case TASKBROKER__V1__SERVER_MESSAGE__BODY_SUBSCRIBED:
                return decoder_subscribed(decoder, body.data, body.n_data);
        case TASKBROKER__V1__SERVER_MESSAGE__BODY_BROKER_STATUS:
                return decoder_status(decoder, body.data, body.n_data);
        case TASKBROKER__V1__SERVER_MESSAGE__BODY_SNAPSHOT_PART:
                decoder->part = (WireCursor){ body.data, body.data + body.n_data };
                decoder->in_part = true;
                return 0;
        case TASKBROKER__V1__SERVER_MESSAGE__BODY_SNAPSHOT_END:
                return decoder_snapshot_end(decoder, body.data, body.n_data);
        case TASKBROKER__V1__SERVER_MESSAGE__BODY_TASK_STATS_REPLY:
        case TASKBROKER__V1__SERVER_MESSAGE__BODY_SAMPLE_PART:
                return decoder_open_samples(decoder, body.data, body.n_data,
                                            body.number == TASKBROKER__V1__SERVER_MESSAGE__BODY_TASK_STATS_REPLY);
        case TASKBROKER__V1__SERVER_MESSAGE__BODY_SUBSCRIBED_SAMPLES:
                return decoder_sampling(decoder, body.data, body.n_data);
        case TASKBROKER__V1__SERVER_MESSAGE__BODY_SAMPLE_LOSS:
                return decoder_sample_loss(decoder, body.data, body.n_data);
        case TASKBROKER__V1__SERVER_MESSAGE__BODY_NAMED:
                return decoder_named(decoder, body.data, body.n_data);
        case TASKBROKER__V1__SERVER_MESSAGE__BODY_UNSUBSCRIBED:
                return decoder_unsubscribed(decoder, body.data, body.n_data);
        case TASKBROKER__V1__SERVER_MESSAGE__BODY_RESTARTED:
                return decoder_restarted(decoder, body.data, body.n_data);
        case TASKBROKER__V1__SERVER_MESSAGE__BODY_PONG:
                return decoder_pong(decoder, body.data, body.n_data);
        default:
                return 0;
        }
}

/* Whether the last frame has parts that are taken out one by one. */
bool decoder_is_within(const Decoder *decoder) {
        return decoder->in_batch || decoder->in_part || decoder->in_samples;
}

/**
 * decoder_next() - take the next part of a frame
 * @decoder:    the decoder, within one
 *
 * Return: 1: decoder->message is set; 0: the frame is at its end; -EPROTO, with
 *         decoder->reason; -ENOMEM.
 */
int decoder_next(Decoder *decoder) {
        if (decoder->in_batch)
                return decoder_next_event(decoder);

        return decoder->in_part ? decoder_next_task(decoder) : decoder_next_sample(decoder);
}

/**
 * decoder_next_event() - take the next event of the batch
 * @decoder:    the decoder, in a batch
 *
 * Events of a kind that this library does not know are passed over; their
 * numbers count.
 *
 * Return: 1: decoder->message is set; 0: the batch is at its end; -EPROTO, with
 *         decoder->reason; -ENOMEM.
 */
int decoder_next_event(Decoder *decoder) {
        struct tb_event *event = &decoder->event;
        const Taskbroker__V1__Event *wire;
        const uint8_t *data;
        size_t n_data;
        bool known;
        int r;

        while ((r = batch_next(&decoder->batch, &data, &n_data)) > 0) {
                wire = (void *)decode_unpack(&decoder->arena, &taskbroker__v1__event__descriptor, data, n_data);
                if (!wire)
                        return decoder_not_unpacked(decoder, &decoder->arena, "an Event is malformed");

                known = decode_event(decoder, wire);
                event->number = decoder->batch.next_number;
                event->realtime_offset_ns = decoder->batch.realtime_offset_ns;

                /* A reader's loss takes the place of the numbers that it counts. */
                if (known && event->kind == TB_KIND_LOSS && event->loss.source == TB_LOSS_SOURCE_READER)
                        decoder->batch.next_number += event->loss.count;
                else
                        ++decoder->batch.next_number;

                if (!known)
                        continue;
                decoder->message = (struct tb_message){ .type = TB_MESSAGE_EVENT, .event = event };
                return 1;
        }

        decoder->in_batch = false;
        return r < 0 ? decoder_refuse(decoder, "an EventBatch is malformed") : 0;
}

/* The tag of SnapshotPart.tasks, broker.proto. */
#define PART_TASKS 1

/**
 * decoder_next_task() - take the next task of the part of a snapshot
 * @decoder:    the decoder, in a part
 *
 * Return: 1: decoder->message is set; 0: the part is at its end; -EPROTO, with
 *         decoder->reason; -ENOMEM.
 */
int decoder_next_task(Decoder *decoder) {
        const Taskbroker__V1__Task *wire;
        WireField field;
        int r;

        while ((r = wire_next(&decoder->part, &field)) > 0) {
                if (field.number != PART_TASKS)
                        continue;
                if (field.type != WIRE_BYTES)
                        return decoder_refuse(decoder, "a SnapshotPart is malformed");
                wire = (void *)decode_unpack(&decoder->arena, &taskbroker__v1__task__descriptor, field.data,
                                             field.n_data);
                if (!wire)
                        return decoder_not_unpacked(decoder, &decoder->arena, "a Task is malformed");

                decode_task(&decoder->task, &decoder->program, wire);
                decoder->message = (struct tb_message){ .type = TB_MESSAGE_TASK, .task = &decoder->task };
                return 1;
        }

        decoder->in_part = false;
        return r < 0 ? decoder_refuse(decoder, "a SnapshotPart is malformed") : 0;
}
