/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The log is a list of chunks. What is appended during a turn of the loop is one
 * batch, closed as one frame at the turn's end (or when it is full), so that
 * under load frames grow by themselves, and idle each event is a frame.
 *
 * A chunk lives until all cursors have left it and it is old, for those who come
 * back; or until the log is full: then the oldest goes, whoever is still in it. Such
 * a cursor has fallen off the tail: the feed cannot take back half a frame, so what
 * the cursor has still to send of the frame that it is in is copied for it, and from
 * the next frame on it has lost everything up to the log's oldest, which
 * cursor_recover() counts. The log needs no memory to go on: where there is none for
 * another chunk, it is full.
 *
 * That copy (at most a frame) and the walk along frames after a partial send are
 * all the work that is ever done for a single cursor.
 */

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "broker/base/memory.h"
#include "broker/base/util.h"
#include "broker/output/feed.h"

static FeedChunk *feed_oldest(const Feed *feed) {
        /* a chunk that was freed has left the list: NOLINTNEXTLINE(clang-analyzer-unix.Malloc) */
        return container_of(feed->chunks.next, FeedChunk, link);
}

static FeedChunk *feed_newest(const Feed *feed) {
        return container_of(feed->chunks.prev, FeedChunk, link);
}

static void chunk_free(Feed *feed, FeedChunk *chunk) {
        feed->n_bytes -= chunk->n;
        list_unlink(&chunk->link);
        if (feed->memory.user)
                (void)charge_resize(&feed->memory, feed->memory.n - sizeof(*chunk));
        free(chunk);
}

/* The number that follows all that is in the log. */
static uint64_t feed_next_in_log(const Feed *feed) {
        return feed->n_open > 0 ? feed->open_first_number : feed->next_number;
}

static uint64_t feed_number_behind(const Feed *feed, const FeedChunk *chunk) {
        return chunk == feed_newest(feed) ? feed_next_in_log(feed) : container_of(chunk->link.next, FeedChunk, link)->first_number;
}

static void chunk_append(Feed *feed, FeedChunk *chunk) {
        chunk->first_number = feed_next_in_log(feed);
        chunk->n = 0;
        chunk->n_cursors = 0;
        chunk->age = 0;
        list_append(&feed->chunks, &chunk->link);
}

/* NULL: no memory, or none for this user. */
static FeedChunk *chunk_new(Feed *feed) {
        FeedChunk *chunk;

        if (feed->memory.user && charge_resize(&feed->memory, feed->memory.n + sizeof(*chunk)))
                return NULL;
        chunk = memory_alloc_optional(NULL, sizeof(*chunk));
        if (!chunk && feed->memory.user)
                (void)charge_resize(&feed->memory, feed->memory.n - sizeof(*chunk));
        return chunk;
}

/**
 * feed_new() - make a feed
 * @ret_feed:      output
 * @id:            names it within the broker's epoch
 * @key:         what it is of
 * @n_max:         bytes that it may keep; at least two chunks
 *
 * Return: 0; FEED_E_MEMORY.
 */
int feed_new(Feed **ret_feed, uint64_t id, const SubscriptionKey *key, size_t n_max) {
        Feed *feed = memory_alloc_optional(NULL, sizeof(*feed));
        FeedChunk *chunk = memory_alloc_optional(NULL, sizeof(*chunk));

        if (!feed || !chunk) {
                free(feed);
                free(chunk);
                return FEED_E_MEMORY;
        }
        *feed = (Feed){};
        list_init(&feed->link);
        list_init(&feed->all_link);
        list_init(&feed->chunks);
        list_init(&feed->cursors);
        feed->id = id;
        feed->key = *key;
        feed->matches_all = filter_matches_all(&key->filter);
        list_init(&feed->snapshots);
        feed->next_number = 1;
        feed->n_max = MAX(n_max, (size_t)2 * FEED_CHUNK_BYTES);
        chunk_append(feed, chunk);
        *ret_feed = feed;
        return 0;
}

/**
 * feed_charge() - note at whose cost it is
 * @feed:  a feed that is at nobody's
 * @user:  who pays for what it keeps from now on; it keeps less, where the user may have no more
 *
 * Return: 0; FEED_E_QUOTA: not even what a feed has at least.
 */
