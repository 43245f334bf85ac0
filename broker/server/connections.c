/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Requests may take LIMIT_TURN_NS of a turn of the loop; after that, events are read and
 * sent first. The time that a user's requests took is accounted: a user over its share
 * is throttled, that is, its connections are not read from until quota_user_is_throttled()
 * says otherwise.
 *
 * A request is held where it can only be served at the end of a turn, because it needs to
 * know what has happened by then.
 */

#include "broker/base/clock.h"
#include "broker/base/util.h"
#include "broker/policy/limits.h"
#include "broker/server/connections.h"

/* The interval at which throttled connections are checked. */
#define RESUME_SECONDS .01

static uint64_t now_ns(void) {
        return (uint64_t)clock_read_ns(CLOCK_MONOTONIC);
}

static Connections *connections_of(const Connection *connection) {
        return container_of(connection->owner, Connections, owner);
}

static bool connections_on_request(Connection *connection, const uint8_t *message, size_t n_message) {
        Connections *connections = connections_of(connection);

        if (connections->on_request(connection, message, n_message))
                return true;
        list_append(&connections->held, &connection->held_link);
        if (!ev_is_active(&connections->turn)) {
                ev_timer_set(&connections->turn, 0., 0.);
                ev_timer_start(connections->owner.loop, &connections->turn);
        }
        return false;
}

static void connections_on_dead(Connection *connection) {
        Connections *connections = connections_of(connection);

        list_unlink(&connection->held_link);
        list_unlink(&connection->ready_link);
        list_unlink(&connection->link);
        list_append(&connections->dead, &connection->link);
        --connections->n_open;
}

static void connections_throttle(Connections *connections, Connection *connection) {
        list_unlink(&connection->held_link);
        connection_throttle(connection);
        if (!ev_is_active(&connections->resume))
                ev_timer_again(connections->owner.loop, &connections->resume);
}

/**
 * connections_serve() - serve a connection, and account the time
 * @connections:  the connections
 * @connection:   one of them; all others come before it, when they are resumed next
 * @begin_ns:     now, monotonic
 * @serve:        serves it
 */
void connections_serve(Connections *connections, Connection *connection, uint64_t begin_ns, ConnectionCallback serve) {
        uint64_t end_ns;

        serve(connection);
        end_ns = now_ns();
        connections->turn_ns += end_ns - begin_ns;
        if (!connection->dead) {
                list_unlink(&connection->link);
                list_prepend(&connections->open, &connection->link);
        }
        quota_user_work(connection->user, end_ns - begin_ns, end_ns);
}

static void connections_on_readable(Connection *connection) {
        Connections *connections = connections_of(connection);
        uint64_t begin_ns = now_ns();

        if (quota_user_is_throttled(connection->user, begin_ns))
                return connections_throttle(connections, connection);
        if (connections->turn_ns >= LIMIT_TURN_NS) {
                /* The next turn reports again what is in the socket, but not what is in the input. */
                if (buffer_n(&connection->in) > 0)
                        connections_throttle(connections, connection);
                return;
        }
        connections_serve(connections, connection, begin_ns, connection_read);
}

/*
 * Resumes each connection that was not served since its user was throttled. libev calls
 * the callback of the last fed event first, so that the connection that was served
 * longest ago is served first.
 */
static void connections_on_resume(struct ev_loop *loop, ev_timer *watcher, int events) {
        Connections *connections = container_of(watcher, Connections, resume);
        uint64_t now = now_ns();
        bool throttled = false;

        (void)events;
        list_for_each(link, safe, &connections->open) {
                Connection *connection = container_of(link, Connection, link);

                if (!connection->throttled)
                        continue;
                if (quota_user_is_throttled(connection->user, now))
                        throttled = true;
                else
                        connection_resume(connection);
        }
        if (!throttled)
                ev_timer_stop(loop, watcher);
}

static void connections_on_turn(struct ev_loop *loop, ev_timer *watcher, int events) {
        /* It keeps the loop from sleeping. The work is done in connections_serve_held(). */
        (void)loop;
        (void)watcher;
        (void)events;
}

/**
 * connections_init() - begin without connections
 * @connections:  output
 * @loop:         not owned
 * @on_request:   serves a request
 * @on_fallen:    reports the loss of a reader that was too slow
 */
void connections_init(Connections *connections,
                      struct ev_loop *loop,
                      ConnectionOnRequest on_request,
                      ConnectionOnFallen on_fallen) {
        *connections = (Connections){
                .owner = {
                        .loop = loop,
                        .on_request = connections_on_request,
                        .on_readable = connections_on_readable,
                        .on_fallen = on_fallen,
                        .on_dead = connections_on_dead,
                        .request_seconds = LIMIT_REQUEST_SECONDS,
                        .unread_seconds = LIMIT_UNREAD_SECONDS,
                        .n_snapshot_budget = LIMIT_SNAPSHOT_TURN_BYTES,
                },
                .on_request = on_request,
                .user_flush_ns = LIMIT_USER_FLUSH_NS,
                .turn_flush_ns = LIMIT_TURN_FLUSH_NS,
        };
        list_init(&connections->owner.ready);
        list_init(&connections->open);
        list_init(&connections->held);
        list_init(&connections->dead);
        ev_timer_init(&connections->resume, connections_on_resume, RESUME_SECONDS, RESUME_SECONDS);
        ev_timer_init(&connections->turn, connections_on_turn, 0., 0.);
}

