/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A client that does not read its feed falls off the feed's tail, so that no client waits
 * for another one.
 *
 * An error of a connection ends that connection (`dead`) and nothing else: no function
 * here returns an error. The owner frees a dead connection after the turn, so that no
 * code that runs in the turn meets a freed one.
 */

#include <errno.h>
#include <sys/socket.h>

#include "broker/base/clock.h"
#include "broker/base/util.h"
#include "broker/policy/limits.h"
#include "broker/server/connection_output.h"
#include "broker/server/quota_error.h"

/* The result of one call to the socket. */
typedef enum SendResult {
        SEND_MORE,              /* all was taken, and there may be more */
        SEND_BLOCKED,           /* the socket, or this turn, takes no more for now */
        SEND_DONE,              /* there was nothing to send, or the connection ended */
} SendResult;

/**
 * connection_stop_watchers() - stop everything that could call the connection
 * @connection:  the connection
 */
void connection_stop_watchers(Connection *connection) {
        struct ev_loop *loop = connection->owner->loop;

        ev_io_stop(loop, &connection->reader);
        ev_io_stop(loop, &connection->writer);
        ev_timer_stop(loop, &connection->delay);
        ev_timer_stop(loop, &connection->deadline);
}

/**
 * connection_die() - end the connection without another byte
 * @connection:  the connection; its owner frees it after the turn
 */
void connection_die(Connection *connection) {
        if (connection->dead)
                return;
        connection->dead = true;
        connection_stop_watchers(connection);
        connection->owner->on_dead(connection);
}

/**
 * connection_set_deadline() - set the time until the connection is closed, if nothing happens
 * @connection:  the connection
 * @seconds:     from now
 */
void connection_set_deadline(Connection *connection, double seconds) {
        ev_timer_stop(connection->owner->loop, &connection->deadline);
        ev_timer_set(&connection->deadline, seconds, 0.);
        ev_timer_start(connection->owner->loop, &connection->deadline);
}

/**
 * connection_await_request() - set the deadline for the next request
 * @connection:  the connection
 *
 * Between two requests a client may be idle for any time. Before its first request, or
 * within one, it may not.
 */
void connection_await_request(Connection *connection) {
        if (connection->served && buffer_n(&connection->in) == 0)
                ev_timer_stop(connection->owner->loop, &connection->deadline);
        else
                connection_set_deadline(connection, connection->owner->request_seconds);
}

/*
 * Output.
 */

/**
 * connection_reply() - queue a reply
 * @connection:  the connection
 * @frame:       a whole frame, or the rest of the one that was queued last
 * @n_frame:     its length
 *
 * Where there is no memory for a reply, the connection is closed.
 */
void connection_reply(Connection *connection, const uint8_t *frame, size_t n_frame) {
        int r;

        if (connection->dead)
                return;
        r = send_queue_add_reply(&connection->queue, &connection->memory, frame, n_frame);
        if (r == BUFFER_E_QUOTA)
                quota_error_log(connection->user, QUOTA_BYTES);
        if (r)
                connection_die(connection);
}

/**
 * connection_reply_stream() - queue a frame of a stream
 * @connection:  the connection
 * @stream:      the number of the stream
 * @frame:       a whole frame without the number
 * @n_frame:     its length
 */
void connection_reply_stream(Connection *connection, uint32_t stream, const uint8_t *frame, size_t n_frame) {
        StreamFrame numbered = stream_frame(frame, n_frame, stream);

        connection_reply(connection, numbered.header, numbered.n_header);
        connection_reply(connection, numbered.message, numbered.n_message);
}

/**
 * connection_close() - end the connection when its replies are sent
 * @connection:  the connection; the frame that was begun is completed too
 */
void connection_close(Connection *connection) {
        connection->queue.closing = true;
        ev_io_stop(connection->owner->loop, &connection->reader);
        connection_set_deadline(connection, connection->owner->unread_seconds);
}

