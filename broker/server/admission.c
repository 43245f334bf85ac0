/* SPDX-License-Identifier: Apache-2.0 */

#include <sys/socket.h>
#include <unistd.h>

#include "broker/base/clock.h"
#include "broker/output/encode.h"
#include "broker/server/admission.h"
#include "broker/server/client.h"
#include "broker/server/quota_error.h"
#include "broker/server/status_report.h"

enum {
        _ADMISSION_E_SUCCESS,
        ADMISSION_E_REFUSED,
};

typedef struct Refusal Refusal;

/* Why a connection is not taken. */
struct Refusal {
        ErrorCode code;
        QuotaErrorText message;
};

/**
 * admission_turn_away() - say why a connection is not taken, and close it
 * @hub:      the hub
 * @fd:       the socket; taken over
 * @code:     the reason
 * @message:  the reason, as a sentence
 */
void admission_turn_away(Hub *hub, int fd, ErrorCode code, const char *message) {
        uint8_t frame[ENCODED_REPLY_MAX];
        size_t n = encode_error(&(EncodedError){ .code = code, .message = message, .closing = true }, frame);

        if (code == ERROR_NOT_PERMITTED)
                ++hub->status.n_refused_namespace;
        else
                ++hub->status.n_refused;
        (void)!send(fd, frame, n, MSG_DONTWAIT | MSG_NOSIGNAL);
        close(fd);
}

static int admission_refuse(Hub *hub, QuotaUser *user, QuotaKind kind, int r, Refusal *ret_refusal) {
        if (r == QUOTA_E_USER) {
                quota_error_log(user, kind);
                *ret_refusal = (Refusal){ .code = ERROR_QUOTA, .message = quota_error_print(user, kind) };
        } else {
                *ret_refusal = (Refusal){ .code = ERROR_LIMIT, .message = quota_error_print_total(&hub->quota, kind) };
        }
        return ADMISSION_E_REFUSED;
}

static int admission_take_place(Hub *hub, uid_t uid, Charge *ret_place, Refusal *ret_refusal) {
        QuotaUser *user = quota_user_get(&hub->quota, uid, (uint64_t)clock_read_ns(CLOCK_MONOTONIC));
        int r = QUOTA_E_TOTAL;

        if (user)
                r = charge_take(ret_place, user, QUOTA_CONNECTIONS, 1);
        if (r)
                r = admission_refuse(hub, user, QUOTA_CONNECTIONS, r, ret_refusal);
        quota_user_unref(user);
        return r;
}

/* Makes a client for a connection, if its user may have one more connection. */
static int admission_admit(Hub *hub, int fd, uid_t uid, Client **ret_client, Refusal *ret_refusal) {
        Charge place = CHARGE_NULL;
        Client *client;
        int r;

        r = admission_take_place(hub, uid, &place, ret_refusal);
        if (r)
                return r;
        r = client_new(&client, &hub->connections.owner, place.user, fd);
        if (r) {
                r = admission_refuse(hub, place.user, QUOTA_BYTES,
                                     r == CONNECTION_E_QUOTA ? QUOTA_E_USER : QUOTA_E_TOTAL, ret_refusal);
                charge_return(&place);
                return r;
        }
        client->connection.place = place;
        *ret_client = client;
        return 0;
}

/* Counts a connection of a user, which may not connect too often. */
static int admission_spend(Hub *hub, QuotaUser *user, uint64_t now_ns, Refusal *ret_refusal) {
        int r = user ? quota_user_spend(user, QUOTA_CONNECTS, 1, now_ns) : 0;

        return r ? admission_refuse(hub, user, QUOTA_CONNECTS, r, ret_refusal) : 0;
}

/**
 * admission_refuses() - turn away a connection whose user may not connect now
 * @hub:     the hub
 * @fd:      the socket; taken over, if it is turned away
 * @uid:     the user that connected
 * @now_ns:  now, monotonic
 *
 * This check comes before the rest of the credentials is read, because reading them takes longer.
 *
 * Return: Whether the connection was turned away.
 */
bool admission_refuses(Hub *hub, int fd, uid_t uid, uint64_t now_ns) {
        QuotaUser *user = quota_user_get(&hub->quota, uid, now_ns);
        Charge place = CHARGE_NULL;
        Refusal refusal;
        int r;

        r = admission_spend(hub, user, now_ns, &refusal);
        if (!r)
                r = admission_take_place(hub, uid, &place, &refusal);
        charge_return(&place);
        quota_user_unref(user);
        if (r)
                admission_turn_away(hub, fd, refusal.code, refusal.message.text);
        return r != 0;
}

/**
 * admission_charge() - charge a user with the time that its connection took
 * @hub:     the hub
 * @uid:     the user
 * @n_ns:    the time
 * @now_ns:  now, monotonic
 */
void admission_charge(Hub *hub, uid_t uid, uint64_t n_ns, uint64_t now_ns) {
        QuotaUser *user = quota_user_get(&hub->quota, uid, now_ns);

        if (user)
                quota_user_work(user, n_ns, now_ns);
        quota_user_unref(user);
}

/**
 * admission_welcome() - take a connection in, or turn it away
 * @hub:          the hub
 * @fd:           the socket; taken over
 * @credentials:  the peer's credentials; not kept
 */
void admission_welcome(Hub *hub, int fd, const Credentials *credentials) {
        uint8_t frame[ENCODED_REPLY_MAX];
        BrokerStatus status;
        Refusal refusal;
        Client *client;

        if (admission_admit(hub, fd, credentials->uid, &client, &refusal))
                return admission_turn_away(hub, fd, refusal.code, refusal.message.text);

        client->uid = credentials->uid;
        client->rights = policy_rights(&hub->policy, credentials);
        connections_add(&hub->connections, &client->connection);
        status_report_all(&hub->status, &status);
        connection_reply(&client->connection, frame,
                         encode_welcome(&status, rights_access(&client->rights), client->uid, frame));
        connection_flush(&client->connection);
}
