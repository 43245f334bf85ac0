/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Client: a connection, who is at its other end, and what it has asked for. Made by
 * admission, freed by the hub between two turns. The members are set by the modules that
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
        Rights rights;                  /* what it may know */

        SubscriptionKind subscription;
        const Feed *feed;               /* of the subscription; NULL: there is none */
        SampleFeed *sample_feed;        /* of a subscription to samples, which has the feed */
        bool strict;                    /* it is closed rather than given a loss */
        PendingRequest *pending;        /* a subscription that cannot begin yet; NULL: there is none */
        size_t n_stats_requests;        /* whose answers are not complete */
};

int client_new(Client **ret_client, ConnectionOwner *owner, QuotaUser *user, int fd);
Client *client_free(Client *client);

static inline Client *client_of(Connection *connection) {
        return container_of(connection, Client, connection);
}
