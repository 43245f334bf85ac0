/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * RequestHandler: decodes a client's request and answers it, refuses it, or begins what
 * it asks for. The hub calls it, reports when requests that wait can be served, and has them
 * served one by one.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "broker/output/feeds.h"
#include "broker/server/client.h"
#include "broker/server/sampler.h"
#include "broker/server/status_report.h"
#include "broker/server/subscription.h"

typedef struct RequestHandler RequestHandler;

struct RequestHandler {
        uint64_t epoch;                 /* this run of the broker: feeds of another run cannot be resumed */
        Feeds *feeds;                   /* not owned, like the next three */
        Subscriptions *subscriptions;
        StatusReport *status;
        Sampler *sampler;               /* NULL: there are no live statistics */

        List pending;                   /* PendingRequests, the oldest first */
        bool fresh;                     /* the sources were read since the request came */
};

void request_handler_init(RequestHandler *handler);
void request_handler_forget(RequestHandler *handler, Client *client);

bool request_handler_serve(RequestHandler *handler, Client *client, const uint8_t *message, size_t n_message);
void request_handler_on_programs(RequestHandler *handler);
Client *request_handler_next_ready(const RequestHandler *handler);
void request_handler_serve_ready(RequestHandler *handler, Client *client);
