/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The broker's status as JSON: the wire's Status, name by name.
 */

#include <json-c/json.h>

#include "clients/json.h"

static struct json_object *json_source(const struct tb_source_status *source) {
        struct json_object *object = json_object_new_object();

        json_add_number(object, "received", source->received);
        json_add_number(object, "lost", source->lost);
        json_add_number(object, "dropped", source->dropped);
        json_add_number(object, "truncated", source->truncated);
        json_add_number(object, "malformed", source->malformed);
        json_add_number(object, "foreign", source->foreign);
        json_add_number(object, "muted", source->muted);
        json_add_number(object, "repaired", source->repaired);
        json_add_number(object, "receive_buffer_bytes", source->receive_buffer_bytes);

        return object;
}

static void json_add_delay_accounting(struct json_object *object, enum tb_delay_accounting value) {
        static const char *const names[] = {
                [TB_DELAY_ACCOUNTING_OFF] = "off",
                [TB_DELAY_ACCOUNTING_ON] = "on",
                [TB_DELAY_ACCOUNTING_UNSUPPORTED] = "unsupported",
        };

        if (value == TB_DELAY_ACCOUNTING_UNKNOWN)
                json_add(object, "delay_accounting", NULL);
        else
                json_add_text(object, "delay_accounting", names[value]);
}

struct json_object *json_status(const struct tb_status *status) {
        struct json_object *object = json_object_new_object(), *events = json_object_new_object();

        json_add_text(object, "broker_version", status->broker_version);
        json_add_number(object, "epoch", status->epoch);
        json_add_number(object, "start_time_ns", status->start_time_ns);
        json_add_number(object, "uptime_ns", status->uptime_ns);
        json_add_text(object, "kernel_release", status->kernel_release);
        json_add_known(object, "taskstats_version", status->taskstats_version, status->taskstats_version != 0);
        json_add_delay_accounting(object, status->delay_accounting);
        json_add(object, "connector", json_source(&status->connector));
        json_add(object, "taskstats", json_source(&status->taskstats));
        for (unsigned int kind = TB_KIND_FORK; kind <= TB_KIND_LOSS; kind++)
                json_add_number(events, tb_kind_name((enum tb_kind)kind), status->events[kind]);
        json_add(object, "events", events);
        json_add_number(object, "live_tasks", status->live_tasks);
        json_add_number(object, "live_processes", status->live_processes);
        json_add_number(object, "feeds", status->feeds);
        json_add_number(object, "subscribers", status->subscribers);
        json_add_number(object, "connections", status->connections);
        json_add_number(object, "feed_bytes", status->feed_bytes);
        json_add_number(object, "reader_lost", status->reader_lost);
        json_add_number(object, "closed_for_errors", status->closed_for_errors);
        json_add_number(object, "closed_for_strict", status->closed_for_strict);
        json_add_number(object, "refused_connections", status->refused_connections);
        json_add_number(object, "unmatched_stats", status->unmatched_stats);
        json_add_number(object, "synthesised_exits", status->synthesised_exits);
        json_add_number(object, "broker_cpu_ns", status->broker_cpu_ns);
        json_add_number(object, "synthesised_forks", status->synthesised_forks);
        json_add_number(object, "programs_captured", status->programs_captured);
        json_add_number(object, "programs_late", status->programs_late);
        json_add_number(object, "programs_skipped", status->programs_skipped);
        json_add_number(object, "snapshots", status->snapshots);
        json_add_number(object, "snapshot_subscribers", status->snapshot_subscribers);
        json_add_number(object, "resumed", status->resumed);
        json_add_number(object, "table_bytes", status->table_bytes);

        return object;
}
