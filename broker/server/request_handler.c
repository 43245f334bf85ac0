/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A subscription that needs to know what processes run waits until that was read
 * for those that were there before.
 */

#include <stdlib.h>

#include "broker/base/memory.h"
#include "broker/base/util.h"
#include "broker/output/encode.h"
#include "broker/output/feed.h"
#include "broker/output/request_decode.h"
#include "broker/server/request_handler.h"
#include "broker/server/sampler.h"
#include "broker/server/status_report.h"

enum {
        _REQUEST_HANDLER_E_SUCCESS,
        REQUEST_HANDLER_E_MEMORY,
};

static void request_handler_refuse(Client *client, const Request *request, ErrorCode code, const char *field, const char *message) {
        client_refuse(client, &(EncodedError){ .request_id = request->id, .code = code, .field = field, .message = message });
}

/* The subscription begins; the cursor is in its place, and a snapshot in its. */
static void request_handler_accept(Hub *hub, Client *client, const Request *request, uint64_t next_number) {
        const Subscription *subscription = &request->subscription;
        uint8_t frame[ENCODED_REPLY_MAX];

        client->subscribed = true;
        client->strict = subscription->strict;
        client->max_delay_ms = subscription->max_delay_ms;
        ++hub->n_subscribers;
        hub_measure_max_delay(hub);
        client_reply(client, frame,
                     encode_subscribed(request->id, client->cursor.feed->id, next_number, subscription->has_resume, frame));
}

/* What is not there for lack of memory costs the client, not the broker. */
static void request_handler_refuse_memory(Client *client, const Request *request) {
        cursor_deinit(&client->cursor);
        request_handler_refuse(client, request, ERROR_LIMIT, NULL, "The broker has no memory for the subscription.");
}

/* The cursor goes to its place; what it needs for that is at its user's cost. */
static int request_handler_attach(Client *client, Feed *feed, uint64_t next_number) {
        (void)charge_take(&client->cursor.memory, client->user, QUOTA_BYTES, 0);
        cursor_attach_at(&client->cursor, feed, next_number);
        return client->cursor.broken ? REQUEST_HANDLER_E_MEMORY : 0;
}

/* Why there is no feed, or no snapshot of it. */
static void request_handler_refuse_feed(Client *client, const Request *request, int r) {
        switch (r) {
        case FEEDS_E_NO_ROOT:
                return request_handler_refuse(client, request, ERROR_BAD_VALUE, "subscribe.filter.subtrees",
                                       "There is no such process: of those whose descendants are asked for, each must be alive.");
        case FEEDS_E_FULL:
                return request_handler_refuse(client, request, ERROR_LIMIT, NULL,
                                       "The broker has as many feeds (different subscriptions) as it allows.");
        case FEEDS_E_SNAPSHOTS:
                return request_handler_refuse(client, request, ERROR_LIMIT, "subscribe.snapshot",
                                       "Too many snapshots are being read by slow clients: try again.");
        case FEEDS_E_USER_FEEDS:
                return client_refuse_share(client, request->id, QUOTA_FEEDS, false);
        case FEEDS_E_USER_BYTES:
                return client_refuse_share(client, request->id, QUOTA_BYTES, false);
        case FEEDS_E_USER_SNAPSHOTS:
                return client_refuse_share(client, request->id, QUOTA_SNAPSHOTS, false);
        default:
                return request_handler_refuse_memory(client, request);
        }
}

static void request_handler_resume(Hub *hub, Client *client, const Request *request) {
        const Resume *resume = &request->subscription.resume;
        Feed *feed = feeds_get(&hub->feeds, resume->feed);

        if (resume->epoch != hub->epoch)
                return request_handler_refuse(client, request, ERROR_RESUME_IMPOSSIBLE, "subscribe.resume.epoch",
                                       "The broker has been restarted since: its feeds are others.");
        /* Somebody else's is not there, for this client. */
        if (!feed || !rights_equal(&feed->rights, &client->rights))
                return request_handler_refuse(client, request, ERROR_RESUME_IMPOSSIBLE, "subscribe.resume.feed",
                                       "There is no such feed: it was given up, having been without subscribers.");
        if (!subscription_key_equals(&feed->key, &request->subscription.key))
                return request_handler_refuse(client, request, ERROR_RESUME_IMPOSSIBLE, "subscribe.resume.feed",
                                       "The feed is that of another subscription: kinds, threads, filter and programs must be the same.");
        if (resume->next_number == 0 || resume->next_number > feed->next_number)
                return request_handler_refuse(client, request, ERROR_BAD_VALUE, "subscribe.resume.next_number",
                                       "The feed has not come to this number yet; the first is 1.");
        feed_close_batch(feed);
        if (request_handler_attach(client, feed, resume->next_number))
                return request_handler_refuse_memory(client, request);
        ++hub->n_resumed;
        request_handler_accept(hub, client, request, resume->next_number);
}

static void request_handler_begin(Hub *hub, Client *client, const Request *request) {
        Snapshot *snapshot = NULL;
        Feed *feed;
        int r;

        r = feeds_find(&hub->feeds, &request->subscription.key, &client->rights, client->user, &feed);
        if (r)
                return request_handler_refuse_feed(client, request, r);
        feed_close_batch(feed);

        if (request->subscription.snapshot) {
                r = feeds_snapshot(&hub->feeds, feed, client->user, &snapshot);
                if (r)
                        return request_handler_refuse_feed(client, request, r);
        }
        if (request_handler_attach(client, feed, snapshot ? snapshot->next_number : feed->next_number))
                return request_handler_refuse_memory(client, request);
        if (snapshot) {
                snapshot_cursor_attach(&client->snapshot, snapshot);
                ++hub->n_snapshot_subscribers;
        }
        request_handler_accept(hub, client, request, snapshot ? snapshot->next_number : feed->next_number);
}

