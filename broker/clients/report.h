/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Report: the status, gathered from the hub, its owner and the sampler; and what of it a client may know. */

#include "broker/clients/client.h"
#include "broker/clients/hub.h"
#include "broker/model/status.h"

void report_all(Hub *hub, BrokerStatus *ret_status);
void report_for(Hub *hub, const Client *client, BrokerStatus *ret_status);
