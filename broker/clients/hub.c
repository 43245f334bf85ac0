/* SPDX-License-Identifier: Apache-2.0 */

/*
 * An event is encoded when the first feed wants it, and the bytes are copied into
 * each that does. Feeds are found by what they are of; there are as many as there
 * are different subscriptions, however many subscribers.
 *
 * At the end of the turn each feed closes its batch and its subscribers are
 * woken. Clients that died meanwhile are freed last, so that nothing that runs
 * in a turn can meet a freed one.
 */

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "broker/base/error.h"
#include "broker/base/log.h"
#include "broker/base/util.h"
#include "broker/clients/hub.h"
#include "broker/output/encode.h"
#include "broker/output/feed.h"
#include "broker/output/request.h"
#include "broker/rules/limits.h"

/* How long events may wait when nobody reads them: only the task table does. */
#define PATIENCE_MS_UNWATCHED 100u

void hub_init(Hub *hub, struct ev_loop *loop, size_t feed_bytes_max, HubReport report) {
        *hub = (Hub){ .loop = loop, .feed_bytes_max = feed_bytes_max, .report = report };
        list_init(&hub->feeds);
        list_init(&hub->clients);
        list_init(&hub->dead);
        hub->patience_ms = PATIENCE_MS_UNWATCHED;
}

void hub_deinit(Hub *hub) {
        list_for_each(link, safe, &hub->clients)
                client_free(container_of(link, Client, link));
        list_for_each(dead, dead_safe, &hub->dead)
                client_free(container_of(dead, Client, link));
        list_for_each(feed, feed_safe, &hub->feeds)
                feed_free(container_of(feed, Feed, link));
}

static void hub_status(Hub *hub, BrokerStatus *status) {
        *status = (BrokerStatus){};
        hub->report(hub, status);
        memcpy(status->events, hub->n_events, sizeof(status->events));
        status->feeds = hub->n_feeds;
        status->subscribers = hub->n_subscribers;
        status->connections = hub->n_clients;
        status->reader_lost = hub->n_reader_lost;
        status->closed_for_errors = hub->n_closed_for_errors;
        status->closed_for_strict = hub->n_closed_for_strict;
        status->refused_connections = hub->n_refused;
        list_for_each(link, safe, &hub->feeds)
                status->feed_bytes += container_of(link, Feed, link)->n_bytes;
}

/**
 * hub_welcome() - take a connection in, or turn it away
 * @hub:  the hub
 * @fd:   the socket; taken over
 */
void hub_welcome(Hub *hub, int fd) {
        uint8_t frame[ENCODED_REPLY_MAX];
        BrokerStatus status;
        Client *client;

        if (hub->n_clients >= LIMIT_CONNECTIONS || client_new(&client, hub, fd) < 0) {
                size_t n = encode_error(
                        &(EncodedError){
                                .code = ERROR_LIMIT,
                                .message = "The broker has as many connections as it allows.",
                                .closing = true,
                        },
                        frame);

                ++hub->n_refused;
                (void)!send(fd, frame, n, MSG_DONTWAIT | MSG_NOSIGNAL);
                close(fd);
                return;
        }

        list_append(&hub->clients, &client->link);
        ++hub->n_clients;
        hub_status(hub, &status);
        client_reply(client, frame, encode_welcome(&status, frame));
        client_flush(client);
}

/**
 * hub_bury() - free a client at the end of the turn
 * @hub:     the hub
 * @client:  a client that just died
 */
void hub_bury(Hub *hub, Client *client) {
        list_unlink(&client->link);
        list_append(&hub->dead, &client->link);
        --hub->n_clients;
}

/* How long all readers agree to wait. */
static void hub_measure_patience(Hub *hub) {
        hub->patience_ms = PATIENCE_MS_UNWATCHED;
        list_for_each(link, safe, &hub->clients) {
                const Client *client = container_of(link, Client, link);

                if (client->subscribed)
                        hub->patience_ms = MIN(hub->patience_ms, client->max_delay_ms);
        }
}

static void hub_reap(Hub *hub) {
        if (list_is_empty(&hub->dead))
                return;
        list_for_each(link, safe, &hub->dead) {
                Client *client = container_of(link, Client, link);
                Feed *feed = client->cursor.feed;

                if (client->subscribed)
                        --hub->n_subscribers;
                client_free(client);
                if (feed && list_is_empty(&feed->cursors)) {
                        feed_free(feed);
                        --hub->n_feeds;
                }
        }
        hub_measure_patience(hub);
}

/*
 * Requests.
 */

