/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Client: a connection, its user, and its requests. Admission makes a client, and the hub
 * frees it between two turns. The members are set by the modules that
 * serve it: subscription.c, stats_requests.c and request_handler.c.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "broker/base/util.h"
#include "broker/output/feed.h"
#include "broker/output/sample_feeds.h"
#include "broker/policy/policy.h"
#include "broker/server/connection.h"

typedef struct Client Client;
typedef struct PendingRequest PendingRequest;

typedef enum SubscriptionKind {
        SUBSCRIPTION_NONE,
        SUBSCRIPTION_EVENTS,
        SUBSCRIPTION_SAMPLES,
} SubscriptionKind;

struct Client {
        Connection connection;
        uint32_t uid;
        Rights rights;                  /* the data that the client may receive */

        SubscriptionKind subscription;
        uint64_t subscription_id;       /* the id of the request that began it */
        const Feed *feed;               /* the subscription's feed; NULL: there is no subscription */
        SampleFeed *sample_feed;        /* has the feed, if the subscription is to samples */
        bool strict;                    /* a loss ends the connection with an Error */
        PendingRequest *pending;        /* a subscription that cannot begin yet; NULL: no request is pending */
        size_t n_stats_requests;        /* requests for statistics without a complete answer */
};

int client_new(Client **ret_client, ConnectionOwner *owner, QuotaUser *user, int fd);
Client *client_free(Client *client);

static inline Client *client_of(Connection *connection) {
        return container_of(connection, Client, connection);
}
