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
#include "broker/tasks/program_reader.h"

typedef struct PendingRequest PendingRequest;

struct PendingRequest {
        List link;              /* in the owner's queue */
        Client *client;
        Charge charge;
        ProgramReader *wanted;  /* it wants programs itself, which ends with it; NULL: a feed wants them */
        bool ready;             /* the programs are known, and it can be served */
        Request request;
};

void pending_request_add(List *queue, Client *client, const Request *request, ProgramReader *wanted);
void pending_request_free(PendingRequest *pending);
