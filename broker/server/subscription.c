/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A reader of events that was too slow gets a LOSS in the place of the events that it
 * lost, or, if it is strict, an Error that ends its connection. A reader of samples gets
 * a SampleLoss, and begins again with a full sample: the rest of a sample is useless to it.
 */

#include <stdlib.h>
#include <string.h>

#include "broker/base/clock.h"
#include "broker/base/memory.h"
#include "broker/base/util.h"
#include "broker/output/encode.h"
#include "broker/server/subscription.h"

static uint64_t now_ns(void) {
        return (uint64_t)clock_read_ns(CLOCK_MONOTONIC);
}

/* A stream without a feed, that is charged to the client's user. */
static int subscription_new(Client *client, Stream **ret_stream) {
        Charge memory = CHARGE_NULL;
        Stream *stream;
        int r;

        r = charge_take(&memory, client->connection.user, QUOTA_BYTES, sizeof(*stream));
        if (r)
                return r == QUOTA_E_USER ? SUBSCRIPTION_E_QUOTA : SUBSCRIPTION_E_TOTAL;
        stream = memory_alloc_optional(NULL, sizeof(*stream));
        if (!stream) {
                charge_return(&memory);
                return SUBSCRIPTION_E_MEMORY;
        }
        *stream = (Stream){ .client = client, .memory = memory };
        list_init(&stream->link);
        list_append(&client->streams, &stream->link);
        ++client->n_streams;
        ++client->connection.n_expected;
        send_queue_add_stream(&client->connection.queue, &stream->send, ++client->last_stream);
        *ret_stream = stream;
        return 0;
}

static void subscription_free(Stream *stream) {
        Client *client = stream->client;

        --client->connection.n_expected;
        --client->n_streams;
        list_unlink(&stream->link);
        send_queue_remove_stream(&stream->send);
        charge_return(&stream->memory);
        free(stream);
}

/**
 * subscription_begin() - begin a stream of events
 * @subscriptions:  all of them
 * @client:         a client that may have another stream
 * @request:        a Subscribe
 * @feed:           the feed, its batch closed
 * @snapshot:       sent before the feed; NULL: no snapshot is sent
 * @next_number:    the number of the feed's first event that the client gets
 *
 * Return: 0; SUBSCRIPTION_E_MEMORY; SUBSCRIPTION_E_TOTAL; SUBSCRIPTION_E_QUOTA.
 */
int subscription_begin(Subscriptions *subscriptions,
                       Client *client,
                       const Request *request,
                       Feed *feed,
                       Snapshot *snapshot,
                       uint64_t next_number) {
        const Subscription *subscription = &request->subscription;
        uint8_t frame[ENCODED_REPLY_MAX];
        Stream *stream;
        Cursor *cursor;
        int r;

        r = subscription_new(client, &stream);
        if (r)
                return r;
        cursor = &stream->send.cursor;
        /* Memory that the cursor needs is charged to its user. */
        (void)charge_take(&cursor->memory, client->connection.user, QUOTA_BYTES, 0);
        cursor_attach_at(cursor, feed, next_number);
        if (cursor->broken) {
                subscription_free(stream);
                return SUBSCRIPTION_E_MEMORY;
        }
        if (snapshot) {
                snapshot_cursor_attach(&stream->send.snapshot, snapshot, stream->send.number);
                ++subscriptions->n_snapshots;
        }
        stream->feed = feed;
        stream->strict = subscription->strict;
        stream->snapshot = subscription->snapshot;
        stream->send.max_delay_ms = subscription->max_delay_ms;
        subscriptions->changed = true;
        ++subscriptions->n_of_events;
        subscriptions->n_resumed += subscription->has_resume;
        connection_reply_stream(&client->connection, stream->send.number, frame,
                                encode_subscribed(request->id, feed->id, next_number, subscription->has_resume,
                                                  &feed->key.filter, &feed->matcher.binding.starts, frame));
        return 0;
}

/**
 * subscription_begin_samples() - begin a stream of samples
 * @subscriptions:  all of them
 * @client:         a client that may have another stream
 * @request:        a Sample
 * @feed:           the feed; freed, if this fails and no other client reads it
 *
 * Return: 0; SUBSCRIPTION_E_MEMORY; SUBSCRIPTION_E_TOTAL; SUBSCRIPTION_E_QUOTA.
 */
