/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Sources: both of the kernel's, opened and proved, or taken from a test that is the kernel. */

#include "broker/kernel/connector.h"
#include "broker/kernel/exit_listener.h"
#include "broker/model/status.h"
#include "broker/root/options.h"
#include "broker/root/proof.h"

enum {
        _SOURCES_E_SUCCESS,
        SOURCES_E_FAILED,       /* said why */
};

int sources_open(Connector *connector, ExitListener *exits, KernelFacts *facts, const Options *options, ProofSay say);
