/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A turn of the loop: watchers are called, requests among them are served or held, and
 * events are published. If hub_needs_drain(), the daemon reads its sources until they are
 * empty. Then hub_end_turn() serves the held requests, makes a slice of a snapshot, closes each
 * feed's batch and wakes its readers. Connections that ended meanwhile are freed last, so that no code that runs
 * in a turn meets a freed one.
 */

#include "broker/base/clock.h"
#include "broker/base/error.h"
#include "broker/base/util.h"
#include "broker/output/encode.h"
#include "broker/output/feed.h"
#include "broker/output/feeds_publish.h"
#include "broker/output/feeds_snapshot.h"
#include "broker/policy/limits.h"
#include "broker/server/hub.h"
#include "broker/server/quota_error.h"

/* Without subscribers events may wait this long: only the task table needs them. */
#define MAX_DELAY_MS_UNWATCHED 100u

#define AGE_SECONDS 1.

static Hub *hub_of(const Connection *connection) {
        return container_of(connection->owner, Hub, connections.owner);
}

static bool hub_on_request(Connection *connection, const uint8_t *message, size_t n_message) {
        return request_handler_serve(&hub_of(connection)->requests, client_of(connection), message, n_message);
}

static void hub_on_fallen(Connection *connection, SendStream *send) {
        Hub *hub = hub_of(connection);
        Stream *stream = stream_of(send);

        subscription_recover(&hub->subscriptions, stream);
        if (stream->sample_feed)
                sampler_schedule(hub->sampler);
}

/* The delay that all streams of a client allow. */
static void hub_measure_client(Hub *hub, Client *client) {
        list_for_each(link, safe, &client->streams) {
                const Stream *stream = container_of(link, Stream, link);

                if (!stream->sample_feed)
                        hub->max_delay_ms = MIN(hub->max_delay_ms, stream->send.max_delay_ms);
        }
}

/* The delay that all subscribers allow. */
static void hub_measure_max_delay(Hub *hub) {
        hub->subscriptions.changed = false;
        hub->max_delay_ms = MAX_DELAY_MS_UNWATCHED;
        list_for_each(link, safe, &hub->connections.open)
                hub_measure_client(hub, container_of(link, Client, connection.link));
        /* The program of a process that lives briefly must be read at once. */
        if (hub->feeds.programs->n_wanted > 0)
                hub->max_delay_ms = 0;
}

static void hub_on_age(struct ev_loop *loop, ev_timer *watcher, int events) {
        Hub *hub = container_of(watcher, Hub, age);

        (void)events;
        feeds_age(&hub->feeds);
        connections_age(&hub->connections);
        if (hub->feeds.n == 0)
                ev_timer_stop(loop, watcher);
        hub_measure_max_delay(hub);
}

static void hub_on_work(struct ev_loop *loop, ev_timer *watcher, int events) {
        /* The work is done in hub_end_turn(). */
        (void)loop;
        (void)watcher;
        (void)events;
}

/**
 * hub_init() - begin without clients
 * @hub:             output
 * @loop:            not owned
 * @epoch:           the number of this run of the broker
 * @table:           the live tasks; not owned
 * @programs:        reads the programs of tasks; not owned
 * @feed_bytes_max:  the largest size of one feed
 * @limits:          the quota of each user; copied
 * @fill:            fills in the daemon's part of the status
 */
void hub_init(Hub *hub,
              struct ev_loop *loop,
              uint64_t epoch,
              TaskTable *table,
              ProgramReader *programs,
              size_t feed_bytes_max,
              const QuotaLimits *limits,
              StatusReportFill fill) {
        *hub = (Hub){
                .loop = loop,
                .policy = { .admin_group = POLICY_NO_GROUP, .exempt_group = POLICY_NO_GROUP },
                .status = {
                        .fill = fill,
                        .quota = &hub->quota,
                        .feeds = &hub->feeds,
                        .connections = &hub->connections,
                        .subscriptions = &hub->subscriptions,
                },
                .requests = {
                        .epoch = epoch,
                        .feeds = &hub->feeds,
                        .subscriptions = &hub->subscriptions,
                        .status = &hub->status,
                },
                .max_delay_ms = MAX_DELAY_MS_UNWATCHED,
        };
        quota_init(&hub->quota, limits);
        feeds_init(&hub->feeds, table, programs, feed_bytes_max);
        connections_init(&hub->connections, loop, hub_on_request, hub_on_fallen);
        request_handler_init(&hub->requests);
        ev_timer_init(&hub->age, hub_on_age, AGE_SECONDS, AGE_SECONDS);
        ev_timer_init(&hub->work, hub_on_work, 0., 0.);
}

