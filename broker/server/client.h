/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Client: a connection, its user, its streams and its requests. Admission makes a client, and
 * the hub frees it between two turns. The members are set by the modules that
 * serve it: subscription.c, stats_requests.c and request_handler.c.
 *
 * Stream: a subscription of a client, to events or to samples. It is charged to the client's
 * user. Its number distinguishes it from the other streams of its connection, for ever.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "broker/base/util.h"
#include "broker/model/client_info.h"
#include "broker/output/feed.h"
#include "broker/output/sample_feeds.h"
#include "broker/policy/policy.h"
#include "broker/server/connection.h"

typedef struct Client Client;
typedef struct Stream Stream;

struct Stream {
        SendStream send;                /* its number, and its place in the feed */
        Client *client;                 /* not owned */
        List link;                      /* in the client's list */
        Feed *feed;                     /* not owned */
        SampleFeed *sample_feed;        /* has the feed; NULL: the stream has events */
        bool strict;                    /* a loss ends the connection with an Error */
        bool snapshot;                  /* the stream begins with a snapshot, also when it begins anew */
        Charge memory;
};

struct Client {
        Connection connection;
        uint32_t uid;
        Rights rights;                  /* the data that the client may receive */
        ClientInfo info;                /* the program, as it says itself */

        List streams;                   /* the oldest first */
        size_t n_streams;
        uint32_t last_stream;           /* the number of the newest stream */
        size_t n_pending;               /* subscriptions that cannot begin yet */
        size_t n_stats_requests;        /* requests for statistics without a complete answer */
};

int client_new(Client **ret_client, ConnectionOwner *owner, QuotaUser *user, int fd);
Client *client_free(Client *client);
size_t client_count_events(const Client *client);
Stream *client_find_stream(Client *client, uint32_t number);

static inline Client *client_of(Connection *connection) {
        return container_of(connection, Client, connection);
}
