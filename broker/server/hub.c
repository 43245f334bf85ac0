/* SPDX-License-Identifier: Apache-2.0 */

/*
 * There are as many feeds as there are different subscriptions, however many
 * subscribers.
 *
 * At the end of the turn each feed closes its batch and its subscribers are
 * woken. Clients that died meanwhile are freed last, so that nothing that runs
 * in a turn can meet a freed one.
 */

#include "broker/base/clock.h"
#include "broker/base/error.h"
#include "broker/base/util.h"
#include "broker/output/encode.h"
#include "broker/output/feed.h"
#include "broker/policy/limits.h"
#include "broker/server/hub.h"
#include "broker/server/sampler.h"

/* How long events may wait when nobody reads them: only the task table does. */
#define MAX_DELAY_MS_UNWATCHED 100u

#define AGE_SECONDS 1.

/* After which those that rest are looked at. */
#define RESUME_SECONDS .01

/**
 * hub_measure_max_delay() - how long all readers agree to wait
 * @hub:  the hub
 */
void hub_measure_max_delay(Hub *hub) {
        hub->max_delay_ms = MAX_DELAY_MS_UNWATCHED;
        list_for_each(link, safe, &hub->clients) {
                const Client *client = container_of(link, Client, link);

                if (client->subscribed)
                        hub->max_delay_ms = MIN(hub->max_delay_ms, client->max_delay_ms);
        }
        /* What short-lived processes run must be read at once. */
        if (hub->feeds.programs->n_wanted > 0)
                hub->max_delay_ms = 0;
}

static void hub_on_age(struct ev_loop *loop, ev_timer *watcher, int events) {
        Hub *hub = container_of(watcher, Hub, age);

        (void)events;
        feeds_age(&hub->feeds);
        list_for_each(link, safe, &hub->clients)
                client_age(container_of(link, Client, link));
        if (hub->feeds.n == 0)
                ev_timer_stop(loop, watcher);
        hub_measure_max_delay(hub);
}

/*
 * Who may go on: each that was not served since its user had had its part. libev takes
 * the last of those that are fed first: who was served longest ago.
 */
static void hub_on_resume(struct ev_loop *loop, ev_timer *watcher, int events) {
        Hub *hub = container_of(watcher, Hub, rest);
        uint64_t now_ns = (uint64_t)clock_read_ns(CLOCK_MONOTONIC);
        bool throttled = false;

        (void)events;
        list_for_each(link, safe, &hub->clients) {
                Client *client = container_of(link, Client, link);

                if (!client->throttled)
                        continue;
                if (quota_user_is_throttled(client->user, now_ns))
                        throttled = true;
                else
                        client_resume(client);
        }
        if (!throttled)
                ev_timer_stop(loop, watcher);
}

/**
 * hub_schedule_resume() - a client began to rest
 * @hub:  the hub
 */
void hub_schedule_resume(Hub *hub) {
        if (!ev_is_active(&hub->rest))
                ev_timer_again(hub->loop, &hub->rest);
}

/**
 * hub_init() - begin without clients
 * @hub:             output
 * @loop:            not owned
 * @epoch:           of this run of the broker: what feeds are resumed by
 * @table:           the live tasks; not owned
 * @programs:        what they run; not owned
 * @feed_bytes_max:  of one feed
 * @limits:          what each user may have; copied
 * @report:          fills in the owner's part of the status
 */
void hub_init(Hub *hub,
              struct ev_loop *loop,
              uint64_t epoch,
              TaskTable *table,
              ProgramReader *programs,
              size_t feed_bytes_max,
              const QuotaLimits *limits,
              HubReport report) {
        *hub = (Hub){ .loop = loop, .epoch = epoch, .report = report };
        quota_init(&hub->quota, limits);
        ev_timer_init(&hub->rest, hub_on_resume, RESUME_SECONDS, RESUME_SECONDS);
        feeds_init(&hub->feeds, table, programs, feed_bytes_max);
        ev_timer_init(&hub->age, hub_on_age, AGE_SECONDS, AGE_SECONDS);
        list_init(&hub->clients);
        list_init(&hub->dead);
        hub->policy = (Policy){ .admin_group = POLICY_NO_GROUP, .exempt_group = POLICY_NO_GROUP };
        hub->max_delay_ms = MAX_DELAY_MS_UNWATCHED;
        hub->n_snapshot_budget = LIMIT_SNAPSHOT_TURN_BYTES;
}

static void hub_free_client(Hub *hub, Client *client) {
        if (hub->sampler)
                sampler_leave(hub->sampler, client);
        client_free(client);
}

/**
 * hub_deinit() - close all connections, and free what they had
 * @hub:  the hub
 */
