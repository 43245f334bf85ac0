/* SPDX-License-Identifier: Apache-2.0 */

#include "broker/base/util.h"
#include "broker/output/feeds.h"
#include "broker/server/request_refusal.h"
#include "broker/server/subscription.h"

/**
 * request_refusal_send() - refuse a request
 * @client:   the client
 * @request:  the request
 * @code:     the reason
 * @field:    the field that is not valid; NULL: none
 * @message:  the reason, as a sentence
 */
void request_refusal_send(Client *client, const Request *request, ErrorCode code, const char *field,
                                   const char *message) {
        connection_refuse(&client->connection,
                          &(EncodedError){.request_id = request->id, .code = code, .field = field, .message = message});
}

void request_refusal_send_memory(Client *client, const Request *request) {
        request_refusal_send(client, request, ERROR_LIMIT, NULL, "The broker has no memory for the subscription.");
}

/* There is no memory for a stream; @r of SUBSCRIPTION_E_*, or 0. */
void request_refusal_check(Client *client, const Request *request, int r) {
        if (r == SUBSCRIPTION_E_QUOTA)
                connection_refuse_quota(&client->connection, request->id, QUOTA_BYTES, false);
        else if (r == SUBSCRIPTION_E_TOTAL)
                connection_refuse_total(&client->connection, request->id, QUOTA_BYTES);
        else if (r)
                request_refusal_send_memory(client, request);
}

/* Refuses what a quota does not allow; @r of FEEDS_E_*. Return: whether it is about a quota. */
static bool request_refusal_send_quota(Client *client, const Request *request, QuotaKind feeds, int r) {
        const struct {
                int r;
                QuotaKind kind;
                bool of_user;
        } rows[] = {
                { FEEDS_E_FULL, feeds, false },
                { FEEDS_E_SUBTREES, QUOTA_SUBTREES, false },
                { FEEDS_E_BYTES, QUOTA_BYTES, false },
                { FEEDS_E_USER_FEEDS, feeds, true },
                { FEEDS_E_USER_SUBTREES, QUOTA_SUBTREES, true },
                { FEEDS_E_USER_BYTES, QUOTA_BYTES, true },
                { FEEDS_E_USER_SNAPSHOTS, QUOTA_SNAPSHOTS, true },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); ++i) {
                if (rows[i].r != r)
                        continue;
                if (rows[i].of_user)
                        connection_refuse_quota(&client->connection, request->id, rows[i].kind, false);
                else
                        connection_refuse_total(&client->connection, request->id, rows[i].kind);
                return true;
        }
        return false;
}

static const char *request_refusal_field(const Request *request) {
        return request->type == REQUEST_SUBSCRIBE ? "subscribe.filter.subtrees"
               : request->type == REQUEST_SAMPLE  ? "subscribe_samples.filter.subtrees"
                                                  : "change_filter.filter.subtrees";
}

/* There is no feed, or no snapshot of it; @r of FEEDS_E_*. @feeds: the kind of feed. */
void request_refusal_send_feed(Client *client, const Request *request, QuotaKind feeds, int r) {
        if (request_refusal_send_quota(client, request, feeds, r))
                return;
        if (r == FEEDS_E_NO_ROOT)
                request_refusal_send(client, request, ERROR_BAD_VALUE, request_refusal_field(request),
                                     "There is no such process: the first process of each subtree must be alive.");
        else if (r == FEEDS_E_SNAPSHOTS)
                request_refusal_send(client, request, ERROR_LIMIT,
                                     request->type == REQUEST_SUBSCRIBE ? "subscribe.snapshot" : NULL,
                                     "Slow clients of your user are reading two snapshots of this feed, which is as "
                                     "many as are kept: read them, or try again.");
        else
                request_refusal_send_memory(client, request);
}