/**
 * connections_deinit() - stop the timers
 * @connections:  the connections, of which none is left
 */
void connections_deinit(Connections *connections) {
        ev_timer_stop(connections->owner.loop, &connections->resume);
        ev_timer_stop(connections->owner.loop, &connections->turn);
}

/**
 * connections_add() - add a connection
 * @connections:  the connections
 * @connection:   made with their owner
 */
void connections_add(Connections *connections, Connection *connection) {
        connection->number = ++connections->last_number;
        list_append(&connections->open, &connection->link);
        ++connections->n_open;
}

/**
 * connections_take_dead() - take out a connection that ended
 * @connections:  the connections
 *
 * Return: A connection for the caller to free; NULL: no connection has ended.
 */
Connection *connections_take_dead(Connections *connections) {
        List *link = list_first(&connections->dead);

        if (!link)
                return NULL;
        list_unlink(link);
        return container_of(link, Connection, link);
}

/**
 * connections_wake_readers() - let all readers of a feed be sent what is new in it
 * @feed:  the feed; each of its cursors belongs to a stream of a connection
 *
 * Nothing is sent yet: a connection may have several streams with this feed.
 */
void connections_wake_readers(Feed *feed) {
        list_for_each(link, safe, &feed->cursors) {
                SendStream *stream = container_of(link, SendStream, cursor.link);

                connection_wake(container_of(stream->queue, Connection, queue), stream->max_delay_ms);
        }
}

/* Sends to a connection, and adds up the time. Return: now. */
static uint64_t connections_flush(Connections *connections, Connection *connection, uint64_t begin_ns) {
        uint64_t end_ns;

        connection_flush(connection);
        end_ns = now_ns();
        connection->user->flush_ns += end_ns - begin_ns;
        connections->flush_ns += end_ns - begin_ns;
        return end_ns;
}

/* Whether the connections of a user have had their part of this turn. */
static bool connections_has_had_part(const Connections *connections, QuotaUser *user) {
        if (user->flush_turn != connections->turn_number) {
                user->flush_turn = connections->turn_number;
                user->flush_ns = 0;
        }
        return user->flush_ns >= connections->user_flush_ns;
}

/**
 * connections_flush_ready() - send to connections that have something new
 * @connections:  the connections
 *
 * A user may have thousands of streams, and a call of the kernel is needed for each. So each user has a part of the
 * turn. Connections beyond it come after all others, and what the turn has no time for comes first in the next turn.
 */
void connections_flush_ready(Connections *connections) {
        List *link, later;
        uint64_t now;

        if (list_is_empty(&connections->owner.ready))
                return;
        list_init(&later);
        now = now_ns();
        while ((link = list_first(&connections->owner.ready))) {
                Connection *connection = container_of(link, Connection, ready_link);

                list_unlink(link);
                if (connections_has_had_part(connections, connection->user))
                        list_append(&later, link);
                else
                        now = connections_flush(connections, connection, now);
        }
        while (connections->flush_ns < connections->turn_flush_ns && (link = list_first(&later))) {
                list_unlink(link);
                now = connections_flush(connections, container_of(link, Connection, ready_link), now);
        }
        list_append_all(&later, &connections->owner.ready);
        list_append_all(&connections->owner.ready, &later);
}

/**
 * connections_begin_turn() - give out the budgets of a turn
 * @connections:  the connections
 */
void connections_begin_turn(Connections *connections) {
        connections->turn_ns = connections->flush_ns = 0;
        ++connections->turn_number;
        connections->owner.n_snapshot_budget = LIMIT_SNAPSHOT_TURN_BYTES;
}

/**
 * connections_serve_held() - serve the requests that waited for the end of the turn
 * @connections:  the connections
 *
 * Requests beyond the budget of time stay held until the next turn ends.
 */
void connections_serve_held(Connections *connections) {
        while (!list_is_empty(&connections->held) && connections->turn_ns < LIMIT_TURN_NS) {
                Connection *connection = container_of(connections->held.next, Connection, held_link);
                uint64_t begin_ns = now_ns();

                list_unlink(&connection->held_link);
                if (quota_user_is_throttled(connection->user, begin_ns))
                        connections_throttle(connections, connection);
                else
                        connections_serve(connections, connection, begin_ns, connection_continue);
        }
        ev_timer_stop(connections->owner.loop, &connections->turn);
        if (!list_is_empty(&connections->held)) {
                ev_timer_set(&connections->turn, 0., 0.);
                ev_timer_start(connections->owner.loop, &connections->turn);
        }
}

/**
 * connections_age() - count a second
 * @connections:  the connections
 */
void connections_age(Connections *connections) {
        list_for_each(link, safe, &connections->open)
                connection_age(container_of(link, Connection, link));
}
