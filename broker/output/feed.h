/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Feed: an append-only log of encoded batches, for all who asked for the same. Its owner
 * is Feeds. It is memory only: connections read it with a Cursor and send the bytes.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "broker/base/list.h"
#include "broker/base/util.h"
#include "broker/output/encode.h"
#include "broker/output/request_decode.h"
#include "broker/policy/filter_budget.h"
#include "broker/policy/filter_matcher.h"
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

/* The size of a batch's frame, at most, and of a chunk of the log. A frame lies within one chunk. */
#define FEED_BATCH_MAX (64u * 1024u)
#define FEED_CHUNK_BYTES (256u * 1024u)

struct FeedChunk {
        List link;
        uint64_t first_number;          /* the first event of the first frame */
        size_t n;                       /* bytes in it */
        size_t n_cursors;               /* cursors in it */
        uint32_t age;                   /* calls of feed_age() since it was full */
        uint8_t bytes[FEED_CHUNK_BYTES];
};

struct Feed {
        List link;                      /* in the owner's list of this kind of feeds */
        List all_link;                  /* in the owner's list of all feeds */
        uint64_t id;
        SubscriptionKey key;            /* the subscription that it serves */
        Rights rights;                  /* its readers' rights */
        bool of_samples;                /* a frame is a part of a sample, and has the sample's number */
        FilterMatcher matcher;          /* the key's filter, compiled */
        uint32_t age;                   /* calls of feed_age() without a cursor */
        List snapshots;                 /* the newest is last; the owner makes and frees them */

        uint64_t next_number;           /* the number of the next event, or of the sample at hand */
        int64_t time_offset_ns;     /* the open batch's */
        List chunks;                    /* the oldest first; never empty */
        size_t n_bytes;                 /* in chunks; never more than n_max */
        size_t n_max;
        List cursors;
        Charge memory;                  /* empty: it is charged to no user */
        Charge place;                   /* one feed; set by the owner */
        Charge subtrees;                /* one, if the filter names subtrees; set by the owner */

        FilterBudget budget;            /* the budget of the filter */
        const uint64_t *step_ns;        /* the owner's: the time in which one step of a filter is paid for */
        uint64_t n_skipped;             /* events that the filter did not judge, since gap_since_ns; 0: no gap */
        uint64_t gap_since_ns;
        int64_t gap_offset_ns;          /* the time offset of the first of them */
        bool gap_began;                 /* it is still to be logged */

        size_t n_closed;                /* batches closed since its readers were woken */
        size_t n_open;                  /* the size of the open batch */
        uint64_t open_first_number;
        uint8_t open[FEED_BATCH_MAX + ENCODED_EVENT_MAX]; /* behind a full batch, the event that closes it */
};

struct Cursor {
        Feed *feed;
        List link;                      /* in the feed's list of cursors */
        uint32_t stream;                /* the number that its frames get; 0: they get none */
        FeedChunk *chunk;               /* NULL: it fell off the tail, or has no feed */
        size_t offset;                  /* the frame to send, or the frame that is partly sent */
        size_t n_sent;                  /* bytes of that frame, as the reader gets it; 0: it is between two frames */
        bool fell;
        uint64_t lost_from;             /* if it fell: the first number that it did not get */
        uint8_t *rest;                  /* the end of a frame, sent before the feed */
        size_t n_rest, i_rest;
        bool rest_is_frame;             /* the rest is a frame by itself, with the events from rest_number on */
        uint64_t rest_number;
        bool broken;                    /* there was no memory for the rest */
        Charge memory;                  /* the rest's; empty: it is charged to no user */
};

int feed_new(Feed **ret_feed, uint64_t id, const SubscriptionKey *key, size_t n_max);
int feed_charge(Feed *feed, QuotaUser *user);
Feed *feed_free(Feed *feed);
bool feed_has(const Feed *feed, uint64_t number);
void feed_age(Feed *feed, uint32_t age_max);
void feed_shrink(Feed *feed);

uint8_t *feed_tail(Feed *feed);
const uint8_t *feed_append(Feed *feed, const uint8_t *event, size_t n_event, int64_t time_offset_ns);
void feed_close_batch(Feed *feed);
void feed_end_sample(Feed *feed);
void feed_keep_rest(Cursor *cursor, size_t n);

static inline FeedChunk *feed_oldest(const Feed *feed) {
        /* A chunk that was freed has left the list: NOLINTNEXTLINE(clang-analyzer-unix.Malloc) */
        return container_of(feed->chunks.next, FeedChunk, link);
}

static inline FeedChunk *feed_newest(const Feed *feed) {
        return container_of(feed->chunks.prev, FeedChunk, link);
}
