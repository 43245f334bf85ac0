/* SPDX-License-Identifier: Apache-2.0 */

/*
 * From the broker's bytes to the library's structs.
 *
 * The decoder owns the one message that is handed out at a time. The client
 * gives it each frame with decoder_begin(); where that is a batch, it then takes
 * the events out with decoder_next_event(), and must leave the frame's bytes in
 * place until that says 0.
 *
 * Nothing here trusts the broker: the memory of a message is bounded by its
 * length, what is not known is passed over, and what is malformed is -EPROTO.
 */

#include <errno.h>
#include <string.h>

#include "clients/lib/decode-parts.h"
#include "clients/lib/decode.h"
#include "clients/lib/wire.h"

/*
 * A true event of 700 bytes takes some 8 KiB. Small messages have the arena's
 * block; beyond that, what a message takes may be this many times its length.
 */
#define DECODE_MEMORY_FACTOR 8

static void *decode_alloc(void *data, size_t n) {
        return arena_alloc(data, n);
}

static void decode_free(void *data, void *piece) {
        (void)data;
        (void)piece;
}

ProtobufCMessage *decode_unpack(Arena *arena,
                                const ProtobufCMessageDescriptor *descriptor,
                                const uint8_t *data,
                                size_t n_data) {
        ProtobufCAllocator allocator = {
                .alloc = decode_alloc,
                .free = decode_free,
                .allocator_data = arena,
        };

        arena_reset(arena, ARENA_BLOCK + n_data * DECODE_MEMORY_FACTOR);
        return protobuf_c_message_unpack(descriptor, &allocator, n_data, data);
}

/* A name longer than the protocol allows is cut, not refused: it is only a name. */
void decode_comm(char comm[static TB_COMM_SIZE], ProtobufCBinaryData bytes) {
        size_t n = bytes.len < TB_COMM_SIZE ? bytes.len : TB_COMM_SIZE - 1;

        if (n)
                memcpy(comm, bytes.data, n);
        memset(comm + n, 0, TB_COMM_SIZE - n);
}

void decoder_deinit(Decoder *decoder) {
        arena_deinit(&decoder->arena);
        arena_deinit(&decoder->arena_welcome);
}

static int decoder_refuse(Decoder *decoder, const char *reason) {
        decoder->reason = reason;
        return -EPROTO;
}

/* Why there is no message: protobuf-c does not tell bad bytes from a lack of memory, the arena does. */
static int decoder_not_unpacked(Decoder *decoder, const Arena *arena, const char *reason) {
        if (arena->out_of_memory)
                return -ENOMEM;
        if (arena->exceeded)
                return decoder_refuse(decoder, "a message would take far more memory than its length allows");

        return decoder_refuse(decoder, reason);
}

