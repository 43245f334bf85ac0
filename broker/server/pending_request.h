/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * PendingRequest: a copy of a subscription's request that cannot be served until it is
 * known what programs the processes run. The client's other requests are served
 * meanwhile. It is charged to the client's user.
 */

#include "broker/base/list.h"
#include "broker/output/request_decode.h"
#include "broker/policy/quota.h"
#include "broker/server/client.h"

typedef struct PendingRequest PendingRequest;

enum {
        _PENDING_REQUEST_E_SUCCESS,
        PENDING_REQUEST_E_TOTAL,        /* too many requests are pending, or there is no memory */
        PENDING_REQUEST_E_QUOTA,        /* too many requests of this user are pending */
};

struct PendingRequest {
        List link;              /* in the owner's queue */
        Client *client;
        Charge charge;
        bool ready;             /* the programs are known, and it can be served */
        Request request;
};

int pending_request_new(List *queue, Client *client, const Request *request);
void pending_request_free(PendingRequest *pending);
