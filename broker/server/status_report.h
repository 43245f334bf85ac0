/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Report: the status, gathered from the hub, its owner and the sampler; and what of it a client may know. */

#include "broker/model/status.h"
#include "broker/server/client.h"
#include "broker/server/hub.h"

void status_report_all(Hub *hub, BrokerStatus *ret_status);
void status_report_for(Hub *hub, const Client *client, BrokerStatus *ret_status);
