/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The socket on which clients connect: handed in by the service manager, or made at the path of --socket. */

#include "broker/daemon/options.h"
#include "broker/server/hub.h"
#include "broker/server/listener.h"

enum {
        _LISTEN_SOCKET_E_SUCCESS,
        LISTEN_SOCKET_E_FAILED,      /* the reason was logged */
};

int listen_socket_open(Listener *listener, Hub *hub, const Options *options);
