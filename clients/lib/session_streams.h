/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "clients/lib/client.h"

void session_send_requests(struct tb_client *client);
int session_route(struct tb_client *client);
int session_emit_pending(struct tb_client *client);
