/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Client: one connection. Owns its socket, what it has sent of a request, the
 * replies it has not read, and its place in a feed. Created by the listener,
 * owned by the hub, which frees it only between turns.
 */

#include <ev.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "broker/base/list.h"
#include "broker/output/encode.h"
#include "broker/output/feed.h"
#include "broker/output/request_decode.h"
#include "broker/output/snapshot.h"
#include "broker/policy/quota.h"
#include "broker/server/buffer.h"

typedef struct Client Client;
typedef struct Hub Hub;
typedef struct SampleFeed SampleFeed;

enum {
        _CLIENT_E_SUCCESS,
        CLIENT_E_MEMORY,
        CLIENT_E_QUOTA,         /* no more memory for this user */
};

struct Client {
        uint32_t magic;
        Hub *hub;
        List link;              /* of hub->clients, or of hub->dead */
        int fd;
        uint32_t uid;           /* who it is */
        Rights rights;          /* what it may know */
        ev_io reader;
        ev_io writer;
        ev_timer delay;         /* until events that are held back are sent */
        ev_timer deadline;      /* until the connection ends, if nothing happens */

        QuotaUser *user;        /* at whose cost it is */
        Charge place;           /* a connection */
        Charge memory;          /* of itself, and of what is below */
        Charge request;         /* a subscription that waits */
        bool throttled;           /* is not read from, because of all that was done for its user */

        Buffer in;              /* a request, as far as it came */
        Buffer out;             /* replies, whole frames */

        SnapshotCursor snapshot;        /* comes before the cursor's */
        uint32_t snapshot_age;          /* client_age()s since some of it was sent */
        Cursor cursor;
        Request *waiting;               /* a subscription that cannot begin yet */
        bool subscribed;
        SampleFeed *sampling;           /* it gets samples: its cursor is in this feed */
        bool sample_waits;              /* or will be when a whole sample begins */
        size_t n_questions;             /* whose answers are still being made */
        bool strict;
        uint32_t max_delay_ms;

        bool served;            /* has made a request */
        bool input_ended;       /* the peer shut down its sending side */
        bool closing;           /* dies when its replies are sent */
        bool dead;              /* waits to be freed */
};

int client_new(Client **ret_client, Hub *hub, QuotaUser *user, int fd);
Client *client_free(Client *client);

void client_reply(Client *client, const uint8_t *frame, size_t n_frame);
void client_refuse(Client *client, const EncodedError *error);
void client_refuse_share(Client *client, uint64_t request_id, QuotaKind kind, bool closing);
void client_answered(Client *client);
void client_wake(Client *client);
void client_flush(Client *client);
void client_age(Client *client);
void client_resume(Client *client);