static void hub_free_client(Hub *hub, Client *client) {
        request_handler_forget(&hub->requests, client);
        subscription_close_all(&hub->subscriptions, client);
        client_free(client);
}

static void hub_free_dead(Hub *hub, size_t n_max) {
        Connection *connection;

        hub->has_room = false;
        while (n_max-- > 0 && (connection = connections_take_dead(&hub->connections))) {
                hub_free_client(hub, client_of(connection));
                hub->has_room = true;
        }
        if (hub->has_room && hub->sampler)
                sampler_schedule(hub->sampler);
}

/**
 * hub_deinit() - close all connections, and free what they had
 * @hub:  the hub
 */
void hub_deinit(Hub *hub) {
        hub_free_dead(hub, SIZE_MAX);
        list_for_each(link, safe, &hub->connections.open)
                hub_free_client(hub, container_of(link, Client, connection.link));
        ev_timer_stop(hub->loop, &hub->age);
        ev_timer_stop(hub->loop, &hub->work);
        connections_deinit(&hub->connections);
        feeds_deinit(&hub->feeds);
        quota_deinit(&hub->quota);
}

/**
 * hub_set_sampler() - add live statistics
 * @hub:      the hub
 * @sampler:  not owned; NULL: live statistics have ended
 */
void hub_set_sampler(Hub *hub, Sampler *sampler) {
        hub->sampler = sampler;
        hub->subscriptions.sample_feeds = sampler ? &sampler->feeds : NULL;
        hub->status.sampler = sampler;
        hub->requests.sampler = sampler;
}

/**
 * hub_set_policy() - apply another policy from now on
 * @hub:     the hub
 * @policy:  the policy; copied
 *
 * Clients that may know everything stay. All others have to connect again: what the new
 * policy lets them know would contradict what they were sent before.
 */
void hub_set_policy(Hub *hub, const Policy *policy) {
        hub->policy = *policy;
        list_for_each(link, safe, &hub->connections.open) {
                Client *client = container_of(link, Client, connection.link);

                if (client->rights.all)
                        continue;
                connection_refuse(&client->connection,
                                  &(EncodedError){
                                          .code = ERROR_ACCESS_CHANGED,
                                          .message = "The access to other users' processes has changed on this "
                                                     "machine: connect again.",
                                          .closing = true,
                                  });
                connection_flush(&client->connection);
        }
}

/**
 * hub_stop() - send what there is, and close all connections
 * @hub:  the hub
 *
 * Bytes that a socket does not take at once are lost with the connection.
 */
void hub_stop(Hub *hub) {
        list_for_each(feed, feed_safe, &hub->feeds.list)
                feed_close_batch(container_of(feed, Feed, link));
        list_for_each(link, safe, &hub->connections.open) {
                Connection *connection = container_of(link, Connection, link);

                connection_flush(connection);
                connection_refuse(connection, &(EncodedError){
                                                      .code = ERROR_STOPPING,
                                                      .message = "The broker is stopping.",
                                                      .closing = true,
                                              });
                connection_flush(connection);
        }
        hub_free_dead(hub, SIZE_MAX);
}

/**
 * hub_poll_interval_ns() - how long the kernel's sources need not be read
 * @hub:  the hub
 *
 * Return: The part of the subscribers' allowed delay that is for reading.
 */
uint64_t hub_poll_interval_ns(const Hub *hub) {
        return hub->max_delay_ms * NSEC_PER_MSEC / CONNECTION_POLL_SHARE;
}

/**
 * hub_needs_programs() - whether a subscription waits until it is known which programs run
 * @hub:  the hub
 *
 * Return: Whether a subscription waits.
 */
bool hub_needs_programs(const Hub *hub) {
        return !list_is_empty(&hub->requests.pending);
}

/**
 * hub_on_programs() - begin the subscriptions that waited for programs
 * @hub:  the hub
 */
void hub_on_programs(Hub *hub) {
        request_handler_on_programs(&hub->requests);
}

