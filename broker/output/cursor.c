/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A cursor walks along the frames of its feed, and gives each the number of its stream. Its
 * reader takes any number of bytes: the cursor finds out afterwards in which frame they ended.
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

/**
 * cursor_init() - make a cursor without a feed
 * @cursor:  output
 * @stream:  the number that its frames get; 0: they get none
 */
void cursor_init(Cursor *cursor, uint32_t stream) {
        *cursor = (Cursor){ .stream = stream };
        list_init(&cursor->link);
}

void cursor_deinit(Cursor *cursor) {
        if (cursor->chunk)
                --cursor->chunk->n_cursors;
        list_unlink(&cursor->link);
        free(cursor->rest);
        charge_return(&cursor->memory);
        cursor_init(cursor, cursor->stream);
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

/* Leaves a chunk of which all was sent, if there is a newer chunk: only then can the old chunk be freed. */
static void cursor_leave_end(Cursor *cursor) {
        while (cursor->offset == cursor->chunk->n && cursor->chunk != feed_newest(cursor->feed))
                cursor_enter(cursor, container_of(cursor->chunk->link.next, FeedChunk, link));
}

/* Copies the part of a frame that begins with a certain number, as a frame of its own, for the cursor. */
static void cursor_split(Cursor *cursor, const uint8_t *frame, size_t n_frame, uint64_t number) {
        uint8_t header[ENCODED_BATCH_HEADER_MAX];
        int64_t time_offset_ns;
        const uint8_t *event = batch_frame_events(frame, &time_offset_ns), *end = frame + n_frame;
        size_t n_header, n_events;
        StreamFrame split;

        for (uint64_t at = batch_frame_first_number(frame); at < number; ++at) {
                size_t n_prefix, n_event;
                int r;

                /* An event is a tag, a length, and bytes. */
                r = frame_parse(event + 1, (size_t)(end - event) - 1, FEED_BATCH_MAX, &n_prefix, &n_event);
                assert(r == 0);
                event += 1 + n_prefix + n_event;
        }
        n_events = (size_t)(end - event);
        n_header = encode_batch_header(number, time_offset_ns, n_events, header);
        split = stream_frame_around(header, n_header, n_events, cursor->stream);
        feed_keep_rest(cursor, stream_frame_size(&split));
        cursor->rest_is_frame = true;
        cursor->rest_number = number;
        if (cursor->broken)
                return;
        n_header = stream_frame_size(&split) - n_events;
        memcpy(cursor->rest, split.header, split.n_header);
        memcpy(cursor->rest + split.n_header, split.message, n_header - split.n_header);
        memcpy(cursor->rest + n_header, event, n_events);
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
        return cursor->n_sent == 0 && (!cursor->rest || (cursor->rest_is_frame && cursor->i_rest == 0));
}

/* Whether the cursor fell and has sent what it could, so that cursor_recover() is due. */
bool cursor_must_recover(const Cursor *cursor) {
        return cursor->fell && cursor->n_sent == 0 && !cursor->rest;
}

/* The frame that is sent next. The cursor is not at the end of its chunk. */
static StreamFrame cursor_frame(const Cursor *cursor) {
        return stream_frame(cursor->chunk->bytes + cursor->offset, cursor->chunk->n - cursor->offset, cursor->stream);
}

/**
 * cursor_n_frame_left() - how much of a frame that is partly sent is to be sent
 * @cursor:  the cursor
 *
 * Return: The number of bytes; 0: it is between two frames.
 */
size_t cursor_n_frame_left(const Cursor *cursor) {
        StreamFrame frame;

        if (cursor_is_at_boundary(cursor))
                return 0;
        if (cursor->rest)
                return cursor->n_rest - cursor->i_rest;
        frame = cursor_frame(cursor);
        return stream_frame_size(&frame) - cursor->n_sent;
}

/**
 * cursor_copy_frame_left() - copy the rest of a frame that is partly sent
 * @cursor:  the cursor, within a frame
 * @out:     output: cursor_n_frame_left() bytes
 */
void cursor_copy_frame_left(const Cursor *cursor, uint8_t *out) {
        StreamFrame frame;

        if (cursor->rest) {
                memcpy(out, cursor->rest + cursor->i_rest, cursor->n_rest - cursor->i_rest);
                return;
        }
        frame = cursor_frame(cursor);
        stream_frame_copy(&frame, cursor->n_sent, out);
}

/**
 * cursor_next_number() - the number of the first event of which no byte was sent
 * @cursor:  a cursor in a feed whose batch is closed
 */
uint64_t cursor_next_number(const Cursor *cursor) {
        const FeedChunk *chunk = cursor->chunk;
        size_t offset = cursor->offset;

        if (cursor->rest && cursor->rest_is_frame && cursor->i_rest == 0)
                return cursor->rest_number;
        if (cursor->fell)
                return cursor->lost_from;
        if (cursor->n_sent > 0)
                offset += batch_frame_size(chunk->bytes + offset, chunk->n - offset);
        if (offset < chunk->n)
                return batch_frame_first_number(chunk->bytes + offset);
        return chunk == feed_newest(cursor->feed) ? cursor->feed->next_number
                                                  : container_of(chunk->link.next, FeedChunk, link)->first_number;
}

/**
 * cursor_slices() - the bytes to send next
 * @cursor:  the cursor
 * @n_max:   bytes at most
 * @slices:  output
 *
 * A cursor that fell, and has sent the rest of its frame, has nothing to send until
 * cursor_recover().
 */
void cursor_slices(const Cursor *cursor, size_t n_max, StreamSlices *slices) {
        const FeedChunk *chunk = cursor->chunk;
        size_t offset = cursor->offset, n_skip = cursor->n_sent;

        stream_slices_clear(slices);
        if (cursor->rest) {
                stream_slices_add_bytes(slices, cursor->rest + cursor->i_rest, cursor->n_rest - cursor->i_rest);
                chunk = NULL;
        }
        while (chunk && slices->n_bytes < n_max) {
                if (offset < chunk->n) {
                        StreamFrame frame = stream_frame(chunk->bytes + offset, chunk->n - offset, cursor->stream);

                        if (!stream_slices_add(slices, &frame, n_skip))
                                break;
                        offset += frame.n_shared;
                        n_skip = 0;
                } else if (chunk != feed_newest(cursor->feed)) {
                        chunk = container_of(chunk->link.next, FeedChunk, link);
                        offset = 0;
                } else {
                        break;
                }
        }
        stream_slices_cut(slices, n_max);
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

        while (n > 0) {
                StreamFrame frame;
                size_t left;

                cursor_leave_end(cursor);
                frame = cursor_frame(cursor);
                left = stream_frame_size(&frame) - cursor->n_sent;
                if (n < left) {
                        cursor->n_sent += n;
                        return;
                }
                n -= left;
                cursor->n_sent = 0;
                cursor->offset += frame.n_shared;
        }
        cursor_leave_end(cursor);
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
