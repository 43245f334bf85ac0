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

typedef void (*ProofSay)(bool good, const char *sentence);

enum {
        _PROOF_E_SUCCESS,
        PROOF_E_FAILED,         /* said why */
};

int proof_open(Connector *connector,
               ExitListener *listener,
               KernelFacts *facts,
               const ConnectorOptions *connector_options,
               const ExitListenerOptions *listener_options,
               ProofSay say);
void proof_say_facts(const Connector *connector, const ExitListener *listener, const KernelFacts *facts, ProofSay say);
