/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * SendQueue: what one client is still to be sent. It owns the replies, the place in a
 * snapshot and the place in a feed, and decides which bytes come next. It has no socket:
 * the connection sends the bytes and reports how many were taken.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "broker/output/cursor.h"
#include "broker/output/snapshot.h"
#include "broker/policy/quota.h"
#include "broker/server/buffer.h"

typedef struct SendQueue SendQueue;

/* Bytes that one client is sent in one turn of the loop, at most. */
#define SEND_QUEUE_TURN_BYTES (1024u * 1024u)

/* In the order in which they begin. */
typedef enum SendPart {
        SEND_REPLIES,
        SEND_SNAPSHOT,
        SEND_FEED,
} SendPart;

struct SendQueue {
        Buffer replies;                 /* whole frames */
        SnapshotCursor snapshot;        /* it is sent before the feed */
        Cursor cursor;                  /* the place in the feed */
        bool closing;                   /* nothing new begins behind the replies */
};

#define SEND_QUEUE_SLICES FEED_SLICES

void send_queue_init(SendQueue *queue);
void send_queue_deinit(SendQueue *queue);

int send_queue_add_reply(SendQueue *queue, Charge *memory, const uint8_t *frame, size_t n_frame);

bool send_queue_has_replies(const SendQueue *queue);
bool send_queue_must_recover(const SendQueue *queue);
SendPart send_queue_part(const SendQueue *queue);
size_t send_queue_slices(SendQueue *queue,
                         SendPart part,
                         size_t n_snapshot_max,
                         struct iovec slices[static SEND_QUEUE_SLICES]);
void send_queue_advance(SendQueue *queue, Charge *memory, SendPart part, size_t n);
