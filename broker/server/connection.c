/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A client that does not read its replies is not read from either, so that at most
 * LIMIT_REPLY_BYTES of replies wait.
 *
 * A request that its owner cannot serve yet stays in the input, and so does everything
 * behind it: answers come in the order of the requests, and waiting takes no memory.
 */

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "broker/base/util.h"
#include "broker/policy/limits.h"
#include "broker/server/connection.h"
#include "proto/frame.h"

#define CONNECTION_MAGIC 0x7a5c11e7u

/* Bytes that are received from one client in one turn of the loop, at most. */
#define TURN_READ_BYTES (64u * 1024u)

#define IN_BYTES_FIRST 256u

static void connection_refuse_frame(Connection *connection, int r) {
        EncodedError error = { .closing = true };

        if (r == FRAME_E_TOO_LARGE) {
                error.code = ERROR_TOO_LARGE;
                error.message = "The message is larger than 65536 bytes.";
        } else {
                error.code = ERROR_BAD_FRAME;
                error.message = "The bytes are not a length-delimited message: its length is 0 or not a varint.";
        }
        connection_refuse(connection, &error);
}

/* Makes room for a request of @n bytes in all. The room of a large request is given back after it. */
static void connection_make_room(Connection *connection, size_t n) {
        int r = 0;

        n = MAX(n, (size_t)IN_BYTES_FIRST);
        if (n > connection->in.n_max || buffer_n(&connection->in) == 0)
                r = buffer_resize(&connection->in, &connection->memory, n);
        if (r == BUFFER_E_QUOTA)
                connection_refuse_quota(connection, 0, QUOTA_BYTES, true);
        else if (r && n > connection->in.n_max)
                connection_die(connection);
}

/* The first request in the input is not complete. */
static void connection_await_rest(Connection *connection, size_t n_request) {
        bool any = connection->in.begin > 0;

        buffer_pack(&connection->in);
        connection_make_room(connection, n_request);
        if (connection_is_closing(connection))
                return;
        if (any || !ev_is_active(&connection->deadline))
                connection_await_request(connection);
}

/* Serves the requests that are complete, and makes room for the one that is not. */
static void connection_serve(Connection *connection) {
        Buffer *in = &connection->in;

        while (!connection_is_closing(connection) && !connection->held &&
               buffer_n(&connection->queue.replies) < LIMIT_REPLY_BYTES) {
                size_t n_prefix, n_message;
                int r;

                r = frame_parse(in->bytes + in->begin, buffer_n(in), FRAME_MAX_FROM_CLIENT, &n_prefix, &n_message);
                if (r == FRAME_E_PARTIAL)
                        return connection_await_rest(connection, n_prefix + n_message);
                if (r)
                        return connection_refuse_frame(connection, r);
                connection->served = true;
                connection->held =
                        !connection->owner->on_request(connection, in->bytes + in->begin + n_prefix, n_message);
                if (!connection->held)
                        in->begin += n_prefix + n_message;
        }

        if (connection_is_closing(connection))
                return;
        /* No more is received: a request is held, or the client does not read its replies. */
        buffer_pack(in);
        ev_io_stop(connection->owner->loop, &connection->reader);
        if (connection->held)
                ev_timer_stop(connection->owner->loop, &connection->deadline);
        else
                connection_set_deadline(connection, connection->owner->unread_seconds);
}

static bool connection_has_hung_up(const Connection *connection) {
        struct pollfd pfd = { .fd = connection->fd };

        return poll(&pfd, 1, 0) > 0 && (pfd.revents & (POLLHUP | POLLERR));
}

/*
 * The peer sends no more. If it has closed its end (POLLHUP), the connection ends. If it
 * has only shut down its sending side, it still wants what it asked for.
 */
static void connection_end_input(Connection *connection) {
        connection->input_ended = true;
        ev_io_stop(connection->owner->loop, &connection->reader);
        if (connection_has_hung_up(connection))
                return connection_die(connection);
        if (buffer_n(&connection->in) > 0) {
                connection_refuse(connection, &(EncodedError){
                                                      .code = ERROR_BAD_FRAME,
                                                      .message = "The input ends within a message.",
                                                      .closing = true,
                                              });
        } else if (connection->n_expected == 0) {
                connection_close(connection);
        } else {
                /* No event reports that the peer closes its end for good: it is checked at this interval. */
                connection_set_deadline(connection, connection->owner->request_seconds);
        }
        connection_flush(connection);
}

/**
 * connection_answered() - send a reply that was queued outside of its request
 * @connection:  the connection
 */
void connection_answered(Connection *connection) {
        if (connection->dead)
                return;
        if (connection->input_ended && !connection->queue.closing && connection->n_expected == 0)
                connection_close(connection);
        connection_flush(connection);
}

/**
 * connection_read() - receive and serve requests
 * @connection:  the connection, which is being read from
 */
void connection_read(Connection *connection) {
        Buffer *in = &connection->in;
        size_t n_budget = TURN_READ_BYTES;

        if (buffer_n(in) > 0)
                connection_serve(connection);
        while (n_budget > 0 && !connection_is_closing(connection) && ev_is_active(&connection->reader)) {
                ssize_t n = recv(connection->fd, in->bytes + in->end, in->n_max - in->end, MSG_DONTWAIT);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0 && errno == EAGAIN)
                        break;
                if (n < 0)
                        return connection_die(connection);
                if (n == 0)
                        return connection_end_input(connection);
                in->end += (size_t)n;
                n_budget -= MIN(n_budget, (size_t)n);
                connection_serve(connection);
        }
        if (!connection->dead && send_queue_has_replies(&connection->queue))
                connection_flush(connection);
}