static Feed *hub_find_feed(Hub *hub, const Subscription *subscription) {
        Feed *feed;

        list_for_each(link, safe, &hub->feeds) {
                feed = container_of(link, Feed, link);
                if (feed_is_for(feed, subscription))
                        return feed;
        }

        if (hub->n_feeds >= LIMIT_FEEDS)
                return NULL;
        if (feed_new(&feed, hub->last_feed_id + 1, subscription, hub->feed_bytes_max) < 0)
                return NULL;
        ++hub->last_feed_id;
        ++hub->n_feeds;
        list_append(&hub->feeds, &feed->link);
        return feed;
}

static void hub_subscribe(Hub *hub, Client *client, const Request *request) {
        uint8_t frame[ENCODED_REPLY_MAX];
        Feed *feed;

        if (client->subscribed) {
                client_refuse(client, &(EncodedError){
                                              .request_id = request->id,
                                              .code = ERROR_ALREADY_SUBSCRIBED,
                                              .message = "This connection has a subscription already: "
                                                         "open another connection for another one.",
                                      });
                return;
        }

        feed = hub_find_feed(hub, &request->subscription);
        if (!feed || feed_close_batch(feed) < 0) {
                client_refuse(client, &(EncodedError){
                                              .request_id = request->id,
                                              .code = ERROR_LIMIT,
                                              .message = "The broker has as many feeds (different subscriptions) as it allows, or no memory for another.",
                                      });
                return;
        }
        cursor_attach(&client->cursor, feed);
        client->subscribed = true;
        client->strict = request->subscription.strict;
        client->max_delay_ms = request->subscription.max_delay_ms;
        ++hub->n_subscribers;
        hub_measure_patience(hub);
        client_reply(client, frame, encode_subscribed(request->id, feed->id, feed->next_number, frame));
}

/**
 * hub_serve() - answer a request
 * @hub:        the hub
 * @client:     who asks
 * @message:    the request, without its frame's prefix
 * @n_message:  its length
 */
void hub_serve(Hub *hub, Client *client, const uint8_t *message, size_t n_message) {
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
                hub_subscribe(hub, client, &request);
                break;
        case REQUEST_STATUS:
                hub_status(hub, &status);
                client_reply(client, frame, encode_status(request.id, &status, frame));
                break;
        }
}

/**
 * hub_stop() - say good-bye to all
 * @hub:  the hub
 *
 * What a socket does not take at once is lost with the connection.
 */
void hub_stop(Hub *hub) {
        list_for_each(feed, feed_safe, &hub->feeds)
                (void)feed_close_batch(container_of(feed, Feed, link));
        list_for_each(link, safe, &hub->clients) {
                Client *client = container_of(link, Client, link);

                client_flush(client);
                client_refuse(client, &(EncodedError){
                                              .code = ERROR_STOPPING,
                                              .message = "The broker is stopping.",
                                              .closing = true,
                                      });
                client_flush(client);
        }
        hub_reap(hub);
}

/*
 * Events.
 */

/**
 * hub_publish() - give an event to all who want it
 * @hub:                 the hub
 * @event:               the event, after the join
 * @realtime_offset_ns:  with which its times were made
 *
 * Return: 0, or a negative errno.
 */
int hub_publish(Hub *hub, const Event *event, int64_t realtime_offset_ns) {
        uint8_t encoded[ENCODED_EVENT_MAX];
        bool of_process = event_is_of_process(event);
        size_t n = 0;
        int r;

        ++hub->n_events[event->kind];
        list_for_each(link, safe, &hub->feeds) {
                Feed *feed = container_of(link, Feed, link);

                if (!(feed->kinds & EVENT_BIT(event->kind)) || (!feed->threads && !of_process))
                        continue;
                if (n == 0)
                        n = encode_event(event, encoded);
                r = feed_append(feed, encoded, n, realtime_offset_ns);
                if (r)
                        return error_trace(r);
        }
        return 0;
}

/**
 * hub_end_turn() - close batches, wake subscribers, free the dead
 * @hub:  the hub
 *
 * Return: 0, or a negative errno.
 */
int hub_end_turn(Hub *hub) {
        int r;

        list_for_each(link, safe, &hub->feeds) {
                Feed *feed = container_of(link, Feed, link);

                if (feed->n_closed == 0 && feed->n_open == 0)
                        continue;
                r = feed_close_batch(feed);
                if (r)
                        return error_trace(r);
                feed->n_closed = 0;
                list_for_each(cursor, cursor_safe, &feed->cursors)
                        client_wake(container_of(cursor, Client, cursor.link));
        }
        hub_reap(hub);
        return 0;
}
