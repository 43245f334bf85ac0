/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A user without the right to know everything gets its own connections and nothing of
 * other users', and of the machine only what /proc shows to everybody.
 */

#include <string.h>

#include "broker/base/util.h"
#include "broker/server/status_report.h"

static void status_report_sampler(const Sampler *sampler, BrokerStatus *status) {
        status->sweeps = sampler->sweep.n_passes;
        status->sweep_tasks = sampler->sweep.n_tasks;
        status->sweep_gone = sampler->sweep.n_gone;
        status->sweep_lost = sampler->sweep.n_lost;
        status->sweep_cpu_ns = sampler->cpu_ns;
}

static ClientCount *status_report_find_client(BrokerStatus *status, const Client *client) {
        for (size_t i = 0; i < status->n_clients; ++i)
                if (status->clients[i].uid == client->uid &&
                    client_info_equals(&status->clients[i].info, &client->info))
                        return &status->clients[i];
        if (status->n_clients == STATUS_CLIENTS_MAX)
                return NULL;
        status->clients[status->n_clients] = (ClientCount){ .uid = client->uid, .info = client->info };
        return &status->clients[status->n_clients++];
}

/* Lists the programs of a user; @own: NULL for all users. */
static void status_report_clients(const StatusReport *report, const Client *own, BrokerStatus *status) {
        list_for_each(link, safe, &report->connections->open) {
                const Client *client = container_of(link, const Client, connection.link);
                ClientCount *count;

                if (own && client->uid != own->uid)
                        continue;
                count = status_report_find_client(status, client);
                if (!count) {
                        ++status->clients_unlisted;
                        continue;
                }
                ++count->connections;
                count->streams += (uint32_t)client->n_streams;
        }
}

/**
 * status_report_all() - collect the whole status
 * @report:      the report
 * @ret_status:  output
 */
void status_report_all(StatusReport *report, BrokerStatus *ret_status) {
        *ret_status = (BrokerStatus){};
        report->fill(report, ret_status);
        memcpy(ret_status->events, report->n_events, sizeof(ret_status->events));
        ret_status->feeds = report->feeds->n;
        ret_status->snapshots = report->feeds->n_snapshots_made;
        list_for_each(link, safe, &report->feeds->list)
                ret_status->feed_bytes += container_of(link, Feed, link)->n_bytes;
        ret_status->connections = report->connections->n_open;
        ret_status->closed_for_errors = report->connections->owner.n_closed_for_errors;
        ret_status->closed_for_strict = report->connections->owner.n_closed_for_strict;
        ret_status->subscribers = report->subscriptions->n_of_events;
        ret_status->snapshot_subscribers = report->subscriptions->n_snapshots;
        ret_status->resumed = report->subscriptions->n_resumed;
        ret_status->reader_lost = report->subscriptions->n_events_lost;
        ret_status->sample_subscribers = report->subscriptions->n_of_samples;
        ret_status->sample_lost = report->subscriptions->n_samples_lost;
        ret_status->refused_connections = report->n_refused;
        ret_status->refused_namespace = report->n_refused_namespace;
        ret_status->refused_quota = report->quota->n_refused;
        ret_status->client_bytes = report->quota->used[QUOTA_BYTES];
        if (report->sampler)
                status_report_sampler(report->sampler, ret_status);
}

/* Takes over the counters of a source that a client may know. */
#define KEEP_ALL(name)
#define KEEP_MACHINE(name)                                                                                             \
        if (rights->others)                                                                                            \
                to->name = from->name;
#define KEEP_ANY(name) to->name = from->name;
#define KEEP(name, unit, access, ...) KEEP_##access(name)

static void status_report_keep_source(const Rights *rights, const SourceCounters *from, SourceCounters *to) {
        STATUS_SOURCE_COUNTERS(KEEP)
}

static void status_report_keep(const Rights *rights, const BrokerStatus *from, BrokerStatus *to) {
        STATUS_COUNTERS(KEEP)
        status_report_keep_source(rights, &from->connector, &to->connector);
        status_report_keep_source(rights, &from->taskstats, &to->taskstats);
}

/**
 * status_report_for() - collect what a client may know of the status
 * @report:      the report
 * @client:      the client
 * @ret_status:  output
 */
void status_report_for(StatusReport *report, const Client *client, BrokerStatus *ret_status) {
        BrokerStatus all;

        status_report_all(report, ret_status);
        if (client->rights.all)
                return status_report_clients(report, NULL, ret_status);
        all = *ret_status;
        *ret_status = (BrokerStatus){
                .epoch = all.epoch,
                .start_time_ns = all.start_time_ns,
                .uptime_ns = all.uptime_ns,
                .time_offset_ns = all.time_offset_ns,
                .features = all.features,
                .machine_withheld = !client->rights.others,
        };
        status_report_keep(&client->rights, &all, ret_status);
        /* connections of other users are withheld within these two counters */
        ret_status->withheld = true;
        ret_status->connections = ret_status->subscribers = 0;
        list_for_each(link, safe, &report->connections->open) {
                const Client *other = container_of(link, const Client, connection.link);

                if (other->uid != client->uid)
                        continue;
                ++ret_status->connections;
                ret_status->subscribers += client_count_events(other);
        }
        status_report_clients(report, client, ret_status);
}
