/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A Status of the wire becomes the decoder's struct tb_status.
 *
 * Called by decode_frame.c. The arena owns the texts that the struct points to.
 */

#include <string.h>

#include "clients/lib/decode_parts.h"
#include "proto/status_counters.h"

enum tb_delay_accounting decode_delay_accounting(Taskbroker__V1__DelayAccounting value) {
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

static void decode_source_status(struct tb_source_status *source, const Taskbroker__V1__SourceStatus *wire) {
        if (!wire)
                return;

#define COPY(name, ...) source->name = wire->name;
        STATUS_SOURCE_COUNTERS(COPY)
#undef COPY
}

/* Whether a field is in the list of withheld fields. */
static bool status_withholds(const Taskbroker__V1__Status *wire, const char *name) {
        const ProtobufCFieldDescriptor *field =
                protobuf_c_message_descriptor_get_field_by_name(&taskbroker__v1__status__descriptor, name);

        for (size_t i = 0; field && i < wire->n_withheld_fields; ++i)
                if (wire->withheld_fields[i] == field->id)
                        return true;

        return false;
}

static void decode_clients(Decoder *decoder, const Taskbroker__V1__Status *wire) {
        struct tb_status *status = &decoder->status;

        status->clients = decoder->status_clients;
        for (size_t i = 0; i < wire->n_clients; ++i) {
                const Taskbroker__V1__ClientCount *count = wire->clients[i];

                if (status->n_clients == DECODER_CLIENTS_MAX) {
                        status->clients_unlisted += count->connections;
                        continue;
                }
                decoder->status_clients[status->n_clients++] = (struct tb_client_count){
                        .uid = count->uid,
                        .name = count->name,
                        .version = count->version,
                        .connections = count->connections,
                        .streams = count->streams,
                };
        }
}

/**
 * decode_status() - decode what the broker knows of itself
 * @decoder:       gets it
 * @wire:          the Status
 *
 * Kinds that this library does not know are left out.
 */
void decode_status(Decoder *decoder, const Taskbroker__V1__Status *wire) {
        struct tb_status *status = &decoder->status;

        *status = (struct tb_status){
                .broker_version = wire->broker_version,
                .epoch = wire->epoch,
                .start_time_ns = wire->start_time_ns,
                .uptime_ns = wire->uptime_ns,
                .kernel_release = wire->kernel_release,
                .taskstats_version = wire->taskstats_version,
                .delay_accounting = decode_delay_accounting(wire->delay_accounting),
        };
#define COPY(name, ...) status->name = wire->name;
        STATUS_COUNTERS(COPY)
#undef COPY
        status->machine_withheld = status_withholds(wire, "live_tasks");
        decode_source_status(&status->connector, wire->connector);
        decode_source_status(&status->taskstats, wire->taskstats);
        decode_clients(decoder, wire);
        memset(decoder->status_events, 0, sizeof(decoder->status_events));
        status->events = decoder->status_events;
        status->n_events = EVENT_KINDS_N;
        for (size_t i = 0; i < wire->n_events; ++i)
                if (tb_kind_name((enum tb_kind)wire->events[i]->kind))
                        decoder->status_events[wire->events[i]->kind] = wire->events[i]->count;
}