int subscription_begin_samples(Subscriptions *subscriptions, Client *client, const Request *request,
                               SampleFeed *feed) {
        uint8_t frame[ENCODED_REPLY_MAX];
        Stream *stream;
        int r;

        r = subscription_new(client, &stream);
        if (r) {
                if (feed->n_subscribers == 0)
                        sample_feeds_give_up(subscriptions->sample_feeds, feed);
                return r;
        }
        stream->feed = feed->feed;
        stream->sample_feed = feed;
        ++feed->n_subscribers;
        if (++subscriptions->n_of_samples == 1 && subscriptions->on_samples)
                subscriptions->on_samples(subscriptions, true);
        connection_reply_stream(&client->connection, stream->send.number, frame,
                                encode_sampling(request->id, feed->feed->next_number, &feed->feed->key.filter,
                                                &feed->feed->matcher.binding.starts, frame));
        sample_feed_attach(feed, &stream->send.cursor, now_ns());
        return 0;
}

/**
 * subscription_on_snapshot() - go on when a snapshot was made in slices
 * @stream:  a stream that waits for it; it is complete, or there was no memory for it
 */
void subscription_on_snapshot(Stream *stream) {
        Connection *connection = &stream->client->connection;
        const Snapshot *snapshot = stream->send.snapshot.snapshot;

        if (snapshot->failed == FEEDS_E_USER_BYTES)
                connection_refuse_quota(connection, 0, QUOTA_BYTES, true);
        else if (snapshot->failed)
                connection_refuse(connection, &(EncodedError){
                                                      .code = ERROR_LIMIT,
                                                      .message = "The broker has no memory for the snapshot.",
                                                      .closing = true,
                                              });
        connection_wake(connection, 0);
}

/**
 * subscription_send_named() - report that a number of a filter got its process
 * @client:  the client
 * @feed:    the feed with the filter
 *
 * After a reconnect the client can name the same process, also if it got no event of it.
 */
void subscription_send_named(Client *client, const Feed *feed) {
        uint8_t frame[ENCODED_REPLY_MAX];

        list_for_each(link, safe, &client->streams) {
                const Stream *stream = container_of(link, Stream, link);

                if (stream->feed == feed)
                        connection_reply_stream(
                                &client->connection, stream->send.number, frame,
                                encode_named(&feed->key.filter, &feed->matcher.binding.starts, frame));
        }
}

/*
 * Readers that were too slow.
 */

static void subscription_refuse_strict(Stream *stream, uint64_t lost) {
        connection_refuse(&stream->client->connection,
                          &(EncodedError){
                                  .stream = stream->send.number,
                                  .code = ERROR_FELL_BEHIND,
                                  .message = "The subscription is strict, and events were lost because the client did "
                                             "not read them in time.",
                                  .closing = true,
                                  .lost = lost,
                          });
}

static void subscription_reply_loss(Stream *stream, uint64_t first_number, uint64_t lost) {
        uint8_t frame[ENCODED_BATCH_HEADER_MAX + ENCODED_EVENT_MAX], event[ENCODED_EVENT_MAX];
        int64_t offset_ns = stream->feed->time_offset_ns;
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
        connection_reply_stream(&stream->client->connection, stream->send.number, frame, n + n_event);
}

static void subscription_recover_events(Subscriptions *subscriptions, Stream *stream) {
        uint64_t first_number, lost = cursor_recover(&stream->send.cursor, &first_number);

        if (lost == 0)
                return;
        subscriptions->n_events_lost += lost;
        if (stream->strict)
                subscription_refuse_strict(stream, lost);
        else
                subscription_reply_loss(stream, first_number, lost);
}

static void subscription_recover_samples(Subscriptions *subscriptions, Stream *stream) {
        SampleFeed *feed = stream->sample_feed;
        uint8_t frame[ENCODED_REPLY_MAX];
        uint64_t lost;

        /* While a sweep runs, the client gets nothing of the sample at hand. */
        lost = cursor_give_up(&stream->send.cursor, feed->feed->next_number + feed->in_sweep);
        subscriptions->n_samples_lost += lost;
        connection_reply_stream(&stream->client->connection, stream->send.number, frame,
                                encode_sample_loss(lost, frame));
        sample_feed_attach(feed, &stream->send.cursor, now_ns());
}

/**
 * subscription_recover() - go on after the cursor fell off its feed
 * @subscriptions:  all of them
 * @stream:         the stream, its cursor between two frames
 */