/**
 * connection_continue() - serve the request that was held, and those behind it
 * @connection:  the connection, which is held
 *
 * Nothing is received: the requests that are served now were here before.
 */
void connection_continue(Connection *connection) {
        connection->held = false;
        if (connection_is_closing(connection))
                return;
        ev_io_start(connection->owner->loop, &connection->reader);
        connection_serve(connection);
        if (!connection->dead)
                connection_flush(connection);
}

/**
 * connection_throttle() - stop reading from a client
 * @connection:  the connection; if it is held, its request stays in the input
 */
void connection_throttle(Connection *connection) {
        connection->throttled = true;
        connection->held = false;
        ev_io_stop(connection->owner->loop, &connection->reader);
}

/**
 * connection_resume() - read from a client again
 * @connection:  the connection, which is throttled
 */
void connection_resume(Connection *connection) {
        connection->throttled = false;
        if (connection_is_closing(connection) || connection->input_ended)
                return;
        ev_io_start(connection->owner->loop, &connection->reader);
        /* Requests may be in the input already. */
        ev_feed_event(connection->owner->loop, &connection->reader, EV_READ);
}

/*
 * Watchers.
 */

static void connection_on_readable(struct ev_loop *loop, ev_io *watcher, int events) {
        Connection *connection = container_of(watcher, Connection, reader);

        (void)loop;
        (void)events;
        assert(connection->magic == CONNECTION_MAGIC);
        connection->owner->on_readable(connection);
}

static void connection_on_writable(struct ev_loop *loop, ev_io *watcher, int events) {
        Connection *connection = container_of(watcher, Connection, writer);

        (void)events;
        assert(connection->magic == CONNECTION_MAGIC);
        ev_io_stop(loop, &connection->writer);
        connection_flush_later(connection);
}

static void connection_on_delay(struct ev_loop *loop, ev_timer *watcher, int events) {
        Connection *connection = container_of(watcher, Connection, delay);

        (void)loop;
        (void)events;
        assert(connection->magic == CONNECTION_MAGIC);
        connection_flush_later(connection);
}

static void connection_on_deadline(struct ev_loop *loop, ev_timer *watcher, int events) {
        Connection *connection = container_of(watcher, Connection, deadline);
        bool has_replies = send_queue_has_replies(&connection->queue);

        (void)loop;
        (void)events;
        assert(connection->magic == CONNECTION_MAGIC);
        if (connection->queue.closing || (connection->input_ended && connection_has_hung_up(connection)))
                return connection_die(connection);
        if (connection->input_ended && !has_replies)
                return connection_set_deadline(connection, connection->owner->request_seconds);
        connection_refuse(connection,
                          &(EncodedError){
                                  .code = has_replies ? ERROR_UNREAD_REPLIES : ERROR_TIMEOUT,
                                  .message = has_replies ? "The client does not read the replies to its requests."
                                                         : "No complete request came within 30 seconds.",
                                  .closing = true,
                          });
        connection_flush(connection);
}

/**
 * connection_init() - take over a socket
 * @connection:  output
 * @owner:       not owned
 * @user:        all costs are charged to this user
 * @fd:          the socket; owned by the connection on success
 * @n_bytes:     the size of the object that has the connection, which is charged too
 *
 * Return: 0; CONNECTION_E_MEMORY; CONNECTION_E_QUOTA.
 */
int connection_init(Connection *connection, ConnectionOwner *owner, QuotaUser *user, int fd, size_t n_bytes) {
        int r;

        *connection = (Connection){ .magic = CONNECTION_MAGIC, .owner = owner, .fd = fd };
        list_init(&connection->link);
        list_init(&connection->held_link);
        list_init(&connection->ready_link);
        send_queue_init(&connection->queue);
        r = charge_take(&connection->memory, user, QUOTA_BYTES, n_bytes) ? BUFFER_E_QUOTA : 0;
        if (!r)
                r = buffer_resize(&connection->in, &connection->memory, IN_BYTES_FIRST);
        if (r) {
                charge_return(&connection->memory);
                return r == BUFFER_E_QUOTA ? CONNECTION_E_QUOTA : CONNECTION_E_MEMORY;
        }
        connection->user = quota_user_ref(user);
        ev_io_init(&connection->reader, connection_on_readable, fd, EV_READ);
        ev_io_init(&connection->writer, connection_on_writable, fd, EV_WRITE);
        ev_timer_init(&connection->delay, connection_on_delay, 0., 0.);
        ev_timer_init(&connection->deadline, connection_on_deadline, 0., 0.);
        ev_io_start(owner->loop, &connection->reader);
        connection_set_deadline(connection, connection->owner->request_seconds);
        return 0;
}

/**
 * connection_deinit() - close the socket, and return all charges
 * @connection:  the connection
 */
void connection_deinit(Connection *connection) {
        assert(connection->magic == CONNECTION_MAGIC);
        connection_stop_watchers(connection);
        list_unlink(&connection->link);
        list_unlink(&connection->held_link);
        list_unlink(&connection->ready_link);
        send_queue_deinit(&connection->queue);
        close(connection->fd);
        buffer_deinit(&connection->in);
        charge_return(&connection->memory);
        charge_return(&connection->place);
        quota_user_unref(connection->user);
        connection->magic = 0;
}
