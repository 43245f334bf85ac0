/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Sources: both of the kernel's, opened and proved, or taken from a test that is the kernel. */

#include "broker/daemon/options.h"
#include "broker/daemon/self_test.h"
#include "broker/kernel/connector.h"
#include "broker/kernel/exit_listener.h"
#include "broker/model/status.h"

enum {
        _SOURCES_E_SUCCESS,
        SOURCES_E_FAILED,       /* said why */
};

int sources_open(Connector *connector, ExitListener *exits, KernelFeatures *features, const Options *options, SelfTestReport say);
