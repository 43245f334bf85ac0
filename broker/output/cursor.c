/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A cursor walks along the frames of its feed. It sends slices of any length, and finds
 * out afterwards in which frame they ended, so that most sends need no look at frames.
 *
 * The rest is what the cursor sends by itself before it goes on in the feed: what was left
 * of a frame when its chunk was freed, or the end of a frame that it resumed within.
 */

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "broker/base/util.h"
#include "broker/output/batch_frame.h"
#include "broker/output/cursor.h"

void cursor_init(Cursor *cursor) {
        *cursor = (Cursor){};
        list_init(&cursor->link);
}

void cursor_deinit(Cursor *cursor) {
        if (cursor->chunk)
                --cursor->chunk->n_cursors;
        list_unlink(&cursor->link);
        free(cursor->rest);
        charge_return(&cursor->memory);
        cursor_init(cursor);
}

/**
 * cursor_attach() - begin to read a feed at its next event
 * @cursor:  a cursor without a feed
 * @feed:    the feed; its batch is closed, so that numbers and bytes agree
 */
void cursor_attach(Cursor *cursor, Feed *feed) {
        assert(!cursor->feed && feed->n_open == 0);
        cursor->feed = feed;
        cursor->chunk = feed_newest(feed);
        cursor->offset = cursor->chunk->n;
        ++cursor->chunk->n_cursors;
        list_append(&feed->cursors, &cursor->link);
        feed->age = 0;
}

static void cursor_enter(Cursor *cursor, FeedChunk *chunk) {
        if (cursor->chunk)
                --cursor->chunk->n_cursors;
        cursor->chunk = chunk;
        cursor->offset = 0;
        ++chunk->n_cursors;
}

/* Copies the part of a frame that begins with a certain number, as a frame of its own, for the cursor. */
static void cursor_split(Cursor *cursor, const uint8_t *frame, size_t n_frame, uint64_t number) {
        uint8_t header[ENCODED_BATCH_HEADER_MAX];
        int64_t time_offset_ns;
        const uint8_t *event = batch_frame_events(frame, &time_offset_ns), *end = frame + n_frame;
        size_t n_header;

        for (uint64_t at = batch_frame_first_number(frame); at < number; ++at) {
                size_t n_prefix, n_event;
                int r;

                /* An event is a tag, a length, and bytes. */
                r = frame_parse(event + 1, (size_t)(end - event) - 1, FEED_BATCH_MAX, &n_prefix, &n_event);
                assert(r == 0);
                event += 1 + n_prefix + n_event;
        }
        n_header = encode_batch_header(number, time_offset_ns, (size_t)(end - event), header);
        feed_keep_rest(cursor, n_header + (size_t)(end - event));
        cursor->rest_is_frame = true;
        if (cursor->broken)
                return;
        memcpy(cursor->rest, header, n_header);
        memcpy(cursor->rest + n_header, event, (size_t)(end - event));
}

/**
 * cursor_attach_at() - begin to read a feed at a certain event
 * @cursor:  a cursor without a feed
 * @feed:    the feed, its batch closed
 * @number:  the number of the event, not beyond the feed's next
 *
 * If the feed does not have the event any more, the cursor has fallen.
 */
void cursor_attach_at(Cursor *cursor, Feed *feed, uint64_t number) {
        FeedChunk *chunk = feed_newest(feed);
        size_t offset = 0, n = 0;

        assert(number <= feed->next_number);
        if (!feed_has(feed, number)) {
                cursor->feed = feed;
                cursor->fell = true;
                cursor->lost_from = number;
                list_append(&feed->cursors, &cursor->link);
                feed->age = 0;
                return;
        }
        cursor_attach(cursor, feed);
        if (number == feed->next_number)
                return;

        while (chunk->first_number > number)
                chunk = container_of(chunk->link.prev, FeedChunk, link);
        /* Find the last frame that does not begin beyond the number. */
        for (size_t next = 0; next < chunk->n && batch_frame_first_number(chunk->bytes + next) <= number; next += n) {
                offset = next;
                n = batch_frame_size(chunk->bytes + next, chunk->n - next);
        }
        cursor_enter(cursor, chunk);
        cursor->offset = offset;
        if (batch_frame_first_number(chunk->bytes + offset) == number)
                return;
        cursor->offset += n;
        cursor_split(cursor, chunk->bytes + offset, n, number);
}

/* Whether all frames of the feed were sent. */
bool cursor_is_idle(const Cursor *cursor) {
        return !cursor->feed || (!cursor->fell && !cursor->rest && cursor->chunk == feed_newest(cursor->feed) &&
                                 cursor->offset == cursor->chunk->n);
}

