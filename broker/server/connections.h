/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Connections: all of them, and how much of a turn of the loop each gets. It decides
 * when a connection is read from, keeps the requests that are held until the turn ends,
 * and hands out dead connections to be freed. The object around a Connection belongs to
 * the caller.
 */

#include <ev.h>
#include <stddef.h>
#include <stdint.h>

#include "broker/base/list.h"
#include "broker/output/feed.h"
#include "broker/server/connection.h"

typedef struct Connections Connections;

struct Connections {
        ConnectionOwner owner;
        ConnectionOnRequest on_request;
        List open;                      /* the one that was served last is first */
        List held;                      /* their requests wait for the turn's end; the oldest is first */
        List dead;                      /* to be freed at the end of the turn */
        size_t n_open;
        uint64_t last_number;           /* the number of the newest connection */
        ev_timer resume;                /* while connections are throttled */
        ev_timer turn;                  /* while connections are held: the loop does not sleep before the turn's end */
        uint64_t turn_number;
        uint64_t turn_ns;               /* the time that requests took in this turn */
        uint64_t flush_ns;              /* the time that sending events took in this turn */
        uint64_t user_flush_ns;         /* LIMIT_USER_FLUSH_NS, or what a test sets */
        uint64_t turn_flush_ns;         /* LIMIT_TURN_FLUSH_NS, or what a test sets */
};

void connections_init(Connections *connections,
                      struct ev_loop *loop,
                      ConnectionOnRequest on_request,
                      ConnectionOnFallen on_fallen);
void connections_deinit(Connections *connections);

void connections_add(Connections *connections, Connection *connection);
Connection *connections_take_dead(Connections *connections);
void connections_wake_readers(Feed *feed);
void connections_flush_ready(Connections *connections);
void connections_begin_turn(Connections *connections);
void connections_serve_held(Connections *connections);
void connections_serve(Connections *connections, Connection *connection, uint64_t begin_ns, ConnectionCallback serve);
void connections_age(Connections *connections);
