/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A process that forks and then sends a request means the child too. So a request about
 * tasks is not served before the sources were read once more: its connection is held until
 * the turn ends.
 *
 * A subscription that needs to know which programs run is pending until /proc was read
 * for the processes that were there before.
 */

#include "broker/base/clock.h"
#include "broker/base/util.h"
#include "broker/output/encode.h"
#include "broker/output/feeds_snapshot.h"
#include "broker/output/request_decode.h"
#include "broker/policy/limits.h"
#include "broker/server/pending_request.h"
#include "broker/server/request_handler.h"
#include "broker/server/request_refusal.h"
#include "broker/server/stream_requests.h"

/*
 * Subscriptions to events.
 */

static void request_handler_resume(RequestHandler *handler, Client *client, const Request *request) {
        const Resume *resume = &request->subscription.resume;
        Feed *feed = feeds_get(handler->feeds, resume->feed);

        if (resume->epoch != handler->epoch)
                return request_refusal_send(client, request, ERROR_RESUME_IMPOSSIBLE, "subscribe.resume.epoch",
                                              "The broker was restarted: the feeds of its former run have ended.");
        /* To this client, a feed of other rights does not exist. */
        if (!feed || !rights_equal(&feed->rights, &client->rights))
                return request_refusal_send(
                        client, request, ERROR_RESUME_IMPOSSIBLE, "subscribe.resume.feed",
                        "There is no such feed: a feed without subscribers is soon freed.");
        if (!subscription_key_equals(&feed->key, &request->subscription.key))
                return request_refusal_send(client, request, ERROR_RESUME_IMPOSSIBLE, "subscribe.resume.feed",
                                              "The feed belongs to another subscription: kinds, threads, filter and "
                                              "programs must be the same.");
        if (resume->next_number == 0 || resume->next_number > feed->next_number)
                return request_refusal_send(client, request, ERROR_BAD_VALUE, "subscribe.resume.next_number",
                                              "The feed has not reached this number yet; its first number is 1.");
        feed_close_batch(feed);
        request_refusal_check(client, request, subscription_begin(handler->subscriptions, client, request, feed,
                                                                        NULL, resume->next_number));
}

static void request_handler_begin(RequestHandler *handler, Client *client, const Request *request) {
        Snapshot *snapshot = NULL;
        Feed *feed;
        int r;

        r = feeds_find(handler->feeds, &request->subscription.key, &request->subscription.starts, &client->rights,
                       client->connection.user, &feed);
        if (r)
                return request_refusal_send_feed(client, request, QUOTA_FEEDS, r);
        feed_close_batch(feed);

        if (request->subscription.snapshot) {
                r = feeds_snapshot(handler->feeds, feed, client->connection.user, &snapshot);
                if (r)
                        return request_refusal_send_feed(client, request, QUOTA_FEEDS, r);
        }
        request_refusal_check(client, request,
                                    subscription_begin(handler->subscriptions, client, request, feed, snapshot,
                                                       snapshot ? snapshot->next_number : feed->next_number));
}

/* Numbers of streams are never used again, so that they too may come to an end. */
static bool request_handler_refuse_stream(Client *client, const Request *request) {
        if (client->n_streams + client->n_pending < LIMIT_STREAMS && client->last_stream < UINT32_MAX - LIMIT_STREAMS)
                return false;
        request_refusal_send(client, request, ERROR_LIMIT, NULL,
                               "This connection has 16 streams, as many as one connection may have: open another "
                               "connection for more.");
        return true;
}

/* The feed is made before the request waits, so that the programs are read for it. */
static void request_handler_subscribe(RequestHandler *handler, Client *client, const Request *request) {
        const SubscriptionKey *key = &request->subscription.key;
        Feed *feed;

        if (feeds_find(handler->feeds, key, &request->subscription.starts, &client->rights, client->connection.user,
                       &feed) ||
            program_reader_is_complete(handler->feeds->programs) || !subscription_key_wants_programs(key))
                request_handler_begin(handler, client, request);
        else
                pending_request_add(&handler->pending, client, request, NULL);
}

/*
 * Live statistics.
 */

static bool request_handler_refuse_live(const RequestHandler *handler, Client *client, const Request *request) {
        if (handler->sampler)
                return false;
        request_refusal_send(client, request, ERROR_LIMIT, NULL, "This broker has no live statistics.");
        return true;
}

static void request_handler_begin_samples(RequestHandler *handler, Client *client, const Request *request) {
        SampleFeed *feed;
        int r;

        r = sample_feeds_find(&handler->sampler->feeds, &request->subscription.key, &request->subscription.starts,
                              &request->sampling, &client->rights, client->connection.user, &feed);
        if (r)
                request_refusal_send_feed(client, request, QUOTA_SAMPLE_FEEDS, r);
        else
                request_refusal_check(
                        client, request, subscription_begin_samples(handler->subscriptions, client, request, feed));
        sampler_schedule(handler->sampler);
}

/* If the filter has cgroups, the programs are wanted from now on. Once the feed is made, it wants them itself. */
static void request_handler_sample(RequestHandler *handler, Client *client, const Request *request) {
        ProgramReader *programs = handler->feeds->programs;

        if (!subscription_key_wants_programs(&request->subscription.key))
                return request_handler_begin_samples(handler, client, request);
        program_reader_want(programs);
        if (!program_reader_is_complete(programs)) {
                pending_request_add(&handler->pending, client, request, programs);
                return;
        }
        request_handler_begin_samples(handler, client, request);
        program_reader_unwant(programs);
}

static void request_handler_stats(RequestHandler *handler, Client *client, const Request *request) {
        stats_requests_add(&handler->sampler->requests, client, request);
        sampler_schedule(handler->sampler);
}