int feed_charge(Feed *feed, QuotaUser *user) {
        size_t n = sizeof(*feed);

        for (List *link = feed->chunks.next; link != &feed->chunks; link = link->next)
                n += sizeof(FeedChunk);
        return charge_take(&feed->memory, user, QUOTA_BYTES, n) ? FEED_E_QUOTA : 0;
}

/**
 * feed_free() - free a feed
 * @feed:  a feed without cursors, or NULL
 *
 * Return: NULL.
 */
Feed *feed_free(Feed *feed) {
        if (!feed)
                return NULL;
        assert(list_is_empty(&feed->cursors));
        list_for_each(link, safe, &feed->chunks)
                chunk_free(feed, container_of(link, FeedChunk, link));
        charge_return(&feed->memory);
        charge_return(&feed->place);
        list_unlink(&feed->link);
        list_unlink(&feed->all_link);
        free(feed);
        return NULL;
}

/**
 * feed_has() - whether a cursor could go on at a number
 * @feed:    the feed
 * @number:  not beyond the next
 *
 * Return: Whether nothing from there on is gone.
 */
bool feed_has(const Feed *feed, uint64_t number) {
        return number >= feed_oldest(feed)->first_number;
}

/**
 * feed_age() - let go of what was kept long enough
 * @feed:     the feed
 * @age_max:  calls of this that a chunk stays after it was full
 */
void feed_age(Feed *feed, uint32_t age_max) {
        feed->age = list_is_empty(&feed->cursors) ? feed->age + 1 : 0;
        for (List *link = feed->chunks.next; link != feed->chunks.prev; link = link->next)
                ++container_of(link, FeedChunk, link)->age;
        while (feed_oldest(feed) != feed_newest(feed) && feed_oldest(feed)->age > age_max && feed_oldest(feed)->n_cursors == 0)
                chunk_free(feed, feed_oldest(feed));
}

/* Reads what encode_batch_header() or encode_sample_header() wrote: prefix; tag, length of the batch; tag, number. */
static uint64_t frame_first_number(const uint8_t *frame) {
        uint64_t number = 0;
        int shift = 0;

        while (*frame++ & 0x80)
                ;
        ++frame;
        while (*frame++ & 0x80)
                ;
        ++frame;
        do {
                number |= (uint64_t)(*frame & 0x7f) << shift;
                shift += 7;
        } while (*frame++ & 0x80);
        return number;
}

static size_t frame_size(const uint8_t *frame, size_t n_max) {
        size_t n_prefix, n_message;
        int r;

        r = frame_parse(frame, n_max, FRAME_MAX_FROM_BROKER, &n_prefix, &n_message);
        assert(r == 0);
        return n_prefix + n_message;
}

/* Makes room for what a cursor must send by itself. Without it the cursor is broken: it can be nothing but closed. */
static void cursor_take_rest(Cursor *cursor, size_t n) {
        if (!cursor->memory.user || charge_resize(&cursor->memory, n) == 0)
                cursor->rest = memory_alloc_optional(NULL, n);
        cursor->broken = !cursor->rest;
        cursor->n_rest = n;
        cursor->i_rest = 0;
}

static void cursor_free_rest(Cursor *cursor) {
        free(cursor->rest);
        cursor->rest = NULL;
        if (cursor->memory.user)
                (void)charge_resize(&cursor->memory, 0);
}

static void cursor_fall(Cursor *cursor) {
        const FeedChunk *chunk = cursor->chunk;
        size_t next = cursor->offset + cursor->n_frame_left;

        if (cursor->n_frame_left > 0) {
                cursor_take_rest(cursor, cursor->n_frame_left);
                if (cursor->rest)
                        memcpy(cursor->rest, chunk->bytes + cursor->offset, cursor->n_frame_left);
                cursor->rest_is_frame = false;
                cursor->n_frame_left = 0;
        }
        cursor->fell = true;
        cursor->lost_from = next < chunk->n ? frame_first_number(chunk->bytes + next) : feed_number_behind(cursor->feed, chunk);
        cursor->chunk = NULL;
}

/* The oldest chunk is needed: whoever is in it falls. */
static FeedChunk *feed_clear_oldest(Feed *feed) {
        FeedChunk *oldest = feed_oldest(feed);

        if (oldest->n_cursors > 0) {
                list_for_each(link, safe, &feed->cursors) {
                        Cursor *cursor = container_of(link, Cursor, link);

                        if (cursor->chunk == oldest)
                                cursor_fall(cursor);
                }
        }
        return oldest;
}

