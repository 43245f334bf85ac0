/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Entrance: the socket that clients come in by, handed in by a service manager, or made where the options say. */

#include "broker/daemon/options.h"
#include "broker/server/hub.h"
#include "broker/server/listener.h"

enum {
        _LISTEN_SOCKET_E_SUCCESS,
        LISTEN_SOCKET_E_FAILED,      /* said why */
};

int listen_socket_open(Listener *listener, Hub *hub, const Options *options);
