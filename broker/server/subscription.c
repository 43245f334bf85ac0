/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A reader of events that was too slow gets a LOSS in the place of the events that it
 * lost, or, if it is strict, an Error that ends its connection. A reader of samples gets
 * a SampleLoss, and begins again with a full sample: the rest of a sample is useless to it.
 */

#include <assert.h>
#include <string.h>

#include "broker/base/clock.h"
#include "broker/base/util.h"
#include "broker/output/encode.h"
#include "broker/server/subscription.h"

static uint64_t now_ns(void) {
        return (uint64_t)clock_read_ns(CLOCK_MONOTONIC);
}

/**
 * subscription_begin() - begin a subscription to events
 * @subscriptions:  all of them
 * @client:         a client without a subscription
 * @request:        a Subscribe
 * @feed:           the feed, its batch closed
 * @snapshot:       sent before the feed; NULL: no snapshot is sent
 * @next_number:    the number of the feed's first event that the client gets
 *
 * Return: 0; SUBSCRIPTION_E_MEMORY.
 */
int subscription_begin(Subscriptions *subscriptions,
                       Client *client,
                       const Request *request,
                       Feed *feed,
                       Snapshot *snapshot,
                       uint64_t next_number) {
        const Subscription *subscription = &request->subscription;
        Connection *connection = &client->connection;
        SendQueue *queue = &connection->queue;
        uint8_t frame[ENCODED_REPLY_MAX];

        assert(client->subscription == SUBSCRIPTION_NONE);
        /* Memory that the cursor needs is charged to its user. */
        (void)charge_take(&queue->cursor.memory, connection->user, QUOTA_BYTES, 0);
        cursor_attach_at(&queue->cursor, feed, next_number);
        if (queue->cursor.broken) {
                cursor_deinit(&queue->cursor);
                return SUBSCRIPTION_E_MEMORY;
        }
        if (snapshot) {
                snapshot_cursor_attach(&queue->snapshot, snapshot);
                ++subscriptions->n_snapshots;
        }
        client->subscription = SUBSCRIPTION_EVENTS;
        client->subscription_id = request->id;
        client->feed = feed;
        client->strict = subscription->strict;
        connection->max_delay_ms = subscription->max_delay_ms;
        ++connection->n_expected;
        subscriptions->changed = true;
        ++subscriptions->n_of_events;
        subscriptions->n_resumed += subscription->has_resume;
        connection_reply(connection, frame,
                         encode_subscribed(request->id, feed->id, next_number, subscription->has_resume,
                                           &feed->key.filter, &feed->matcher.binding.starts, frame));
        return 0;
}

/**
 * subscription_begin_samples() - begin a subscription to samples
 * @subscriptions:  all of them
 * @client:         a client without a subscription
 * @request:        a Sample
 * @feed:           the feed
 */
void subscription_begin_samples(Subscriptions *subscriptions, Client *client, const Request *request,
                                SampleFeed *feed) {
        Connection *connection = &client->connection;
        uint8_t frame[ENCODED_REPLY_MAX];

        assert(client->subscription == SUBSCRIPTION_NONE);
        client->subscription = SUBSCRIPTION_SAMPLES;
        client->subscription_id = request->id;
        client->feed = feed->feed;
        client->sample_feed = feed;
        ++feed->n_subscribers;
        ++connection->n_expected;
        if (++subscriptions->n_of_samples == 1 && subscriptions->on_samples)
                subscriptions->on_samples(subscriptions, true);
        connection_reply(connection, frame,
                         encode_sampling(request->id, feed->feed->next_number, &feed->feed->key.filter,
                                         &feed->feed->matcher.binding.starts, frame));
        sample_feed_attach(feed, &connection->queue.cursor, now_ns());
}

/**
 * subscription_on_snapshot() - go on when a snapshot was made in slices
 * @client:  a client that waits for it; it is complete, or there was no memory for it
 */
void subscription_on_snapshot(Client *client) {
        Connection *connection = &client->connection;
        const Snapshot *snapshot = connection->queue.snapshot.snapshot;

        if (snapshot->failed == FEEDS_E_USER_BYTES)
                connection_refuse_quota(connection, 0, QUOTA_BYTES, true);
        else if (snapshot->failed)
                connection_refuse(connection, &(EncodedError){
                                                      .code = ERROR_LIMIT,
                                                      .message = "The broker has no memory for the snapshot.",
                                                      .closing = true,
                                              });
        connection_flush(connection);
}

