/* SPDX-License-Identifier: Apache-2.0 */

#include <string.h>

#include "broker/base/util.h"
#include "broker/output/feed.h"
#include "broker/server/sampler.h"
#include "broker/server/status_report.h"

/**
 * status_report_all() - all that there is to know
 * @hub:         the hub
 * @ret_status:  output
 */
void status_report_all(Hub *hub, BrokerStatus *ret_status) {
        *ret_status = (BrokerStatus){};
        hub->report(hub, ret_status);
        memcpy(ret_status->events, hub->n_events, sizeof(ret_status->events));
        ret_status->feeds = hub->feeds.n;
        ret_status->subscribers = hub->n_subscribers;
        ret_status->connections = hub->n_clients;
        ret_status->reader_lost = hub->n_reader_lost;
        ret_status->closed_for_errors = hub->n_closed_for_errors;
        ret_status->closed_for_strict = hub->n_closed_for_strict;
        ret_status->refused_connections = hub->n_refused;
        ret_status->refused_quota = hub->quota.n_refused;
        ret_status->client_bytes = hub->quota.used[QUOTA_BYTES];
        ret_status->snapshots = hub->feeds.n_snapshots_made;
        ret_status->snapshot_subscribers = hub->n_snapshot_subscribers;
        ret_status->resumed = hub->n_resumed;
        ret_status->refused_namespace = hub->n_refused_namespace;
        if (hub->sampler)
                sampler_report(hub->sampler, ret_status);
        list_for_each(link, safe, &hub->feeds.list)
                ret_status->feed_bytes += container_of(link, Feed, link)->n_bytes;
}

/**
 * status_report_for() - what a client may know of it
 * @hub:         the hub
 * @client:      the client
 * @ret_status:  output
 *
 * That is what is not of this machine's inside, and not of other users' connections.
 */
void status_report_for(Hub *hub, const Client *client, BrokerStatus *ret_status) {
        BrokerStatus all;

        status_report_all(hub, ret_status);
        if (client->rights.all)
                return;
        all = *ret_status;
        *ret_status = (BrokerStatus){
                .epoch = all.epoch,
                .start_time_ns = all.start_time_ns,
                .uptime_ns = all.uptime_ns,
                .realtime_offset_ns = all.realtime_offset_ns,
                .features = all.features,
                .withheld = true,
        };
        list_for_each(link, safe, &hub->clients) {
                const Client *other = container_of(link, Client, link);

                ret_status->connections += other->uid == client->uid;
                ret_status->subscribers += other->uid == client->uid && other->subscribed;
        }
        if (!client->rights.others)
                return;
        ret_status->connector.lost = all.connector.lost;
        ret_status->connector.muted = all.connector.muted;
        ret_status->connector.repaired = all.connector.repaired;
        ret_status->taskstats.lost = all.taskstats.lost;
        ret_status->live_tasks = all.live_tasks;
        ret_status->live_processes = all.live_processes;
}
