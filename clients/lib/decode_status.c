/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A Status of the wire becomes the decoder's struct tb_status.
 *
 * Called by decode_frame.c. The texts that the struct points to are the arena's.
 */

#include <string.h>

#include "clients/lib/decode_parts.h"

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
                .synthesised_forks = wire->synthesised_forks,
                .programs_captured = wire->programs_captured,
                .programs_late = wire->programs_late,
                .programs_skipped = wire->programs_skipped,
                .snapshots = wire->snapshots,
                .snapshot_subscribers = wire->snapshot_subscribers,
                .resumed = wire->resumed,
                .table_bytes = wire->table_bytes,
                .withheld = wire->withheld,
                .refused_quota = wire->refused_quota,
                .refused_namespace = wire->refused_namespace,
                .sweeps = wire->sweeps,
                .sweep_tasks = wire->sweep_tasks,
                .sweep_gone = wire->sweep_gone,
                .sweep_lost = wire->sweep_lost,
                .sweep_cpu_ns = wire->sweep_cpu_ns,
                .sample_subscribers = wire->sample_subscribers,
                .sample_lost = wire->sample_lost,
                .client_bytes = wire->client_bytes,
        };
        decode_source_status(&status->connector, wire->connector);
        decode_source_status(&status->taskstats, wire->taskstats);
        memset(decoder->status_events, 0, sizeof(decoder->status_events));
        status->events = decoder->status_events;
        status->n_events = EVENT_KINDS_N;
        for (size_t i = 0; i < wire->n_events; ++i)
                if (tb_kind_name((enum tb_kind)wire->events[i]->kind))
                        decoder->status_events[wire->events[i]->kind] = wire->events[i]->count;
}
