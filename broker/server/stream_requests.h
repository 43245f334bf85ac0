/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * StreamRequests: requests about a stream that has begun: Unsubscribe, ChangeFilter and
 * GetSnapshot. The request handler decodes them, and calls this module.
 */

#include <stdbool.h>

#include "broker/output/feeds.h"
#include "broker/output/request_decode.h"
#include "broker/server/client.h"
#include "broker/server/sampler.h"
#include "broker/server/subscription.h"

typedef struct StreamRequests StreamRequests;

struct StreamRequests {
        Feeds *feeds;                   /* not owned, like the others */
        Subscriptions *subscriptions;
        Sampler *sampler;               /* NULL: there are no live statistics, and no streams of samples */
        List *pending;                  /* requests that wait for programs */
};

bool stream_requests_refuse_unknown(Client *client, const Request *request);
void stream_requests_unsubscribe(const StreamRequests *requests, Client *client, const Request *request);
void stream_requests_restart(const StreamRequests *requests, Client *client, const Request *request);
void stream_requests_restart_ready(const StreamRequests *requests, Client *client, const Request *request);
