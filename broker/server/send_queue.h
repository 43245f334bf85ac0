/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * SendQueue: what one client is still to be sent. It owns the replies, has the client's
 * streams, and decides which bytes come next. It has no socket: the connection sends the
 * bytes and reports how many were taken.
 *
 * SendStream: the place of one stream in its snapshot and in its feed. The owner of the
 * stream adds it to the queue, and removes it.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "broker/base/list.h"
#include "broker/output/cursor.h"
#include "broker/output/snapshot.h"
#include "broker/policy/quota.h"
#include "broker/server/buffer.h"

typedef struct SendNext SendNext;
typedef struct SendQueue SendQueue;
typedef struct SendStream SendStream;

/* Bytes that one client is sent in one turn of the loop, at most. */
#define SEND_QUEUE_TURN_BYTES (1024u * 1024u)

/* Bytes of one stream, at most, before another stream of the client has its turn. */
#define SEND_QUEUE_STREAM_BYTES (64u * 1024u)

/* In the order in which they begin. */
typedef enum SendPart {
        SEND_NOTHING,
        SEND_LATER,             /* only a snapshot, for which this turn has no more bytes */
        SEND_REPLIES,
        SEND_SNAPSHOT,
        SEND_FEED,
} SendPart;

struct SendQueue {
        Buffer replies;                 /* whole frames */
        List streams;                   /* the stream whose turn is next is first */
        SendStream *within;             /* the stream whose frame is partly sent; NULL: no frame of a stream is */
        bool closing;                   /* nothing new begins behind the replies */
};

struct SendStream {
        List link;
        SendQueue *queue;               /* not owned */
        uint32_t number;                /* distinguishes the stream on its connection */
        uint32_t max_delay_ms;          /* the subscriber's, 0: none */
        uint32_t snapshot_age;          /* seconds since a part of the snapshot was sent */
        SnapshotCursor snapshot;        /* it is sent before the feed */
        Cursor cursor;                  /* the place in the feed */
};

/* The part that is sent next, and its stream. */
struct SendNext {
        SendPart part;
        SendStream *stream;             /* NULL: the part belongs to no stream */
};

void send_queue_init(SendQueue *queue);
void send_queue_deinit(SendQueue *queue);
void send_queue_add_stream(SendQueue *queue, SendStream *stream, uint32_t number);
void send_queue_remove_stream(SendStream *stream);
int send_queue_finish_frame(SendStream *stream, Charge *memory);

int send_queue_add_reply(SendQueue *queue, Charge *memory, const uint8_t *frame, size_t n_frame);

bool send_queue_has_replies(const SendQueue *queue);
bool send_queue_is_broken(const SendQueue *queue);
SendStream *send_queue_find_fallen(const SendQueue *queue);
SendNext send_queue_next(const SendQueue *queue, size_t n_snapshot_max);
void send_queue_slices(const SendQueue *queue, SendNext next, size_t n_snapshot_max, StreamSlices *slices);
void send_queue_advance(SendQueue *queue, Charge *memory, SendNext next, size_t n);
