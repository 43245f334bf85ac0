/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Sources: opens the connector and the exit listener, the kernel's or those that a test hands in. */

#include "broker/daemon/options.h"
#include "broker/daemon/self_test.h"
#include "broker/kernel/connector.h"
#include "broker/kernel/exit_listener.h"
#include "broker/model/status.h"

enum {
        _SOURCES_E_SUCCESS,
        SOURCES_E_FAILED,       /* the reason was reported */
};

int sources_open(Connector *connector, ExitListener *exits, KernelFeatures *features, const Options *options,
                 bool printing);