/**
 * connection_refuse() - queue an Error
 * @connection:  the connection
 * @error:       the error; if it is a closing one, the connection ends after it
 */
void connection_refuse(Connection *connection, const EncodedError *error) {
        uint8_t frame[ENCODED_REPLY_MAX];

        if (connection_is_closing(connection))
                return;
        connection_reply(connection, frame, encode_error(error, frame));
        if (!error->closing)
                return;

        if (error->code == ERROR_FELL_BEHIND)
                ++connection->owner->n_closed_for_strict;
        else
                ++connection->owner->n_closed_for_errors;
        connection_close(connection);
}

/**
 * connection_refuse_quota() - refuse what the user's quota does not allow
 * @connection:  the connection
 * @request_id:  the id of the refused request, or 0
 * @kind:        the part of the quota that is used up
 * @closing:     whether the connection ends
 */
void connection_refuse_quota(Connection *connection, uint64_t request_id, QuotaKind kind, bool closing) {
        QuotaErrorText message = quota_error_print(connection->user, kind);

        quota_error_log(connection->user, kind);
        connection_refuse(connection, &(EncodedError){
                                              .request_id = request_id,
                                              .code = ERROR_QUOTA,
                                              .message = message.text,
                                              .closing = closing,
                                      });
}

/**
 * connection_refuse_total() - refuse what all users together have used up
 * @connection:  the connection
 * @request_id:  the id of the refused request
 * @kind:        the part of the quota that is used up
 */
void connection_refuse_total(Connection *connection, uint64_t request_id, QuotaKind kind) {
        QuotaErrorText message = quota_error_print_total(connection->user->quota, kind);

        connection_refuse(connection,
                          &(EncodedError){.request_id = request_id, .code = ERROR_LIMIT, .message = message.text});
}

/* The last reply was sent: requests that had to wait for room are read again. */
static void connection_sent_replies(Connection *connection) {
        if (connection->queue.closing || connection->input_ended || connection->held)
                return;
        connection_await_request(connection);
        if (!ev_is_active(&connection->reader)) {
                ev_io_start(connection->owner->loop, &connection->reader);
                /* Such requests may be in the input already. */
                ev_feed_event(connection->owner->loop, &connection->reader, EV_READ);
        }
}

static void connection_sent(Connection *connection, SendNext next, size_t n) {
        send_queue_advance(&connection->queue, &connection->memory, next, n);
        if (next.part == SEND_SNAPSHOT)
                connection->owner->n_snapshot_budget -= MIN(connection->owner->n_snapshot_budget, n);
        else if (next.part == SEND_REPLIES && !send_queue_has_replies(&connection->queue))
                connection_sent_replies(connection);
}

