/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Connection, the half that receives: it takes over a socket, splits the input into
 * requests, and hands each to its owner. The struct is in connection_output.h.
 */

#include "broker/server/connection_output.h"

enum {
        _CONNECTION_E_SUCCESS,
        CONNECTION_E_MEMORY,
        CONNECTION_E_QUOTA,     /* the user has no more memory */
};

int connection_init(Connection *connection, ConnectionOwner *owner, QuotaUser *user, int fd, size_t n_bytes);
void connection_deinit(Connection *connection);

void connection_read(Connection *connection);
void connection_answered(Connection *connection);
void connection_continue(Connection *connection);
void connection_throttle(Connection *connection);
void connection_resume(Connection *connection);
