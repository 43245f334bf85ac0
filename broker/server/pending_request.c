/* SPDX-License-Identifier: Apache-2.0 */

#include <assert.h>
#include <stdlib.h>

#include "broker/base/memory.h"
#include "broker/server/pending_request.h"

static void pending_request_refuse(Client *client, const Request *request, int r) {
        if (r == QUOTA_E_USER)
                connection_refuse_quota(&client->connection, request->id, QUOTA_REQUESTS, false);
        else
                connection_refuse_total(&client->connection, request->id, QUOTA_REQUESTS);
}

/**
 * pending_request_add() - keep a request for later, or refuse it
 * @queue:    it becomes the last of this queue
 * @client:   the client, which expects an answer from now on
 * @request:  copied
 * @wanted:   programs that the request wants itself, by program_reader_want(); NULL: it does not
 */
void pending_request_add(List *queue, Client *client, const Request *request, ProgramReader *wanted) {
        Charge charge = CHARGE_NULL;
        PendingRequest *pending = NULL;
        int r;

        r = charge_take(&charge, client->connection.user, QUOTA_REQUESTS, 1);
        if (!r)
                pending = memory_alloc_optional(NULL, sizeof(*pending));
        if (!pending) {
                charge_return(&charge);
                if (wanted)
                        program_reader_unwant(wanted);
                return pending_request_refuse(client, request, r);
        }
        *pending = (PendingRequest){ .client = client, .charge = charge, .wanted = wanted, .request = *request };
        list_init(&pending->link);
        list_append(queue, &pending->link);
        ++client->n_pending;
        ++client->connection.n_expected;
}

/**
 * pending_request_free() - forget a request that was served, or whose client ended
 * @pending:  the request; it wants no programs from now on
 */
void pending_request_free(PendingRequest *pending) {
        assert(pending->client->n_pending > 0);
        --pending->client->n_pending;
        --pending->client->connection.n_expected;
        if (pending->wanted)
                program_reader_unwant(pending->wanted);
        list_unlink(&pending->link);
        charge_return(&pending->charge);
        free(pending);
}
