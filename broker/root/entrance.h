/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Entrance: the socket that clients come in by, handed in by a service manager, or made where the options say. */

#include "broker/clients/hub.h"
#include "broker/clients/listener.h"
#include "broker/root/options.h"

enum {
        _ENTRANCE_E_SUCCESS,
        ENTRANCE_E_FAILED,      /* said why */
};

int entrance_open(Listener *listener, Hub *hub, const Options *options);
