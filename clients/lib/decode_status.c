/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A BrokerStatus of the wire becomes the decoder's struct tb_status.
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

/* The part that has a counter, by its row's access. A FLAG is not on the wire. */
#define PART_ALL service
#define PART_MACHINE machine
#define PART_ANY wire
#define COPY_COUNT(part, to, name) (to)->name = (part)->name;
#define COPY_BYTES(part, to, name) COPY_COUNT(part, to, name)
#define COPY_TIME(part, to, name) COPY_COUNT(part, to, name)
#define COPY_FLAG(part, to, name)

static const Taskbroker__V1__MachineStatus no_machine = TASKBROKER__V1__MACHINE_STATUS__INIT;
static const Taskbroker__V1__ServiceStatus no_service = TASKBROKER__V1__SERVICE_STATUS__INIT;
static const Taskbroker__V1__SourceLosses no_losses = TASKBROKER__V1__SOURCE_LOSSES__INIT;
static const Taskbroker__V1__SourceStatus no_source = TASKBROKER__V1__SOURCE_STATUS__INIT;

static void decode_source_status(struct tb_source_status *source, const Taskbroker__V1__SourceLosses *machine,
                                 const Taskbroker__V1__SourceStatus *service) {
        if (!machine)
                machine = &no_losses;
        if (!service)
                service = &no_source;
#define COPY(name, unit, access, ...) COPY_##unit(PART_##access, source, name)
        STATUS_SOURCE_COUNTERS(COPY)
#undef COPY
}

static void decode_status_events(Decoder *decoder, const Taskbroker__V1__ServiceStatus *service) {
        memset(decoder->status_events, 0, sizeof(decoder->status_events));
        for (size_t i = 0; i < service->n_events; ++i)
                if (tb_kind_name((enum tb_kind)service->events[i]->kind))
                        decoder->status_events[service->events[i]->kind] = service->events[i]->count;
}

static void decode_clients(Decoder *decoder, const Taskbroker__V1__BrokerStatus *wire) {
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
 * @wire:          the BrokerStatus
 *
 * Kinds that this library does not know are left out.
 */
void decode_status(Decoder *decoder, const Taskbroker__V1__BrokerStatus *wire) {
        const Taskbroker__V1__MachineStatus *machine = wire->machine ? wire->machine : &no_machine;
        const Taskbroker__V1__ServiceStatus *service = wire->service ? wire->service : &no_service;
        struct tb_status *status = &decoder->status;

        *status = (struct tb_status){
                .broker_version = wire->broker_version,
                .epoch = wire->epoch,
                .start_time_ns = wire->start_time_ns,
                .uptime_ns = wire->uptime_ns,
                .kernel_release = wire->kernel_release,
                .taskstats_version = wire->taskstats_version,
                .delay_accounting = decode_delay_accounting(wire->delay_accounting),
                .withheld = !wire->service,
                .machine_withheld = !wire->machine,
                .events = decoder->status_events,
                .n_events = EVENT_KINDS_N,
        };
#define COPY(name, unit, access, ...) COPY_##unit(PART_##access, status, name)
        STATUS_COUNTERS(COPY)
#undef COPY
        decode_source_status(&status->connector, machine->connector, service->connector);
        decode_source_status(&status->taskstats, machine->taskstats, service->taskstats);
        decode_clients(decoder, wire);
        decode_status_events(decoder, service);
}