void hub_deinit(Hub *hub) {
        list_for_each(link, safe, &hub->clients)
                hub_free_client(hub, container_of(link, Client, link));
        list_for_each(dead, dead_safe, &hub->dead)
                hub_free_client(hub, container_of(dead, Client, link));
        ev_timer_stop(hub->loop, &hub->age);
        ev_timer_stop(hub->loop, &hub->rest);
        feeds_deinit(&hub->feeds);
        quota_deinit(&hub->quota);
}

/**
 * hub_end_feed() - close all who read a feed that was stopped
 * @hub:   the hub
 * @feed:  the feed
 */
void hub_end_feed(Hub *hub, const Feed *feed) {
        list_for_each(link, safe, &hub->clients) {
                Client *client = container_of(link, Client, link);

                if (client->closing || (client->cursor.feed != feed && (!client->sampling || client->sampling->feed != feed)))
                        continue;
                client_refuse_share(client, 0, QUOTA_FILTERS, true);
                client_flush(client);
        }
}

/**
 * hub_add() - a client is there
 * @hub:     the hub
 * @client:  the client; owned by the hub from now on
 */
void hub_add(Hub *hub, Client *client) {
        list_append(&hub->clients, &client->link);
        ++hub->n_clients;
}

/**
 * hub_note_served() - a client's requests were served: all others come before it, next time
 * @hub:     the hub
 * @client:  the client; it may have died of them
 */
void hub_note_served(Hub *hub, Client *client) {
        if (client->dead)
                return;
        list_unlink(&client->link);
        list_prepend(&hub->clients, &client->link);
}

/**
 * hub_defer_free() - free a client at the end of the turn
 * @hub:     the hub
 * @client:  a client that just died
 */
void hub_defer_free(Hub *hub, Client *client) {
        list_unlink(&client->link);
        list_append(&hub->dead, &client->link);
        --hub->n_clients;
}

static void hub_free_closing(Hub *hub) {
        if (list_is_empty(&hub->dead))
                return;
        list_for_each(link, safe, &hub->dead) {
                Client *client = container_of(link, Client, link);

                if (client->subscribed)
                        --hub->n_subscribers;
                if (client->waiting) {
                        --hub->n_waiting;
                        if (client->waiting->type == REQUEST_SAMPLE)
                                program_reader_unwant(hub->feeds.programs);
                }
                hub_free_client(hub, client);
        }
        hub_measure_max_delay(hub);
        if (hub->room)
                hub->room(hub);
}

/**
 * hub_set_policy() - something else applies from now on
 * @hub:     the hub
 * @policy:  what
 *
 * Who may know everything may so still. All others have to connect anew: what they
 * are told from now on would not go with what they were told before.
 */
void hub_set_policy(Hub *hub, const Policy *policy) {
        hub->policy = *policy;
        list_for_each(link, safe, &hub->clients) {
                Client *client = container_of(link, Client, link);

                if (client->rights.all)
                        continue;
                client_refuse(client, &(EncodedError){
                                              .code = ERROR_ACCESS_CHANGED,
                                              .message = "What users may know of each other's processes has changed "
                                                         "on this machine: connect again.",
                                              .closing = true,
                                      });
                client_flush(client);
        }
}

/**
 * hub_stop() - say good-bye to all
 * @hub:  the hub
 *
 * What a socket does not take at once is lost with the connection.
 */
void hub_stop(Hub *hub) {
        list_for_each(feed, feed_safe, &hub->feeds.list)
                feed_close_batch(container_of(feed, Feed, link));
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
        hub_free_closing(hub);
}

/**
 * hub_publish() - give an event to all who want it
 * @hub:                 the hub
 * @event:               the event, after the join
 * @realtime_offset_ns:  with which its times were made
 */
void hub_publish(Hub *hub, const Event *event, int64_t realtime_offset_ns) {
        if (!event->only_for_sets)
                ++hub->n_events[event->kind];
        feeds_publish(&hub->feeds, event, realtime_offset_ns);
        if (hub->sampler)
                sampler_publish(hub->sampler, event);
}

/**
 * hub_end_turn() - close batches, wake subscribers, free the dead
 * @hub:  the hub
 *
 * Return: 0, or a negative errno.
 */
int hub_end_turn(Hub *hub) {
        int r;

        hub->turn_ns = 0;
        hub->n_snapshot_budget = LIMIT_SNAPSHOT_TURN_BYTES;
        if (hub->feeds.n > 0 && !ev_is_active(&hub->age))
                ev_timer_again(hub->loop, &hub->age);
        list_for_each(link, safe, &hub->feeds.list) {
                Feed *feed = container_of(link, Feed, link);

                if (feed->stopped)
                        hub_end_feed(hub, feed);
                if (feed->n_closed == 0 && feed->n_open == 0)
                        continue;
                feed_close_batch(feed);
                feed->n_closed = 0;
                list_for_each(cursor, cursor_safe, &feed->cursors)
                        client_wake(container_of(cursor, Client, cursor.link));
        }
        r = hub->sampler ? sampler_end_turn(hub->sampler) : 0;
        hub_free_closing(hub);
        return error_trace(r);
}