static bool request_handler_has_subscription(const Client *client) {
        return client->subscribed || client->waiting || client->sampling;
}

static void request_handler_refuse_second(Client *client, const Request *request) {
        request_handler_refuse(client, request, ERROR_ALREADY_SUBSCRIBED, NULL,
                        "This connection has a subscription already: open another connection for another one.");
}

/* It begins when what processes run is known. */
static void request_handler_let_wait(Hub *hub, Client *client, const Request *request) {
        int r = charge_take(&client->request, client->user, QUOTA_REQUESTS, 1);

        if (r == QUOTA_E_USER)
                return client_refuse_share(client, request->id, QUOTA_REQUESTS, false);
        client->waiting = r ? NULL : memory_alloc_optional(NULL, sizeof(*request));
        if (!client->waiting) {
                charge_return(&client->request);
                return request_handler_refuse(client, request, ERROR_LIMIT, NULL,
                                       "Too many subscriptions wait until it is known what processes run: try again.");
        }
        *client->waiting = *request;
        ++hub->n_waiting;
}

/* The feed is made now, so that it is known that its programs are wanted; the subscription begins when they are. */
static void request_handler_subscribe(Hub *hub, Client *client, const Request *request) {
        Feed *feed;

        if (request_handler_has_subscription(client))
                return request_handler_refuse_second(client, request);
        if (request->subscription.has_resume)
                return request_handler_resume(hub, client, request);
        /* Whoever forks and then asks means the child too. */
        if (hub->catch_up)
                hub->catch_up(hub);
        if (feeds_find(&hub->feeds, &request->subscription.key, &client->rights, client->user, &feed) ||
            program_reader_is_complete(hub->feeds.programs) || !subscription_key_wants_programs(&request->subscription.key))
                return request_handler_begin(hub, client, request);
        request_handler_let_wait(hub, client, request);
}

/* The feed has its own claim to programs by then. */
static void request_handler_begin_samples(Hub *hub, Client *client, const Request *request) {
        sampler_begin(hub->sampler, client, request);
        if (subscription_key_wants_programs(&request->subscription.key))
                program_reader_unwant(hub->feeds.programs);
}

/* ProgramReader are wanted from now on, if the filter is by cgroups; the samples begin when they are known. */
static void request_handler_sample(Hub *hub, Client *client, const Request *request) {
        if (request_handler_has_subscription(client))
                return request_handler_refuse_second(client, request);
        if (!hub->sampler)
                return request_handler_refuse(client, request, ERROR_LIMIT, NULL, "This broker has no live statistics.");
        if (hub->catch_up)
                hub->catch_up(hub);
        if (subscription_key_wants_programs(&request->subscription.key))
                program_reader_want(hub->feeds.programs);
        if (!subscription_key_wants_programs(&request->subscription.key) || program_reader_is_complete(hub->feeds.programs))
                request_handler_begin_samples(hub, client, request);
        else
                request_handler_let_wait(hub, client, request);
}

static void request_handler_ask(Hub *hub, Client *client, const Request *request) {
        if (!hub->sampler)
                return request_handler_refuse(client, request, ERROR_LIMIT, NULL, "This broker has no live statistics.");
        /* Whoever forks and then asks means the child too. */
        if (hub->catch_up)
                hub->catch_up(hub);
        sampler_ask(hub->sampler, client, request);
}

/**
 * request_handler_on_programs() - what processes run is known
 * @hub:  the hub
 */
void request_handler_on_programs(Hub *hub) {
        list_for_each(link, safe, &hub->clients) {
                Client *client = container_of(link, Client, link);
                Request *request = client->waiting;

                if (!request || client->closing)
                        continue;
                client->waiting = NULL;
                --hub->n_waiting;
                charge_return(&client->request);
                if (request->type == REQUEST_SAMPLE)
                        request_handler_begin_samples(hub, client, request);
                else
                        request_handler_begin(hub, client, request);
                free(request);
                client_flush(client);
        }
}

/**
 * request_handler_serve() - answer a request
 * @hub:        the hub
 * @client:     who asks
 * @message:    the request, without its frame's prefix
 * @n_message:  its length
 */
void request_handler_serve(Hub *hub, Client *client, const uint8_t *message, size_t n_message) {
        uint8_t frame[ENCODED_REPLY_MAX];
        BrokerStatus status;
        EncodedError error;
        Request request;

        if (request_decode(message, n_message, &request, &error)) {
                client_refuse(client, &error);
                return;
        }
        switch (request.type) {
        case REQUEST_SUBSCRIBE:
                request_handler_subscribe(hub, client, &request);
                break;
        case REQUEST_STATUS:
                status_report_for(hub, client, &status);
                client_reply(client, frame, encode_status(request.id, &status, frame));
                break;
        case REQUEST_STATS:
                request_handler_ask(hub, client, &request);
                break;
        case REQUEST_SAMPLE:
                request_handler_sample(hub, client, &request);
                break;
        }
}
