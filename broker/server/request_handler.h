/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Requests: what a client asks for, decoded and answered, refused, or begun. Called by
 * the client that the request came from; the feeds are the hub's, sweeps the sampler's.
 */

#include <stddef.h>
#include <stdint.h>

#include "broker/server/client.h"
#include "broker/server/hub.h"

void request_handler_serve(Hub *hub, Client *client, const uint8_t *message, size_t n_message);
void request_handler_on_programs(Hub *hub);
