/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A stream that changes its filter leaves its feed and enters another one. It begins there as
 * it began the first time: with a snapshot, if its Subscribe asked for one, or with a full
 * sample. So a client's table needs no rule of its own for what enters and leaves the set.
 *
 * If the other feed, or the snapshot, is refused, the stream goes on as before.
 */

#include "broker/output/feeds_snapshot.h"
#include "broker/server/pending_request.h"
#include "broker/server/request_refusal.h"
#include "broker/server/stream_requests.h"

static const char *stream_requests_field(const Request *request) {
        return request->type == REQUEST_UNSUBSCRIBE ? "unsubscribe.stream" :
               request->type == REQUEST_SNAPSHOT    ? "get_snapshot.stream" :
                                                      "change_filter.stream";
}

/**
 * stream_requests_refuse_unknown() - refuse a request about a stream that the client does not have
 * @client:   the client
 * @request:  the request
 *
 * Return: Whether it was refused.
 */
bool stream_requests_refuse_unknown(Client *client, const Request *request) {
        if (client_find_stream(client, request->stream))
                return false;
        request_refusal_send(client, request, ERROR_BAD_VALUE, stream_requests_field(request),
                             "This connection has no such stream: it has not begun, or it has ended.");
        return true;
}

/**
 * stream_requests_unsubscribe() - end a stream
 * @requests:  the objects that it needs
 * @client:    the client, which has the stream
 * @request:   an Unsubscribe
 */
void stream_requests_unsubscribe(const StreamRequests *requests, Client *client, const Request *request) {
        Stream *stream = client_find_stream(client, request->stream);
        bool of_samples = stream->sample_feed;
        uint8_t frame[ENCODED_REPLY_MAX];

        subscription_end(requests->subscriptions, stream);
        connection_reply_stream(&client->connection, request->stream, frame, encode_unsubscribed(request->id, frame));
        if (of_samples && requests->sampler)
                sampler_schedule(requests->sampler);
}

/*
 * Streams of events.
 */

/* The feed that the stream reads from now on; FEEDS_E_*. */
static int stream_requests_find_feed(const StreamRequests *requests, const Stream *stream, const Request *request,
                                     Feed **ret_feed) {
        const Client *client = stream->client;
        SubscriptionKey key = stream->feed->key;

        *ret_feed = stream->feed;
        if (request->type == REQUEST_SNAPSHOT)
                return 0;
        key.filter = request->subscription.key.filter;
        return feeds_find(requests->feeds, &key, &request->subscription.starts, &client->rights,
                          client->connection.user, ret_feed);
}

static void stream_requests_restart_events(const StreamRequests *requests, Stream *stream, const Request *request) {
        Client *client = stream->client;
        Snapshot *snapshot = NULL;
        Feed *feed;
        int r;

        r = stream_requests_find_feed(requests, stream, request, &feed);
        if (r)
                return request_refusal_send_feed(client, request, QUOTA_FEEDS, r);
        feed_close_batch(feed);
        if (stream->snapshot || request->type == REQUEST_SNAPSHOT) {
                r = feeds_snapshot(requests->feeds, feed, client->connection.user, &snapshot);
                if (r)
                        return request_refusal_send_feed(client, request, QUOTA_FEEDS, r);
        }
        subscription_restart(requests->subscriptions, stream, request->id, feed, snapshot);
}

/*
 * Streams of samples.
 */

/* Refuses criteria for events. Return: whether the filter has some. */
static bool stream_requests_refuse_events(Client *client, const Request *request) {
        const Filter *filter = &request->subscription.key.filter;
        bool any = false;

#define OF_TASK(name)
#define OF_EVENT(name) any |= filter_has_##name(filter);
#define OF(name, NAME, shape, max, max_bytes, scope, ...) OF_##scope(name)
        FILTER_CRITERIA(OF)
#undef OF
#undef OF_EVENT
#undef OF_TASK
        if (any)
                request_refusal_send(client, request, ERROR_BAD_VALUE, "change_filter.filter",
                                     "Samples contain tasks: a criterion for events does not apply to them.");
        return any;
}

static SubscriptionKey stream_requests_sample_key(const Stream *stream, const Request *request) {
        SubscriptionKey key = stream->feed->key;

        key.filter = request->subscription.key.filter;
        return key;
}

static void stream_requests_restart_samples(const StreamRequests *requests, Stream *stream, const Request *request) {
        Client *client = stream->client;
        SubscriptionKey key = stream_requests_sample_key(stream, request);
        SampleFeed *feed;
        int r;

        r = sample_feeds_find(&requests->sampler->feeds, &key, &request->subscription.starts,
                              &stream->sample_feed->sampling, &client->rights, client->connection.user, &feed);
        if (r)
                request_refusal_send_feed(client, request, QUOTA_SAMPLE_FEEDS, r);
        else
                subscription_restart_samples(requests->subscriptions, stream, request->id, feed);
        sampler_schedule(requests->sampler);
}

/* The programs are wanted from now on. Once the feed is made, it wants them itself. */
static void stream_requests_change_samples(const StreamRequests *requests, Stream *stream, const Request *request) {
        SubscriptionKey key = stream_requests_sample_key(stream, request);
        ProgramReader *programs = requests->feeds->programs;

        if (stream_requests_refuse_events(stream->client, request))
                return;
        if (!subscription_key_wants_programs(&key))
                return stream_requests_restart_samples(requests, stream, request);
        program_reader_want(programs);
        if (!program_reader_is_complete(programs)) {
                pending_request_add(requests->pending, stream->client, request, programs);
                return;
        }
        stream_requests_restart_samples(requests, stream, request);
        program_reader_unwant(programs);
}

/*
 * Both.
 */

/* A feed that needs programs is made before the request waits, so that they are read for it. */
static void stream_requests_change_events(const StreamRequests *requests, Stream *stream, const Request *request) {
        Feed *feed;
        int r;

        r = stream_requests_find_feed(requests, stream, request, &feed);
        if (r || request->type == REQUEST_SNAPSHOT || program_reader_is_complete(requests->feeds->programs) ||
            !subscription_key_wants_programs(&feed->key))
                stream_requests_restart_events(requests, stream, request);
        else
                pending_request_add(requests->pending, stream->client, request, NULL);
}

/**
 * stream_requests_restart() - begin a stream anew, or refuse that
 * @requests:  the objects that it needs
 * @client:    the client
 * @request:   a ChangeFilter or a GetSnapshot; the sources were read since it came
 */
void stream_requests_restart(const StreamRequests *requests, Client *client, const Request *request) {
        Stream *stream = client_find_stream(client, request->stream);

        if (stream_requests_refuse_unknown(client, request))
                return;
        if (!stream->sample_feed)
                stream_requests_change_events(requests, stream, request);
        else if (request->type == REQUEST_CHANGE_FILTER)
                stream_requests_change_samples(requests, stream, request);
        else
                request_refusal_send(client, request, ERROR_BAD_VALUE, "get_snapshot.stream",
                                     "This stream has samples: only a stream of events has snapshots.");
}

/**
 * stream_requests_restart_ready() - the same, for a request that has waited for programs
 * @requests:  the objects that it needs
 * @client:    the client
 * @request:   a ChangeFilter
 */
void stream_requests_restart_ready(const StreamRequests *requests, Client *client, const Request *request) {
        Stream *stream = client_find_stream(client, request->stream);

        if (stream_requests_refuse_unknown(client, request))
                return;
        if (stream->sample_feed)
                stream_requests_restart_samples(requests, stream, request);
        else
                stream_requests_restart_events(requests, stream, request);
}
