/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Feed: an append-only log of encoded batches for all who asked for the same, and
 * Cursor: one reader's place in it. Memory only; who sends the bytes, and where,
 * is not its business.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "broker/base/list.h"
#include "broker/output/encode.h"
#include "broker/output/request_decode.h"
#include "broker/policy/policy.h"
#include "broker/policy/quota.h"

typedef struct Cursor Cursor;
typedef struct Feed Feed;
typedef struct FeedChunk FeedChunk;

enum {
        _FEED_E_SUCCESS,
        FEED_E_MEMORY,
        FEED_E_QUOTA,           /* no more memory for this user */
};

/* A batch's frame at most, and a chunk of the log, which frames do not straddle. */
#define FEED_BATCH_MAX (64u * 1024u)
#define FEED_CHUNK_BYTES (256u * 1024u)

/* Slices that a cursor hands out at once. */
#define FEED_SLICES 4u

struct FeedChunk {
        List link;
        uint64_t first_number;          /* of its first frame's first event */
        size_t n;                       /* bytes in it */
        size_t n_cursors;               /* cursors in it */
        uint32_t age;                   /* feed_age()s since it was full */
        uint8_t bytes[FEED_CHUNK_BYTES];
};

struct Feed {
        List link;                      /* of the owner */
        List all_link;                  /* of the owner: feeds of samples too */
        uint64_t id;
        SubscriptionKey key;                    /* what it is of */
        Rights rights;                  /* of those who may read it */
        bool of_samples;                /* its frames are parts of samples, and its numbers those of samples */
        bool matches_all;                    /* its filter leaves nothing out */
        uint64_t mark;                  /* of its subtrees; 0: it has none */
        uint64_t roots[FILTER_SUBTREES_MAX]; /* starts of the subtrees' roots, with their numbers their identity */
        uint32_t age;                   /* feed_age()s without a cursor */
        List snapshots;                 /* of the owner */
        size_t n_snapshots;

        uint64_t next_number;           /* of the next event; of the sample at hand */
        int64_t realtime_offset_ns;     /* of the open batch */
        List chunks;                    /* oldest first; never empty */
        size_t n_bytes;                 /* in chunks; never more than n_max */
        size_t n_max;
        List cursors;
        Charge memory;                  /* empty: at nobody's cost */
        Charge place;                   /* of the owner */
        bool stopped;                   /* its filter took too long: whoever reads it is to be closed */

        size_t n_closed;                /* batches closed since the owner last woke the readers */
        size_t n_open;                  /* the open batch's events, encoded */
        uint64_t open_first_number;
        uint8_t open[FEED_BATCH_MAX + ENCODED_EVENT_MAX]; /* behind a full batch, the event that closes it */
};

struct Cursor {
        Feed *feed;
        List link;                      /* of feed->cursors */
        FeedChunk *chunk;               /* NULL: fell off the tail, or is detached */
        size_t offset;                  /* of the next byte to send */
        size_t n_frame_left;            /* bytes of a frame that is partly sent; 0: at a boundary */
        bool fell;
        uint64_t lost_from;             /* fell: the first number that it did not get */
        uint8_t *rest;                  /* sent before the rest of the feed: what was left of a frame */
        size_t n_rest, i_rest;
        bool rest_is_frame;             /* it is one by itself */
        bool broken;                    /* there was no memory for it */
        Charge memory;                  /* of the rest; empty: at nobody's cost */
};

int feed_new(Feed **ret_feed, uint64_t id, const SubscriptionKey *key, size_t n_max);
int feed_charge(Feed *feed, QuotaUser *user);
Feed *feed_free(Feed *feed);
bool feed_has(const Feed *feed, uint64_t number);
void feed_age(Feed *feed, uint32_t age_max);
void feed_shrink(Feed *feed);

uint8_t *feed_tail(Feed *feed);
const uint8_t *feed_append(Feed *feed, const uint8_t *event, size_t n_event, int64_t realtime_offset_ns);
void feed_close_batch(Feed *feed);
void feed_end_sample(Feed *feed);

void cursor_init(Cursor *cursor);
void cursor_deinit(Cursor *cursor);
void cursor_attach(Cursor *cursor, Feed *feed);
void cursor_attach_at(Cursor *cursor, Feed *feed, uint64_t number);

bool cursor_is_idle(const Cursor *cursor);
bool cursor_is_at_boundary(const Cursor *cursor);
bool cursor_must_recover(const Cursor *cursor);
size_t cursor_slices(Cursor *cursor, size_t n_max, struct iovec slices[static FEED_SLICES]);
void cursor_advance(Cursor *cursor, size_t n);
uint64_t cursor_recover(Cursor *cursor, uint64_t *ret_first_number);
uint64_t cursor_give_up(Cursor *cursor, uint64_t next_number);
