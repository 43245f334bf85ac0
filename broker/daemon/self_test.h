/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Proof: both sources are opened and a child is sent through them, because two of
 * the ways in which they can fail are silent. Says in full sentences what is
 * there, what is missing and how to get it.
 */

#include <stdbool.h>

#include "broker/kernel/connector.h"
#include "broker/kernel/exit_listener.h"
#include "broker/model/status.h"

typedef void (*SelfTestReport)(bool good, const char *sentence);

enum {
        _SELF_TEST_E_SUCCESS,
        SELF_TEST_E_FAILED,         /* said why */
};

int self_test_open(Connector *connector,
               ExitListener *listener,
               KernelFeatures *features,
               const ConnectorOptions *connector_options,
               const ExitListenerOptions *listener_options,
               SelfTestReport say);
void self_test_report_features(const Connector *connector, const ExitListener *listener, const KernelFeatures *features, SelfTestReport say);
