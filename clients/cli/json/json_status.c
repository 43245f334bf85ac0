/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The broker's status as JSON: the wire's Status, name by name.
 */

#include <json-c/json.h>

#include "clients/cli/json/json.h"

static struct json_object *json_source(const struct tb_source_status *source, bool all, bool machine) {
        struct json_object *object = json_object_new_object();

        json_add_known(object, "received", source->received, all);
        json_add_known(object, "lost", source->lost, machine);
        json_add_known(object, "dropped", source->dropped, all);
        json_add_known(object, "truncated", source->truncated, all);
        json_add_known(object, "malformed", source->malformed, all);
        json_add_known(object, "foreign", source->foreign, all);
        json_add_known(object, "muted", source->muted, machine);
        json_add_known(object, "repaired", source->repaired, machine);
        json_add_known(object, "receive_buffer_bytes", source->receive_buffer_bytes, all);

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
        /* There is always a task alive: none is told where the machine's are not for this client. */
        bool all = !status->withheld, machine = all || status->live_tasks > 0;

        json_add_text(object, "broker_version", status->broker_version);
        json_add_number(object, "epoch", status->epoch);
        json_add_number(object, "start_time_ns", status->start_time_ns);
        json_add_number(object, "uptime_ns", status->uptime_ns);
        json_add_text(object, "kernel_release", status->kernel_release);
        json_add_known(object, "taskstats_version", status->taskstats_version, status->taskstats_version != 0);
        json_add_delay_accounting(object, status->delay_accounting);
        json_add(object, "connector", json_source(&status->connector, all, machine));
        json_add(object, "taskstats", json_source(&status->taskstats, all, machine));
        for (unsigned int kind = 0; kind < status->n_events; ++kind)
                if (tb_kind_name((enum tb_kind)kind))
                        json_add_known(events, tb_kind_name((enum tb_kind)kind), status->events[kind], all);
        json_add(object, "events", events);
        json_add_known(object, "live_tasks", status->live_tasks, machine);
        json_add_known(object, "live_processes", status->live_processes, machine);
        json_add_known(object, "feeds", status->feeds, all);
        json_add_number(object, "subscribers", status->subscribers);
        json_add_number(object, "connections", status->connections);
        json_add_known(object, "feed_bytes", status->feed_bytes, all);
        json_add_known(object, "reader_lost", status->reader_lost, all);
        json_add_known(object, "closed_for_errors", status->closed_for_errors, all);
        json_add_known(object, "closed_for_strict", status->closed_for_strict, all);
        json_add_known(object, "refused_connections", status->refused_connections, all);
        json_add_known(object, "unmatched_stats", status->unmatched_stats, all);
        json_add_known(object, "synthesised_exits", status->synthesised_exits, all);
        json_add_known(object, "broker_cpu_ns", status->broker_cpu_ns, all);
        json_add_known(object, "synthesised_forks", status->synthesised_forks, all);
        json_add_known(object, "programs_captured", status->programs_captured, all);
        json_add_known(object, "programs_late", status->programs_late, all);
        json_add_known(object, "programs_skipped", status->programs_skipped, all);
        json_add_known(object, "snapshots", status->snapshots, all);
        json_add_known(object, "snapshot_subscribers", status->snapshot_subscribers, all);
        json_add_known(object, "resumed", status->resumed, all);
        json_add_known(object, "table_bytes", status->table_bytes, all);
        json_add_bool(object, "withheld", status->withheld);
        json_add_known(object, "refused_quota", status->refused_quota, all);
        json_add_known(object, "refused_namespace", status->refused_namespace, all);
        json_add_known(object, "sweeps", status->sweeps, all);
        json_add_known(object, "sweep_tasks", status->sweep_tasks, all);
        json_add_known(object, "sweep_gone", status->sweep_gone, all);
        json_add_known(object, "sweep_lost", status->sweep_lost, all);
        json_add_known(object, "sweep_cpu_ns", status->sweep_cpu_ns, all);
        json_add_known(object, "sample_subscribers", status->sample_subscribers, all);
        json_add_known(object, "sample_lost", status->sample_lost, all);
        json_add_known(object, "client_bytes", status->client_bytes, all);

        return object;
}