/**
 * subscription_send_named() - report that a number of the filter got its process
 * @client:  a client with a subscription
 *
 * After a reconnect the client can name the same process, also if it got no event of it.
 */
void subscription_send_named(Client *client) {
        const Feed *feed = client->feed;
        uint8_t frame[ENCODED_REPLY_MAX];

        connection_reply(&client->connection, frame,
                         encode_named(client->subscription_id, &feed->key.filter, &feed->matcher.binding.starts,
                                      frame));
}

/*
 * Readers that were too slow.
 */

static void subscription_refuse_strict(Client *client, uint64_t lost) {
        connection_refuse(&client->connection,
                          &(EncodedError){
                                  .code = ERROR_FELL_BEHIND,
                                  .message = "The subscription is strict, and events were lost because the client did "
                                             "not read them in time.",
                                  .closing = true,
                                  .lost = lost,
                          });
}

static void subscription_reply_loss(Client *client, uint64_t first_number, uint64_t lost) {
        uint8_t frame[ENCODED_BATCH_HEADER_MAX + ENCODED_EVENT_MAX], event[ENCODED_EVENT_MAX];
        int64_t offset_ns = client->feed->time_offset_ns;
        Event loss = {
                .kind = EVENT_LOSS,
                .time_ns = (uint64_t)(clock_read_ns(CLOCK_MONOTONIC) + offset_ns),
                .loss = {
                        .count = lost,
                        .source = LOSS_READER,
                        .reason = LOSS_FELL_BEHIND,
                },
        };
        size_t n_event = encode_event(&loss, 0, event), n;

        n = encode_batch_header(first_number, offset_ns, n_event, frame);
        memcpy(frame + n, event, n_event);
        connection_reply(&client->connection, frame, n + n_event);
}

static void subscription_recover_events(Subscriptions *subscriptions, Client *client) {
        uint64_t first_number, lost = cursor_recover(&client->connection.queue.cursor, &first_number);

        if (lost == 0)
                return;
        subscriptions->n_events_lost += lost;
        if (client->strict)
                subscription_refuse_strict(client, lost);
        else
                subscription_reply_loss(client, first_number, lost);
}

static void subscription_recover_samples(Subscriptions *subscriptions, Client *client) {
        Cursor *cursor = &client->connection.queue.cursor;
        SampleFeed *feed = client->sample_feed;
        uint8_t frame[ENCODED_REPLY_MAX];
        uint64_t lost;

        /* While a sweep runs, the client gets nothing of the sample at hand. */
        lost = cursor_give_up(cursor, feed->feed->next_number + feed->in_sweep);
        subscriptions->n_samples_lost += lost;
        connection_reply(&client->connection, frame, encode_sample_loss(lost, frame));
        sample_feed_attach(feed, cursor, now_ns());
}

/**
 * subscription_recover() - go on after the cursor fell off its feed
 * @subscriptions:  all of them
 * @client:         the client, its cursor between two frames
 */
void subscription_recover(Subscriptions *subscriptions, Client *client) {
        if (client->subscription == SUBSCRIPTION_SAMPLES)
                subscription_recover_samples(subscriptions, client);
        else
                subscription_recover_events(subscriptions, client);
}

/**
 * subscription_close() - end a client's subscription
 * @subscriptions:  all of them
 * @client:         the client, with a subscription or without
 */
void subscription_close(Subscriptions *subscriptions, Client *client) {
        SendQueue *queue = &client->connection.queue;

        if (client->subscription == SUBSCRIPTION_NONE)
                return;
        --client->connection.n_expected;
        snapshot_cursor_detach(&queue->snapshot);
        cursor_deinit(&queue->cursor);
        if (client->subscription == SUBSCRIPTION_EVENTS) {
                --subscriptions->n_of_events;
        } else {
                if (--subscriptions->n_of_samples == 0 && subscriptions->on_samples)
                        subscriptions->on_samples(subscriptions, false);
                if (--client->sample_feed->n_subscribers == 0)
                        sample_feeds_give_up(subscriptions->sample_feeds, client->sample_feed);
        }
        client->subscription = SUBSCRIPTION_NONE;
        client->feed = NULL;
        client->sample_feed = NULL;
}
