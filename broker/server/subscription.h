/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Subscriptions: how a stream of a client begins, what happens when its reader is too
 * slow, and how it ends. There are two kinds: of events, and of samples. The request
 * handler has found the feed; the hub calls subscription_on_snapshot(),
 * subscription_recover() and subscription_close_all().
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "broker/output/request_decode.h"
#include "broker/output/sample_feeds.h"
#include "broker/output/snapshot.h"
#include "broker/server/client.h"

typedef struct Subscriptions Subscriptions;

enum {
        _SUBSCRIPTION_E_SUCCESS,
        SUBSCRIPTION_E_MEMORY,
        SUBSCRIPTION_E_TOTAL,   /* all users together have the memory that there is */
        SUBSCRIPTION_E_QUOTA,   /* the user has no more memory */
};

/* The first subscription to samples begins, before its reply is sent, or the last one ended. */
typedef void (*SubscriptionsOnSamples)(Subscriptions *subscriptions, bool in_use);

/* The state that all subscriptions share, and their counts. */
struct Subscriptions {
        SampleFeeds *sample_feeds;      /* not owned; NULL: there are no live statistics */
        SubscriptionsOnSamples on_samples;      /* NULL: not called */
        bool changed;                   /* a subscription to events began or ended since the hub reset this */
        size_t n_of_events;
        size_t n_of_samples;
        uint64_t n_snapshots;           /* snapshots at the begin of subscriptions */
        uint64_t n_resumed;
        uint64_t n_events_lost;         /* events that too slow readers lost */
        uint64_t n_samples_lost;
};

int subscription_begin(Subscriptions *subscriptions,
                       Client *client,
                       const Request *request,
                       Feed *feed,
                       Snapshot *snapshot,
                       uint64_t next_number);
int subscription_begin_samples(Subscriptions *subscriptions, Client *client, const Request *request, SampleFeed *feed);
void subscription_on_snapshot(Stream *stream);
void subscription_send_named(Client *client, const Feed *feed);
void subscription_recover(Subscriptions *subscriptions, Stream *stream);
void subscription_end(Subscriptions *subscriptions, Stream *stream);
void subscription_restart(Subscriptions *subscriptions, Stream *stream, uint64_t request_id, Feed *feed,
                          Snapshot *snapshot);
void subscription_restart_samples(Subscriptions *subscriptions, Stream *stream, uint64_t request_id, SampleFeed *feed);
void subscription_close_all(Subscriptions *subscriptions, Client *client);

static inline Stream *stream_of(SendStream *send) {
        return container_of(send, Stream, send);
}
