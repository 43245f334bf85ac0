/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * RequestRefusal: the Errors that refuse a client's request. The request handler and the
 * stream requests call it. A refusal leaves the connection open.
 */

#include <stdbool.h>

#include "broker/output/request_decode.h"
#include "broker/policy/quota.h"
#include "broker/server/client.h"

void request_refusal_send(Client *client, const Request *request, ErrorCode code, const char *field,
                          const char *message);
void request_refusal_send_memory(Client *client, const Request *request);
void request_refusal_send_feed(Client *client, const Request *request, QuotaKind feeds, int r);
void request_refusal_check(Client *client, const Request *request, int r);
