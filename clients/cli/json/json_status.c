/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The broker's status as JSON: the counters of proto/status_counters.h, name by name.
 */

#include <json-c/json.h>

#include "clients/cli/json/json.h"
#include "proto/status_counters.h"

/* Whether a counter is for this client to know, by its row's access. */
#define KNOWN_ALL all
#define KNOWN_MACHINE machine
#define KNOWN_ANY true

static struct json_object *json_source(const struct tb_source_status *source, bool all, bool machine) {
        struct json_object *object = json_object_new_object();

#define ADD(name, unit, access, ...) json_add_known(object, #name, source->name, KNOWN_##access);
        STATUS_SOURCE_COUNTERS(ADD)
#undef ADD

        return object;
}

static struct json_object *json_clients(const struct tb_status *status) {
        struct json_object *array = json_object_new_array();

        for (size_t i = 0; i < status->n_clients; ++i) {
                struct json_object *object = json_object_new_object();

                json_add_number(object, "uid", status->clients[i].uid);
                json_add_known_text(object, "name", status->clients[i].name, *status->clients[i].name);
                json_add_known_text(object, "version", status->clients[i].version, *status->clients[i].version);
                json_add_number(object, "connections", status->clients[i].connections);
                json_add_number(object, "streams", status->clients[i].streams);
                json_object_array_add(array, object);
        }

        return array;
}

struct json_object *json_status(const struct tb_status *status) {
        struct json_object *object = json_object_new_object(), *events = json_object_new_object();
        bool all = !status->withheld, machine = !status->machine_withheld;

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
#define ADD_COUNT(name, known) json_add_known(object, #name, status->name, known);
#define ADD_BYTES(name, known) ADD_COUNT(name, known)
#define ADD_TIME(name, known) ADD_COUNT(name, known)
#define ADD_FLAG(name, known) json_add_bool(object, #name, status->name);
#define ADD(name, unit, access, ...) ADD_##unit(name, KNOWN_##access)
        STATUS_COUNTERS(ADD)
#undef ADD
        json_add(object, "clients", json_clients(status));

        return object;
}
