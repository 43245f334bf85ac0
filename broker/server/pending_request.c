/* SPDX-License-Identifier: Apache-2.0 */

#include <assert.h>
#include <stdlib.h>

#include "broker/base/memory.h"
#include "broker/server/pending_request.h"

/**
 * pending_request_new() - keep a request for later
 * @queue:    it becomes the last of this queue
 * @client:   the client, which expects an answer from now on
 * @request:  copied
 *
 * Return: 0; PENDING_REQUEST_E_TOTAL; PENDING_REQUEST_E_QUOTA.
 */
int pending_request_new(List *queue, Client *client, const Request *request) {
        Charge charge = CHARGE_NULL;
        PendingRequest *pending;
        int r;

        r = charge_take(&charge, client->connection.user, QUOTA_REQUESTS, 1);
        if (r)
                return r == QUOTA_E_USER ? PENDING_REQUEST_E_QUOTA : PENDING_REQUEST_E_TOTAL;
        pending = memory_alloc_optional(NULL, sizeof(*pending));
        if (!pending) {
                charge_return(&charge);
                return PENDING_REQUEST_E_TOTAL;
        }
        *pending = (PendingRequest){ .client = client, .charge = charge, .request = *request };
        list_init(&pending->link);
        list_append(queue, &pending->link);
        ++client->n_pending;
        ++client->connection.n_expected;
        return 0;
}

/**
 * pending_request_free() - forget a request that was served, or whose client ended
 * @pending:  the request
 */
void pending_request_free(PendingRequest *pending) {
        --pending->client->connection.n_expected;
        assert(pending->client->n_pending > 0);
        --pending->client->n_pending;
        list_unlink(&pending->link);
        charge_return(&pending->charge);
        free(pending);
}