static enum tb_delay_accounting decode_delay_accounting(Taskbroker__V1__DelayAccounting value) {
        switch (value) {
        case TASKBROKER__V1__DELAY_ACCOUNTING__DELAY_ACCOUNTING_OFF:
                return TB_DELAY_ACCOUNTING_OFF;
        case TASKBROKER__V1__DELAY_ACCOUNTING__DELAY_ACCOUNTING_ON:
                return TB_DELAY_ACCOUNTING_ON;
        case TASKBROKER__V1__DELAY_ACCOUNTING__DELAY_ACCOUNTING_UNSUPPORTED:
                return TB_DELAY_ACCOUNTING_UNSUPPORTED;
        default:
                return TB_DELAY_ACCOUNTING_UNKNOWN;
        }
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
                .n_features = wire->n_features,
                .features = (const char *const *)wire->features,
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

static int decoder_subscribed(Decoder *decoder, const uint8_t *data, size_t n_data) {
        const Taskbroker__V1__Subscribed *wire;

        wire = (void *)decode_unpack(&decoder->arena, &taskbroker__v1__subscribed__descriptor, data, n_data);
        if (!wire)
                return decoder_not_unpacked(decoder, &decoder->arena, "a Subscribed is malformed");

        decoder->subscribed = (struct tb_subscribed){
                .feed = wire->feed,
                .next_number = wire->next_number,
        };
        decoder->message = (struct tb_message){
                .type = TB_MESSAGE_SUBSCRIBED,
                .request_id = wire->request_id,
                .subscribed = &decoder->subscribed,
        };

        return 1;
}

static void decode_source_status(struct tb_source_status *source, const Taskbroker__V1__SourceStatus *wire) {
        if (!wire)
                return;

        *source = (struct tb_source_status){
                .received = wire->received,
                .lost = wire->lost,
                .dropped = wire->dropped,
                .truncated = wire->truncated,
                .malformed = wire->malformed,
                .foreign = wire->foreign,
                .muted = wire->muted,
                .repaired = wire->repaired,
                .receive_buffer_bytes = wire->receive_buffer_bytes,
        };
}

static int decoder_status(Decoder *decoder, const uint8_t *data, size_t n_data) {
        const Taskbroker__V1__Status *wire;
        struct tb_status *status = &decoder->status;

        wire = (void *)decode_unpack(&decoder->arena, &taskbroker__v1__status__descriptor, data, n_data);
        if (!wire)
                return decoder_not_unpacked(decoder, &decoder->arena, "a Status is malformed");

        *status = (struct tb_status){
                .broker_version = wire->broker_version,
                .epoch = wire->epoch,
                .start_time_ns = wire->start_time_ns,
                .uptime_ns = wire->uptime_ns,
                .kernel_release = wire->kernel_release,
                .taskstats_version = wire->taskstats_version,
                .delay_accounting = decode_delay_accounting(wire->delay_accounting),
                .live_tasks = wire->live_tasks,
                .live_processes = wire->live_processes,
                .feeds = wire->feeds,
                .subscribers = wire->subscribers,
                .connections = wire->connections,
                .feed_bytes = wire->feed_bytes,
                .reader_lost = wire->reader_lost,
                .closed_for_errors = wire->closed_for_errors,
                .closed_for_strict = wire->closed_for_strict,
                .refused_connections = wire->refused_connections,
                .unmatched_stats = wire->unmatched_stats,
                .synthesised_exits = wire->synthesised_exits,
                .broker_cpu_ns = wire->broker_cpu_ns,
        };
        decode_source_status(&status->connector, wire->connector);
        decode_source_status(&status->taskstats, wire->taskstats);
        for (size_t i = 0; i < wire->n_events; i++) {
                unsigned int kind = (unsigned int)wire->events[i]->kind;

                if (kind > 0 && kind <= TB_KIND_LOSS)
                        status->events[kind] = wire->events[i]->count;
        }
        decoder->message = (struct tb_message){
                .type = TB_MESSAGE_STATUS,
                .request_id = wire->request_id,
                .status = status,
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
 * Return: 1: decoder->message is set; 0: it is not, but decoder->in_batch may
 *         be; -EPROTO, with decoder->reason; -ENOMEM.
 */
int decoder_begin(Decoder *decoder, const uint8_t *data, size_t n_data) {
        WireCursor cursor = { data, data + n_data };
        WireField field, body = { 0 };
        int r;

        while ((r = wire_next(&cursor, &field)) > 0) {
                if (field.number < TASKBROKER__V1__SERVER_MESSAGE__BODY_WELCOME ||
                    field.number > TASKBROKER__V1__SERVER_MESSAGE__BODY_STATUS)
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
        case TASKBROKER__V1__SERVER_MESSAGE__BODY_STATUS:
                return decoder_status(decoder, body.data, body.n_data);
        default:
                return 0;
        }
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

                known = decode_event(event, &decoder->stats, &decoder->process_stats, wire);
                event->number = decoder->batch.next_number;
                event->realtime_offset_ns = decoder->batch.realtime_offset_ns;

                /* A reader's loss stands in the place of the numbers that it tells of. */
                if (known && event->kind == TB_KIND_LOSS && event->loss.source == TB_LOSS_SOURCE_READER)
                        decoder->batch.next_number += event->loss.count;
                else
                        decoder->batch.next_number++;

                if (!known)
                        continue;
                decoder->message = (struct tb_message){ .type = TB_MESSAGE_EVENT, .event = event };
                return 1;
        }

        decoder->in_batch = false;
        return r < 0 ? decoder_refuse(decoder, "an EventBatch is malformed") : 0;
}
