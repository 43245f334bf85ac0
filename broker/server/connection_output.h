/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Connection: one client's socket. It owns the descriptor, the requests that are not
 * served yet, what is still to be sent, and the deadlines. It knows its owner, but no other
 * connection, and not what the bytes say.
 *
 * This is the half that sends. The half that receives is connection.h.
 */

#include <ev.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "broker/base/list.h"
#include "broker/output/encode.h"
#include "broker/policy/quota.h"
#include "broker/server/buffer.h"
#include "broker/server/send_queue.h"

typedef struct Connection Connection;
typedef struct ConnectionOwner ConnectionOwner;

/*
 * A subscriber allows a delay of its events. One part in so many of that delay is used to
 * read the kernel less often, the rest to send less often.
 */
#define CONNECTION_POLL_SHARE 4u

/*
 * A whole request has come.
 * Return: Whether it was served. If not, the connection is held: the request and what
 *         follows it stay in the input until connection_continue().
 */
typedef bool (*ConnectionOnRequest)(Connection *connection, const uint8_t *message, size_t n_message);

typedef void (*ConnectionCallback)(Connection *connection);

/* The cursor of a stream fell off its feed, and the loss is to be reported now. */
typedef void (*ConnectionOnFallen)(Connection *connection, SendStream *stream);

/* The part of the owner of all connections that each connection uses. */
struct ConnectionOwner {
        struct ev_loop *loop;                   /* not owned */
        ConnectionOnRequest on_request;
        ConnectionCallback on_readable;         /* there is input: connection_read() is called now or later */
        ConnectionOnFallen on_fallen;
        ConnectionCallback on_dead;             /* to be freed when the turn has ended */
        uint32_t request_seconds;               /* LIMIT_REQUEST_SECONDS, or what a test sets */
        uint32_t unread_seconds;                /* LIMIT_UNREAD_SECONDS, or what a test sets */
        size_t n_snapshot_budget;               /* bytes of snapshots that may still be sent in this turn */
        List ready;                             /* connections with something new to send: connections_flush_ready() */
        uint64_t n_closed_for_errors;
        uint64_t n_closed_for_strict;
};

struct Connection {
        uint32_t magic;
        ConnectionOwner *owner;
        List link;                      /* in a list of the owner */
        uint64_t number;                /* newer connections have larger ones */
        List held_link;                 /* in the owner's list of held connections */
        List ready_link;                /* in the owner's list of connections with something new to send */
        int fd;
        ev_io reader;
        ev_io writer;
        ev_timer delay;                 /* until delayed events are sent */
        ev_timer deadline;              /* until the connection is closed, if nothing happens */

        QuotaUser *user;                /* all costs are charged to this user */
        Charge place;                   /* one connection */
        Charge memory;                  /* the object that has this, the input and the replies */

        Buffer in;                      /* requests, the first of them not served yet */
        SendQueue queue;
        size_t n_expected;              /* answers and subscriptions that the peer still waits for */

        bool served;                    /* a request has come */
        bool held;                      /* a request in the input waits for connection_continue() */
        bool throttled;                 /* not read from, because its user is over its share of time */
        bool input_ended;               /* the peer shut down its sending side */
        bool dead;                      /* waits to be freed */
};

void connection_stop_watchers(Connection *connection);
void connection_die(Connection *connection);
void connection_close(Connection *connection);
void connection_set_deadline(Connection *connection, double seconds);
void connection_await_request(Connection *connection);

void connection_reply(Connection *connection, const uint8_t *frame, size_t n_frame);
void connection_reply_stream(Connection *connection, uint32_t stream, const uint8_t *frame, size_t n_frame);
void connection_refuse(Connection *connection, const EncodedError *error);
void connection_refuse_quota(Connection *connection, uint64_t request_id, QuotaKind kind, bool closing);
void connection_refuse_total(Connection *connection, uint64_t request_id, QuotaKind kind);
void connection_flush(Connection *connection);
void connection_flush_later(Connection *connection);
void connection_wake(Connection *connection, uint32_t max_delay_ms);
void connection_age(Connection *connection);

/* Whether nothing more is served: it waits to be freed, or to have sent its last reply. */
static inline bool connection_is_closing(const Connection *connection) {
        return connection->dead || connection->queue.closing;
}