/**
 * feed_shrink() - keep no more than what is not full yet
 * @feed:  the feed
 *
 * For when memory is scarce: readers that are behind lose it.
 */
void feed_shrink(Feed *feed) {
        while (feed_oldest(feed) != feed_newest(feed))
                chunk_free(feed, feed_clear_oldest(feed));
}

/* Makes room at the end of the log for a frame of @n bytes: where there is no other, that of the oldest chunk. */
static void feed_reserve(Feed *feed, size_t n) {
        if (feed_newest(feed)->n + n > FEED_CHUNK_BYTES) {
                FeedChunk *chunk = chunk_new(feed);

                if (!chunk) {
                        chunk = feed_clear_oldest(feed);
                        feed->n_bytes -= chunk->n;
                        list_unlink(&chunk->link);
                }
                chunk_append(feed, chunk);
        }
        while (feed_oldest(feed) != feed_newest(feed) && feed->n_bytes + n > feed->n_max)
                chunk_free(feed, feed_clear_oldest(feed));
}

/**
 * feed_tail() - where the next event goes
 * @feed:  the feed
 *
 * Return: Room for any event: what is encoded there need not be copied. It is in the
 *         feed once it was appended.
 */
uint8_t *feed_tail(Feed *feed) {
        return feed->open + feed->n_open;
}

/**
 * feed_append() - append an event, or a member of a sample, to the open batch
 * @feed:                the feed
 * @event:               encoded by encode_event(); of a feed of samples: by encode_task_sample() or encode_sample_end()
 * @n_event:             its length
 * @realtime_offset_ns:  with which its times were made
 *
 * Return: Where it is, for as long as the batch is open.
 */
const uint8_t *feed_append(Feed *feed, const uint8_t *event, size_t n_event, int64_t realtime_offset_ns) {
        uint8_t *place;

        if (feed->n_open > 0 && (feed->n_open + n_event > FEED_BATCH_MAX - ENCODED_BATCH_HEADER_MAX ||
                                 feed->realtime_offset_ns != realtime_offset_ns))
                feed_close_batch(feed);
        if (feed->n_open == 0) {
                feed->open_first_number = feed->next_number;
                feed->realtime_offset_ns = realtime_offset_ns;
        }
        place = feed_tail(feed);
        /* It may be there already, or behind the batch that was closed before it. */
        if (place != event)
                memmove(place, event, n_event);
        feed->n_open += n_event;
        if (!feed->of_samples)
                ++feed->next_number;
        return place;
}

/**
 * feed_close_batch() - make a frame of the open batch
 * @feed:  the feed
 */
void feed_close_batch(Feed *feed) {
        uint8_t header[ENCODED_BATCH_HEADER_MAX];
        FeedChunk *chunk;
        size_t n;

        if (feed->n_open == 0)
                return;

        n = feed->of_samples
                    ? encode_sample_header(feed->open_first_number, feed->n_open, header)
                    : encode_batch_header(feed->open_first_number, feed->realtime_offset_ns, feed->n_open, header);
        feed_reserve(feed, n + feed->n_open);
        chunk = feed_newest(feed);
        memcpy(chunk->bytes + chunk->n, header, n);
        memcpy(chunk->bytes + chunk->n + n, feed->open, feed->n_open);
        chunk->n += n + feed->n_open;
        feed->n_bytes += n + feed->n_open;
        feed->n_open = 0;
        ++feed->n_closed;
}

/**
 * feed_end_sample() - the sample at hand is complete
 * @feed:  a feed of samples
 */
void feed_end_sample(Feed *feed) {
        feed_close_batch(feed);
        ++feed->next_number;
}

/*
 * Cursors.
 */

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
 * cursor_attach() - begin to read a feed
 * @cursor:  a cursor without a feed
 * @feed:    the feed; its open batch is closed, so that numbers and bytes agree
 *
 * The first event that it gets is the feed's next.
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

/* Where the events of a batch's frame begin. */
static const uint8_t *frame_events(const uint8_t *frame, int64_t *ret_realtime_offset_ns) {
        uint64_t offset = 0;

        /* prefix; tag, length of the batch; tag, number; tag, offset */
        for (int part = 0; part < 3; ++part) {
                frame += part > 0;
                while (*frame++ & 0x80)
                        ;
        }
        ++frame;
        for (int i = 0; i < 8; ++i)
                offset |= (uint64_t)*frame++ << (8 * i);
        *ret_realtime_offset_ns = (int64_t)offset;
        return frame;
}

