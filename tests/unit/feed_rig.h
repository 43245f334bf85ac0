/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A feed, filled with frames of any length, and what a cursor takes of it.
 *
 * Include it behind #undef NDEBUG.
 */

#include "broker/base/util.h"
#include "broker/output/cursor.h"
#include "tests/unit/pb.h"

static const SubscriptionKey feed_key = { .kinds = EVENT_BIT(EVENT_COMM), .threads = true };

static inline Feed *feed_make(size_t n_max) {
        Feed *feed;

        assert(feed_new(&feed, 7, &feed_key, n_max) == 0);
        return feed;
}

/* Appends bytes that are no event of the wire, because a feed never reads its events. They begin with the number. */
static inline void append(Feed *feed, size_t n) {
        static uint8_t event[ENCODED_EVENT_MAX];
        uint64_t number = feed->next_number;

        assert(n >= 8 && n <= sizeof(event));
        memset(event, (int)(number % 251), n);
        put_u64(event, 0, number);
        feed_append(feed, event, n, 5);
}

static inline void close_batch(Feed *feed) {
        feed_close_batch(feed);
        assert(feed->n_open == 0);
}

/*
 * Appends a frame of one event whose bytes, prefix and all, are as many as asked
 * for; or one or two less, where a longer prefix skips a length.
 */
static inline void append_frame(Feed *feed, size_t n_frame) {
        uint8_t header[ENCODED_BATCH_HEADER_MAX];
        size_t n = n_frame;

        while (n + encode_batch_header(feed->next_number, 5, n, header) > n_frame)
                --n;
        assert(n + encode_batch_header(feed->next_number, 5, n, header) >= n_frame - 2);
        if (n <= ENCODED_EVENT_MAX) {
                append(feed, n);
        } else {
                static uint8_t large[FEED_BATCH_MAX];

                memset(large, 'L', n);
                feed_append(feed, large, n, 5);
        }
        close_batch(feed);
}

/* Copies up to @n bytes of what is to be sent next; says how many there were. */
static inline size_t peek(const Cursor *cursor, uint8_t *data, size_t n) {
        static StreamSlices slices;
        size_t n_copied = 0;

        cursor_slices(cursor, n, &slices);
        for (size_t i = 0; i < slices.n; ++i) {
                assert(slices.slices[i].iov_len > 0);
                memcpy(data + n_copied, slices.slices[i].iov_base, slices.slices[i].iov_len);
                n_copied += slices.slices[i].iov_len;
        }
        assert(n_copied == slices.n_bytes && n_copied <= n);
        return n_copied;
}

/* Whether there is something to send. */
static inline bool has_slices(const Cursor *cursor) {
        static StreamSlices slices;

        cursor_slices(cursor, SIZE_MAX, &slices);
        return slices.n > 0;
}

/* Takes up to @n bytes; says how many there were. */
static inline size_t take(Cursor *cursor, uint8_t *data, size_t n) {
        size_t n_taken = 0, n_part;

        while (n_taken < n && (n_part = peek(cursor, data + n_taken, n - n_taken)) > 0) {
                cursor_advance(cursor, n_part);
                n_taken += n_part;
        }
        return n_taken;
}

static inline size_t take_all(Cursor *cursor, uint8_t *data, size_t n_max) {
        size_t n_all = 0, n;

        while ((n = take(cursor, data + n_all, n_max - n_all)) > 0)
                n_all += n;
        return n_all;
}

/* Checks a frame's header; returns its length. */
static inline size_t check_frame(const uint8_t *data, size_t n_data, uint64_t first_number) {
        size_t n_prefix, n_message, i;
        uint64_t number = 0;
        int shift = 0;

        assert(frame_parse(data, n_data, FRAME_MAX_FROM_BROKER, &n_prefix, &n_message) == 0);
        i = n_prefix;
        assert(data[i++] == (2 << 3 | 2));
        while (data[i++] & 0x80)
                ;
        assert(data[i++] == (1 << 3 | 0));
        do {
                number |= (uint64_t)(data[i] & 0x7f) << shift;
                shift += 7;
        } while (data[i++] & 0x80);
        assert(number == first_number);
        return n_prefix + n_message;
}

static inline size_t count_chunks(const Feed *feed, size_t *ret_bytes) {
        size_t n = 0, n_bytes = 0;

        for (const List *link = feed->chunks.next; link != &feed->chunks; link = link->next) {
                n_bytes += container_of(link, const FeedChunk, link)->n;
                ++n;
        }
        assert(n_bytes == feed->n_bytes);
        if (ret_bytes)
                *ret_bytes = n_bytes;
        return n;
}

static inline void fill_until_fallen(Feed *feed, const Cursor *cursor, size_t n_frame) {
        for (int i = 0; i < 100000 && !cursor->fell; ++i)
                append_frame(feed, n_frame);
        assert(cursor->fell);
}

static inline void check_recovered(Feed *feed, Cursor *cursor, uint64_t first_lost) {
        static uint8_t data[4 * FEED_CHUNK_BYTES];
        uint64_t first_number = 0, lost;
        size_t n, i = 0;

        lost = cursor_recover(cursor, &first_number);
        assert(first_number == first_lost);
        assert(!cursor->fell);
        assert(container_of(feed->chunks.next, FeedChunk, link)->first_number == first_lost + lost);

        /* the next event's number is the loss' plus its count, and from there on none is missing */
        n = take_all(cursor, data, sizeof(data));
        for (uint64_t number = first_lost + lost; number < feed->next_number; ++number)
                i += check_frame(data + i, n - i, number);
        assert(i == n);
        assert(cursor_is_idle(cursor));
}
