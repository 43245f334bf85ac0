/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Broker: everything wired together, and the order in which it happens. */

#include "broker/daemon/options.h"

enum {
        _BROKER_E_SUCCESS,
        BROKER_E_FAILED,        /* said why */
};

int broker_run(const Options *options);