/* Whether a frame of another part may be sent now. */
bool cursor_is_at_boundary(const Cursor *cursor) {
        return cursor->n_frame_left == 0 && (!cursor->rest || (cursor->rest_is_frame && cursor->i_rest == 0));
}

/* Whether the cursor fell and has sent what it could, so that cursor_recover() is due. */
bool cursor_must_recover(const Cursor *cursor) {
        return cursor->fell && cursor->n_frame_left == 0 && !cursor->rest;
}

/**
 * cursor_slices() - the bytes to send next
 * @cursor:  the cursor
 * @n_max:   bytes at most
 * @slices:  output
 *
 * A cursor that fell, and has sent the rest of its frame, has nothing to send until
 * cursor_recover().
 *
 * Return: The number of slices.
 */
size_t cursor_slices(Cursor *cursor, size_t n_max, struct iovec slices[static FEED_SLICES]) {
        FeedChunk *chunk = cursor->chunk;
        size_t offset = cursor->offset, n = 0;

        if (cursor->rest) {
                slices[0] = (struct iovec){ cursor->rest + cursor->i_rest, cursor->n_rest - cursor->i_rest };
                return 1;
        }

        while (chunk && n < FEED_SLICES && n_max > 0) {
                size_t n_slice = MIN(chunk->n - offset, n_max);

                if (n_slice > 0)
                        slices[n++] = (struct iovec){ chunk->bytes + offset, n_slice };
                n_max -= n_slice;
                offset = 0;
                chunk = chunk == feed_newest(cursor->feed) ? NULL : container_of(chunk->link.next, FeedChunk, link);
        }
        return n;
}

static void cursor_free_rest(Cursor *cursor) {
        free(cursor->rest);
        cursor->rest = NULL;
        if (cursor->memory.user)
                (void)charge_resize(&cursor->memory, 0);
}

/**
 * cursor_advance() - note how much was sent
 * @cursor:  the cursor
 * @n:       bytes, of the slices that were handed out last
 */
void cursor_advance(Cursor *cursor, size_t n) {
        if (cursor->rest) {
                cursor->i_rest += n;
                if (cursor->i_rest == cursor->n_rest)
                        cursor_free_rest(cursor);
                return;
        }

        for (;;) {
                FeedChunk *chunk = cursor->chunk;
                size_t left = chunk->n - cursor->offset;

                if (n < left)
                        break;
                n -= left;
                cursor->offset = chunk->n;
                cursor->n_frame_left = 0;
                if (chunk == feed_newest(cursor->feed)) {
                        assert(n == 0);
                        return;
                }
                cursor_enter(cursor, container_of(chunk->link.next, FeedChunk, link));
        }

        /* The bytes end within this chunk: find the frame that they end in. */
        while (n > 0) {
                size_t left = cursor->n_frame_left;

                if (left == 0)
                        left = batch_frame_size(cursor->chunk->bytes + cursor->offset,
                                                cursor->chunk->n - cursor->offset);
                cursor->n_frame_left = left - MIN(left, n);
                cursor->offset += MIN(left, n);
                n -= MIN(left, n);
        }
}

/**
 * cursor_recover() - go on after a fall, at the oldest event of the feed
 * @cursor:            a cursor that fell, at a boundary
 * @ret_first_number:  output: the first number that was lost
 *
 * Return: The number of events that were lost.
 */
uint64_t cursor_recover(Cursor *cursor, uint64_t *ret_first_number) {
        FeedChunk *oldest = feed_oldest(cursor->feed);

        assert(cursor_must_recover(cursor));
        cursor_enter(cursor, oldest);
        cursor->fell = false;
        *ret_first_number = cursor->lost_from;
        return oldest->first_number - cursor->lost_from;
}

/**
 * cursor_give_up() - leave a feed of samples after a fall
 * @cursor:       a cursor that fell, at a boundary; it has no feed afterwards
 * @next_number:  the number of the first sample that it can get
 *
 * The rest of a sample is useless: the reader begins again with a full sample.
 *
 * Return: The number of samples that it does not get; 1, if it lost only a part of one sample.
 */
uint64_t cursor_give_up(Cursor *cursor, uint64_t next_number) {
        uint64_t lost;

        assert(cursor_must_recover(cursor) && cursor->feed->of_samples);
        lost = next_number - MIN(cursor->lost_from, next_number);
        cursor_deinit(cursor);
        return MAX(lost, (uint64_t)1);
}