/* Gives a cursor the part of a frame that begins with a certain number, as a frame of its own. */
static void cursor_split(Cursor *cursor, const uint8_t *frame, size_t n_frame, uint64_t number) {
        uint8_t header[ENCODED_BATCH_HEADER_MAX];
        int64_t realtime_offset_ns;
        const uint8_t *event = frame_events(frame, &realtime_offset_ns), *end = frame + n_frame;
        size_t n_header;

        for (uint64_t at = frame_first_number(frame); at < number; ++at) {
                size_t n_prefix, n_event;
                int r;

                /* tag, length, event */
                r = frame_parse(event + 1, (size_t)(end - event) - 1, FEED_BATCH_MAX, &n_prefix, &n_event);
                assert(r == 0);
                event += 1 + n_prefix + n_event;
        }
        n_header = encode_batch_header(number, realtime_offset_ns, (size_t)(end - event), header);
        cursor_take_rest(cursor, n_header + (size_t)(end - event));
        cursor->rest_is_frame = true;
        if (cursor->broken)
                return;
        memcpy(cursor->rest, header, n_header);
        memcpy(cursor->rest + n_header, event, (size_t)(end - event));
}

/**
 * cursor_attach_at() - go on reading a feed
 * @cursor:  a cursor without a feed
 * @feed:    the feed, its batch closed
 * @number:  the next number to get, not beyond the feed's next
 *
 * If what has the number is gone, the cursor has fallen.
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
        /* The last frame that does not begin beyond the number. */
        for (size_t next = 0; next < chunk->n && frame_first_number(chunk->bytes + next) <= number; next += n) {
                offset = next;
                n = frame_size(chunk->bytes + next, chunk->n - next);
        }
        cursor_enter(cursor, chunk);
        cursor->offset = offset;
        if (frame_first_number(chunk->bytes + offset) == number)
                return;
        cursor->offset += n;
        cursor_split(cursor, chunk->bytes + offset, n, number);
}

/* Whether everything that the feed has was sent. */
bool cursor_is_idle(const Cursor *cursor) {
        return !cursor->feed || (!cursor->fell && !cursor->rest && cursor->chunk == feed_newest(cursor->feed) &&
                                 cursor->offset == cursor->chunk->n);
}

/* Whether another frame may be sent between. */
bool cursor_is_at_boundary(const Cursor *cursor) {
        return cursor->n_frame_left == 0 && (!cursor->rest || (cursor->rest_is_frame && cursor->i_rest == 0));
}

/* Whether it has sent what it could, and cursor_recover() is due. */
bool cursor_must_recover(const Cursor *cursor) {
        return cursor->fell && cursor->n_frame_left == 0 && !cursor->rest;
}

/**
 * cursor_slices() - what to send next
 * @cursor:  the cursor
 * @n_max:   bytes at most
 * @slices:  output
 *
 * If a cursor that fell has sent the rest of its frame, there is nothing, until
 * cursor_recover().
 *
 * Return: How many slices.
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

/**
 * cursor_advance() - note what was sent
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

        /* It ends within this chunk: find the frame that it ends in. */
        while (n > 0) {
                size_t left = cursor->n_frame_left;

                if (left == 0)
                        left = frame_size(cursor->chunk->bytes + cursor->offset, cursor->chunk->n - cursor->offset);
                cursor->n_frame_left = left - MIN(left, n);
                cursor->offset += MIN(left, n);
                n -= MIN(left, n);
        }
}

/**
 * cursor_recover() - go on after a fall
 * @cursor:            a cursor that fell, at a boundary
 * @ret_first_number:  the first number that was lost
 *
 * The cursor is then at the oldest that the feed has.
 *
 * Return: How many events were lost.
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
 * @cursor:       a cursor that fell, at a boundary; without a feed afterwards
 * @next_number:  of the first sample that it can have
 *
 * What is left of samples is of no use: it comes back for one that is whole.
 *
 * Return: How many samples it does not get; one, if it is only a part.
 */
uint64_t cursor_give_up(Cursor *cursor, uint64_t next_number) {
        uint64_t lost;

        assert(cursor_must_recover(cursor) && cursor->feed->of_samples);
        lost = next_number - MIN(cursor->lost_from, next_number);
        cursor_deinit(cursor);
        return MAX(lost, (uint64_t)1);
}
