/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The self-test opens both sources and checks that they report a child, because they can fail
 * without an error. It reports in full sentences what works, what is missing and how to
 * get it.
 */

#include <stdbool.h>

#include "broker/kernel/connector.h"
#include "broker/kernel/exit_listener.h"
#include "broker/model/status.h"

enum {
        _SELF_TEST_E_SUCCESS,
        SELF_TEST_E_FAILED,     /* the reason was reported */
};

void self_test_report(bool printing, bool good, const char *sentence);
int self_test_open(Connector *connector,
                   ExitListener *listener,
                   KernelFeatures *features,
                   const ConnectorOptions *connector_options,
                   const ExitListenerOptions *listener_options,
                   bool printing);
void self_test_report_features(const Connector *connector, const ExitListener *listener, const KernelFeatures *features,
                               bool printing);