void subscription_recover(Subscriptions *subscriptions, Stream *stream) {
        if (stream->sample_feed)
                subscription_recover_samples(subscriptions, stream);
        else
                subscription_recover_events(subscriptions, stream);
}

static void subscription_close(Subscriptions *subscriptions, Stream *stream) {
        SampleFeed *feed = stream->sample_feed;

        subscription_free(stream);
        if (!feed) {
                --subscriptions->n_of_events;
                return;
        }
        if (--subscriptions->n_of_samples == 0 && subscriptions->on_samples)
                subscriptions->on_samples(subscriptions, false);
        if (--feed->n_subscribers == 0)
                sample_feeds_give_up(subscriptions->sample_feeds, feed);
}

/* Leaves snapshot and feed between two frames. The frame that is partly sent is completed without the stream. */
static void subscription_leave_feed(Stream *stream) {
        Connection *connection = &stream->client->connection;

        if (send_queue_finish_frame(&stream->send, &connection->memory))
                connection_die(connection);
        snapshot_cursor_detach(&stream->send.snapshot);
        cursor_deinit(&stream->send.cursor);
}

/**
 * subscription_end() - end a stream at its client's request
 * @subscriptions:  all of them
 * @stream:         the stream
 */
void subscription_end(Subscriptions *subscriptions, Stream *stream) {
        subscription_leave_feed(stream);
        subscription_close(subscriptions, stream);
        subscriptions->changed = true;
}

/**
 * subscription_restart() - begin a stream of events anew
 * @subscriptions:  all of them
 * @stream:         the stream
 * @request_id:     the id of the request that asks for it
 * @feed:           the feed, its batch closed; it may be the same
 * @snapshot:       sent before the feed; NULL: no snapshot is sent
 */
void subscription_restart(Subscriptions *subscriptions, Stream *stream, uint64_t request_id, Feed *feed,
                          Snapshot *snapshot) {
        uint64_t next_number = snapshot ? snapshot->next_number : feed->next_number, end_number, n_unsent;
        Cursor *cursor = &stream->send.cursor;
        uint8_t frame[ENCODED_REPLY_MAX];

        feed_close_batch(stream->feed);
        /* A snapshot that is shared may be older than events that were sent. */
        end_number = stream->feed == feed ? next_number : stream->feed->next_number;
        n_unsent = end_number - MIN(cursor_next_number(cursor), end_number);
        subscription_leave_feed(stream);
        (void)charge_take(&cursor->memory, stream->client->connection.user, QUOTA_BYTES, 0);
        cursor_attach_at(cursor, feed, next_number);
        if (snapshot) {
                snapshot_cursor_attach(&stream->send.snapshot, snapshot, stream->send.number);
                ++subscriptions->n_snapshots;
        }
        stream->feed = feed;
        stream->send.snapshot_age = 0;
        connection_reply_stream(&stream->client->connection, stream->send.number, frame,
                                encode_restarted(request_id, feed->id, next_number, n_unsent, &feed->key.filter,
                                                 &feed->matcher.binding.starts, frame));
}

/**
 * subscription_restart_samples() - begin a stream of samples anew
 * @subscriptions:  all of them
 * @stream:         the stream
 * @request_id:     the id of the request that asks for it
 * @feed:           the feed; it may be the same
 */
void subscription_restart_samples(Subscriptions *subscriptions, Stream *stream, uint64_t request_id,
                                  SampleFeed *feed) {
        SampleFeed *former = stream->sample_feed;
        uint8_t frame[ENCODED_REPLY_MAX];

        subscription_leave_feed(stream);
        ++feed->n_subscribers;
        stream->feed = feed->feed;
        stream->sample_feed = feed;
        if (--former->n_subscribers == 0)
                sample_feeds_give_up(subscriptions->sample_feeds, former);
        connection_reply_stream(&stream->client->connection, stream->send.number, frame,
                                encode_restarted(request_id, 0, feed->feed->next_number, 0, &feed->feed->key.filter,
                                                 &feed->feed->matcher.binding.starts, frame));
        sample_feed_attach(feed, &stream->send.cursor, now_ns());
}

/**
 * subscription_close_all() - end all streams of a client
 * @subscriptions:  all of them
 * @client:         the client
 */
void subscription_close_all(Subscriptions *subscriptions, Client *client) {
        list_for_each(link, safe, &client->streams)
                subscription_close(subscriptions, container_of(link, Stream, link));
}