static SendResult connection_send(Connection *connection, size_t n_budget, size_t *ret_n) {
        size_t n_snapshot_max = connection->owner->n_snapshot_budget;
        SendNext next = send_queue_next(&connection->queue, n_snapshot_max);
        StreamSlices slices UNINITIALISED;
        struct msghdr message = { .msg_iov = slices.slices };
        ssize_t n;

        if (next.part == SEND_LATER)
                return SEND_BLOCKED;
        send_queue_slices(&connection->queue, next, n_snapshot_max, &slices);
        if (slices.n == 0) {
                if (connection->queue.closing)
                        connection_die(connection);
                return SEND_DONE;
        }
        if (n_budget == 0)
                return SEND_BLOCKED;

        message.msg_iovlen = slices.n;
        do
                n = sendmsg(connection->fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
        while (n < 0 && errno == EINTR);
        if (n < 0 && (errno == EAGAIN || errno == ENOBUFS || errno == ENOMEM))
                return SEND_BLOCKED;
        if (n < 0) {
                connection_die(connection);
                return SEND_DONE;
        }
        connection_sent(connection, next, (size_t)n);
        *ret_n = (size_t)n;
        return (size_t)n < slices.n_bytes ? SEND_BLOCKED : SEND_MORE;
}

/**
 * connection_flush() - send what there is, as far as the socket takes it
 * @connection:  the connection
 *
 * When the socket takes no more, the rest is sent once it is writable.
 */
void connection_flush(Connection *connection) {
        struct ev_loop *loop = connection->owner->loop;
        size_t n_budget = SEND_QUEUE_TURN_BYTES;

        ev_timer_stop(loop, &connection->delay);
        list_unlink(&connection->ready_link);
        while (!connection->dead) {
                SendStream *fallen = send_queue_find_fallen(&connection->queue);
                SendResult result;
                size_t n = 0;

                if (send_queue_is_broken(&connection->queue))
                        return connection_die(connection);
                if (fallen) {
                        connection->owner->on_fallen(connection, fallen);
                        continue;
                }
                result = connection_send(connection, n_budget, &n);
                n_budget -= MIN(n_budget, n);
                if (result == SEND_MORE)
                        continue;
                if (result == SEND_BLOCKED)
                        ev_io_start(loop, &connection->writer);
                else
                        ev_io_stop(loop, &connection->writer);
                return;
        }
}

/* Seconds until the delay that a subscriber allows has passed, counted from a common grid. */
static double connection_delay_seconds(uint32_t max_delay_ms) {
        uint64_t period_ns = max_delay_ms * NSEC_PER_MSEC / CONNECTION_POLL_SHARE * (CONNECTION_POLL_SHARE - 1);
        uint64_t now_ns = (uint64_t)clock_read_ns(CLOCK_MONOTONIC);

        return (double)(period_ns - now_ns % period_ns) / (double)NSEC_PER_SEC;
}

/**
 * connection_flush_later() - send what there is at the end of the turn
 * @connection:  the connection, which keeps its place if it waits already
 */
void connection_flush_later(Connection *connection) {
        if (!connection->dead && list_is_empty(&connection->ready_link))
                list_append(&connection->owner->ready, &connection->ready_link);
}

/**
 * connection_wake() - send what is new in a stream
 * @connection:    the connection
 * @max_delay_ms:  the delay that the stream's subscriber allows; 0: none
 *
 * It is sent at the end of the turn, or when the delay has passed. New frames of other streams
 * are sent with it. The ends of delays fall on a common grid, so that clients with equal delays
 * are served in one turn, while the bytes are in the processor's cache.
 */
void connection_wake(Connection *connection, uint32_t max_delay_ms) {
        struct ev_loop *loop = connection->owner->loop;
        double seconds;

        if (connection->dead || ev_is_active(&connection->writer))
                return;
        if (max_delay_ms == 0)
                return connection_flush_later(connection);
        seconds = connection_delay_seconds(max_delay_ms);
        if (ev_is_active(&connection->delay) && ev_timer_remaining(loop, &connection->delay) <= seconds)
                return;
        ev_timer_stop(loop, &connection->delay);
        ev_timer_set(&connection->delay, seconds, 0.);
        ev_timer_start(loop, &connection->delay);
}

/* Whether a client does not read a snapshot that it asked for. */
static bool connection_has_old_snapshot(Connection *connection) {
        bool old = false;

        list_for_each(link, safe, &connection->queue.streams) {
                SendStream *stream = container_of(link, SendStream, link);

                if (stream->snapshot.snapshot && stream->snapshot.snapshot->complete)
                        old |= ++stream->snapshot_age >= connection->owner->unread_seconds;
        }
        return old;
}

/**
 * connection_age() - count a second
 * @connection:  the connection
 *
 * A snapshot stays in memory until it is read, so a client that does not read it is closed.
 */
void connection_age(Connection *connection) {
        if (connection_is_closing(connection) || !connection_has_old_snapshot(connection))
                return;
        connection_refuse(connection, &(EncodedError){
                                              .code = ERROR_UNREAD_REPLIES,
                                              .message = "The client does not read the snapshot that it asked for.",
                                              .closing = true,
                                      });
}