static void request_handler_status(RequestHandler *handler, Client *client, const Request *request) {
        uint8_t frame[ENCODED_REPLY_MAX];
        BrokerStatus status;

        status_report_for(handler->status, client, &status);
        connection_reply(&client->connection, frame, encode_status(request->id, &status, frame));
}

static void request_handler_ping(Client *client, const Request *request) {
        uint8_t frame[ENCODED_REPLY_MAX];

        connection_reply(&client->connection, frame, encode_pong(request->id, clock_time_ns(), frame));
}

/*
 * All requests.
 */

/* The handler's part that serves requests about streams. */
#define STREAM_REQUESTS(handler)                                               \
        {                                                                      \
                .feeds = (handler)->feeds,                                     \
                .subscriptions = (handler)->subscriptions,                     \
                .sampler = (handler)->sampler,                                 \
                .pending = &(handler)->pending,                                \
        }

/* Serves what needs no fresh data. Return: whether the request was served, or refused. */
static bool request_handler_serve_at_once(RequestHandler *handler, Client *client, const Request *request) {
        switch (request->type) {
        case REQUEST_STATUS:
                request_handler_status(handler, client, request);
                return true;
        case REQUEST_PING:
                request_handler_ping(client, request);
                return true;
        case REQUEST_SUBSCRIBE:
                if (request_handler_refuse_stream(client, request))
                        return true;
                if (!request->subscription.has_resume)
                        return false;
                request_handler_resume(handler, client, request);
                return true;
        case REQUEST_SAMPLE:
                return request_handler_refuse_stream(client, request) ||
                       request_handler_refuse_live(handler, client, request);
        case REQUEST_STATS:
                return request_handler_refuse_live(handler, client, request);
        case REQUEST_CHANGE_FILTER:
        case REQUEST_SNAPSHOT:
                return stream_requests_refuse_unknown(client, request);
        case REQUEST_UNSUBSCRIBE:
                if (!stream_requests_refuse_unknown(client, request))
                        stream_requests_unsubscribe(&(StreamRequests)STREAM_REQUESTS(handler), client, request);
                return true;
        }
        return true;
}

/**
 * request_handler_serve() - serve a request
 * @handler:    the handler
 * @client:     the client
 * @message:    the request, without its frame's prefix
 * @n_message:  its length
 *
 * Return: Whether it was served, or refused. If not, it needs fresh data, and is to be
 *         handed in again when the handler is `fresh`.
 */
bool request_handler_serve(RequestHandler *handler, Client *client, const uint8_t *message, size_t n_message) {
        EncodedError error;
        Request request;

        if (request_decode(message, n_message, &request, &error)) {
                connection_refuse(&client->connection, &error);
                return true;
        }
        if (request.has_client)
                client->info = request.client;
        if (request_handler_serve_at_once(handler, client, &request))
                return true;
        if (!handler->fresh)
                return false;
        if (request.type == REQUEST_SUBSCRIBE)
                request_handler_subscribe(handler, client, &request);
        else if (request.type == REQUEST_SAMPLE)
                request_handler_sample(handler, client, &request);
        else if (request.type == REQUEST_STATS)
                request_handler_stats(handler, client, &request);
        else
                stream_requests_restart(&(StreamRequests)STREAM_REQUESTS(handler), client, &request);
        return true;
}

/**
 * request_handler_on_programs() - note that the requests that waited for programs can be served
 * @handler:  the handler
 */
void request_handler_on_programs(RequestHandler *handler) {
        list_for_each(link, safe, &handler->pending)
                container_of(link, PendingRequest, link)->ready = true;
}

/* The client whose request can be served next; NULL: no request can. */
Client *request_handler_next_ready(const RequestHandler *handler) {
        list_for_each(link, safe, &handler->pending) {
                PendingRequest *pending = container_of(link, PendingRequest, link);

                if (!pending->ready)
                        break;
                if (!connection_is_closing(&pending->client->connection))
                        return pending->client;
        }
        return NULL;
}

/* The oldest request of a client that waits for programs; NULL: none does. */
static PendingRequest *request_handler_find_pending(const RequestHandler *handler, const Client *client) {
        list_for_each(link, safe, &handler->pending) {
                PendingRequest *pending = container_of(link, PendingRequest, link);

                if (pending->client == client)
                        return pending;
        }
        return NULL;
}

/**
 * request_handler_serve_ready() - serve a request that waited
 * @handler:  the handler
 * @client:   the result of request_handler_next_ready()
 */
void request_handler_serve_ready(RequestHandler *handler, Client *client) {
        PendingRequest *pending = request_handler_find_pending(handler, client);
        Request request = pending->request;

        if (request.type == REQUEST_SAMPLE)
                request_handler_begin_samples(handler, client, &request);
        else if (request.type == REQUEST_CHANGE_FILTER)
                stream_requests_restart_ready(&(StreamRequests)STREAM_REQUESTS(handler), client, &request);
        else
                request_handler_begin(handler, client, &request);
        pending_request_free(pending);
        connection_answered(&client->connection);
}

/**
 * request_handler_init() - begin without requests
 * @handler:  the handler, its objects set
 */
void request_handler_init(RequestHandler *handler) {
        list_init(&handler->pending);
}

/**
 * request_handler_forget() - drop what a client waits for
 * @handler:  the handler
 * @client:   the client, which is to be freed
 */
void request_handler_forget(RequestHandler *handler, Client *client) {
        list_for_each(link, safe, &handler->pending) {
                PendingRequest *pending = container_of(link, PendingRequest, link);

                if (pending->client == client)
                        pending_request_free(pending);
        }
        if (handler->sampler)
                stats_requests_forget(&handler->sampler->requests, client);
}