/**
 * hub_publish() - hand an event to all feeds
 * @hub:    the hub
 * @event:  the event, after the join
 */
void hub_publish(Hub *hub, const Event *event) {
        if (!event->only_for_sets)
                ++hub->status.n_events[event->kind];
        feeds_publish(&hub->feeds, event);
        if (hub->sampler)
                sampler_publish(hub->sampler, event);
}

/**
 * hub_needs_drain() - whether something waits for events up to now
 * @hub:  the hub
 *
 * Return: Whether the sources are to be read until they are empty before hub_end_turn().
 */
bool hub_needs_drain(const Hub *hub) {
        return !list_is_empty(&hub->connections.held) || (hub->sampler && sampler_needs_drain(hub->sampler));
}

static void hub_serve_held(Hub *hub) {
        if (list_is_empty(&hub->connections.held))
                return;
        hub->requests.fresh = true;
        connections_serve_held(&hub->connections);
        hub->requests.fresh = false;
}

static void hub_serve_pending(Connection *connection) {
        request_handler_serve_ready(&hub_of(connection)->requests, client_of(connection));
}

/* Serves the requests that waited for programs, as far as the turn has time for them. */
static void hub_serve_ready(Hub *hub) {
        Client *client;

        while (hub->connections.turn_ns < LIMIT_TURN_NS && (client = request_handler_next_ready(&hub->requests)))
                connections_serve(&hub->connections, &client->connection, (uint64_t)clock_read_ns(CLOCK_MONOTONIC),
                                  hub_serve_pending);
}

/* Makes a slice of a snapshot. Its readers get it, or an Error, when it was the last one. */
static void hub_slice_snapshot(Hub *hub) {
        Snapshot *snapshot = feeds_build_snapshots(&hub->feeds) ? feeds_slice_snapshot(&hub->feeds) : NULL;

        if (!snapshot)
                return;
        list_for_each(link, safe, &snapshot->feed->cursors) {
                Stream *stream = container_of(link, Stream, send.cursor.link);

                if (stream->send.snapshot.snapshot == snapshot)
                        subscription_on_snapshot(stream);
        }
}

/* Keeps the loop from sleeping while work is left. */
static void hub_check_work(Hub *hub) {
        if (!feeds_build_snapshots(&hub->feeds) && !request_handler_next_ready(&hub->requests) &&
            list_is_empty(&hub->connections.dead) && list_is_empty(&hub->connections.owner.ready))
                return;
        ev_timer_set(&hub->work, 0., 0.);
        ev_timer_start(hub->loop, &hub->work);
}

static void hub_send_named(Hub *hub, Feed *feed) {
        feed->matcher.binding.changed = false;
        list_for_each(link, safe, &hub->connections.open)
                subscription_send_named(container_of(link, Client, connection.link), feed);
}

/* A batch of samples is closed with its sample, or when it is full. */
static void hub_send_feed(Hub *hub, Feed *feed) {
        if (feed->gap_began)
                quota_error_log(feed->place.user, QUOTA_FILTERS);
        feed->gap_began = false;
        if (feed->matcher.binding.changed)
                hub_send_named(hub, feed);
        if (!feed->of_samples)
                feed_close_batch(feed);
        if (feed->n_closed == 0)
                return;
        feed->n_closed = 0;
        connections_wake_readers(feed);
}

/**
 * hub_end_turn() - serve held requests, send what is new, free connections that ended
 * @hub:  the hub
 *
 * Return: 0, or a negative errno.
 */
int hub_end_turn(Hub *hub) {
        int r = 0;

        connections_begin_turn(&hub->connections);
        if (hub->sampler)
                r = sampler_end_turn(hub->sampler);
        hub_serve_held(hub);
        hub_serve_ready(hub);
        hub_slice_snapshot(hub);
        if (hub->feeds.n > 0 && !ev_is_active(&hub->age))
                ev_timer_again(hub->loop, &hub->age);
        list_for_each(link, safe, &hub->feeds.all)
                hub_send_feed(hub, container_of(link, Feed, all_link));
        connections_flush_ready(&hub->connections);
        hub_free_dead(hub, LIMIT_TURN_FREED);
        hub_check_work(hub);
        if (hub->has_room || hub->subscriptions.changed)
                hub_measure_max_delay(hub);
        return error_trace(r);
}
