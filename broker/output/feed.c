/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The log is a list of chunks. The events that are appended in a turn of the loop are one
 * batch. It is closed as one frame when the turn ends, or when it is full. So frames grow
 * under load, and an event that comes alone is a frame of its own.
 *
 * A chunk stays until all cursors have left it and it is old, so that a reader can resume.
 * When the log is full, the oldest chunk is freed, even if cursors are in it. Such a cursor
 * has fallen off the tail. Its reader must not get half a frame, so the rest of the frame
 * that was begun is copied for the cursor. From the next frame on, the cursor has lost
 * everything before the log's oldest frame; cursor_recover() counts that.
 *
 * The log never needs memory to go on: without memory for another chunk, it is full.
 *
 * That copy, of one frame at most, and the walk along frames after a partial send are the
 * only work that is done for a single cursor.
 */

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "broker/base/memory.h"
#include "broker/base/util.h"
#include "broker/output/batch_frame.h"
#include "broker/output/feed.h"
#include "broker/output/stream_frame.h"

static void chunk_free(Feed *feed, FeedChunk *chunk) {
        feed->n_bytes -= chunk->n;
        list_unlink(&chunk->link);
        if (feed->memory.user)
                (void)charge_resize(&feed->memory, feed->memory.n - sizeof(*chunk));
        free(chunk);
}

/* The number that follows the last one in the log. */
static uint64_t feed_next_in_log(const Feed *feed) {
        return feed->n_open > 0 ? feed->open_first_number : feed->next_number;
}

static uint64_t feed_number_behind(const Feed *feed, const FeedChunk *chunk) {
        return chunk == feed_newest(feed) ? feed_next_in_log(feed)
                                          : container_of(chunk->link.next, FeedChunk, link)->first_number;
}

static void chunk_append(Feed *feed, FeedChunk *chunk) {
        chunk->first_number = feed_next_in_log(feed);
        chunk->n = 0;
        chunk->n_cursors = 0;
        chunk->age = 0;
        list_append(&feed->chunks, &chunk->link);
}

/* Returns NULL without memory, or when the user has no more. */
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
 * @ret_feed:  output
 * @id:        its name within the broker's epoch
 * @key:       the subscription that it serves
 * @n_max:     bytes that it may keep; at least two chunks
 *
 * Return: 0; FEED_E_MEMORY.
 */
int feed_new(Feed **ret_feed, uint64_t id, const SubscriptionKey *key, size_t n_max) {
        Feed *feed = memory_alloc_optional(NULL, sizeof(*feed));
        FeedChunk *chunk = memory_alloc_optional(NULL, sizeof(*chunk));

        if (!feed || !chunk)
                goto out_of_memory;
        *feed = (Feed){ .key = *key };
        if (filter_matcher_init(&feed->matcher, &feed->key.filter))
                goto out_of_memory;
        list_init(&feed->link);
        list_init(&feed->all_link);
        list_init(&feed->chunks);
        list_init(&feed->cursors);
        feed->id = id;
        list_init(&feed->snapshots);
        feed->next_number = 1;
        feed->n_max = MAX(n_max, (size_t)2 * FEED_CHUNK_BYTES);
        chunk_append(feed, chunk);
        *ret_feed = feed;
        return 0;

out_of_memory:
        free(feed);
        free(chunk);
        return FEED_E_MEMORY;
}

/**
 * feed_charge() - charge a feed to a user
 * @feed:  a feed without a charge
 * @user:  the user; where it may have no more memory, the feed keeps less
 *
 * Return: 0; FEED_E_QUOTA, FEED_E_MEMORY: the user, or all users together, may not have even the memory that a
 *         feed has at least.
 */
int feed_charge(Feed *feed, QuotaUser *user) {
        size_t n = sizeof(*feed) + filter_matcher_size(&feed->matcher);
        int r;

        for (List *link = feed->chunks.next; link != &feed->chunks; link = link->next)
                n += sizeof(FeedChunk);
        r = charge_take(&feed->memory, user, QUOTA_BYTES, n);
        return r == QUOTA_E_USER ? FEED_E_QUOTA : r ? FEED_E_MEMORY : 0;
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
        charge_return(&feed->subtrees);
        list_unlink(&feed->link);
        list_unlink(&feed->all_link);
        filter_matcher_deinit(&feed->matcher);
        free(feed);
        return NULL;
}

/**
 * feed_has() - whether a cursor could begin at a number
 * @feed:    the feed
 * @number:  not beyond the next
 *
 * Return: Whether all events from that number on are in the log.
 */
bool feed_has(const Feed *feed, uint64_t number) {
        return number >= feed_oldest(feed)->first_number;
}

/**
 * feed_age() - count a second, and free chunks that are old
 * @feed:     the feed
 * @age_max:  calls of this function that a chunk stays after it was full
 */
void feed_age(Feed *feed, uint32_t age_max) {
        feed->age = list_is_empty(&feed->cursors) ? feed->age + 1 : 0;
        for (List *link = feed->chunks.next; link != feed->chunks.prev; link = link->next)
                ++container_of(link, FeedChunk, link)->age;
        while (feed_oldest(feed) != feed_newest(feed) && feed_oldest(feed)->age > age_max &&
               feed_oldest(feed)->n_cursors == 0)
                chunk_free(feed, feed_oldest(feed));
}

/**
 * feed_keep_rest() - make room for bytes that a cursor sends by itself
 * @cursor:  the cursor
 * @n:       the number of bytes
 *
 * Without memory the cursor is broken: its reader can only be closed.
 */
void feed_keep_rest(Cursor *cursor, size_t n) {
        if (!cursor->memory.user || charge_resize(&cursor->memory, n) == 0)
                cursor->rest = memory_alloc_optional(NULL, n);
        cursor->broken = !cursor->rest;
        cursor->n_rest = n;
        cursor->i_rest = 0;
}

/* Takes a cursor out of a chunk that is to be freed. */
static void feed_drop_cursor(Cursor *cursor) {
        const FeedChunk *chunk = cursor->chunk;
        size_t next = cursor->offset;

        if (cursor->n_sent > 0) {
                StreamFrame frame = stream_frame(chunk->bytes + next, chunk->n - next, cursor->stream);

                feed_keep_rest(cursor, stream_frame_size(&frame) - cursor->n_sent);
                if (cursor->rest)
                        stream_frame_copy(&frame, cursor->n_sent, cursor->rest);
                cursor->rest_is_frame = false;
                cursor->n_sent = 0;
                next += frame.n_shared;
        }
        cursor->fell = true;
        cursor->lost_from = next < chunk->n ? batch_frame_first_number(chunk->bytes + next)
                                            : feed_number_behind(cursor->feed, chunk);
        cursor->chunk = NULL;
}

/* The oldest chunk is needed: the cursors in it fall off the tail. */
static FeedChunk *feed_clear_oldest(Feed *feed) {
        FeedChunk *oldest = feed_oldest(feed);

        if (oldest->n_cursors > 0) {
                list_for_each(link, safe, &feed->cursors) {
                        Cursor *cursor = container_of(link, Cursor, link);

                        if (cursor->chunk == oldest)
                                feed_drop_cursor(cursor);
                }
        }
        return oldest;
}

/**
 * feed_shrink() - free all chunks but the newest, because memory is scarce
 * @feed:  the feed; its readers lose what they have not read of the others
 */
void feed_shrink(Feed *feed) {
        while (feed_oldest(feed) != feed_newest(feed))
                chunk_free(feed, feed_clear_oldest(feed));
}

/* Makes room at the end of the log for a frame of @n bytes. Without other memory, the oldest chunk gives its own. */
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
 * feed_tail() - the room for the next event
 * @feed:  the feed
 *
 * Return: Room for any event. An event that is encoded there is not copied by
 *         feed_append().
 */
uint8_t *feed_tail(Feed *feed) {
        return feed->open + feed->n_open;
}

/**
 * feed_append() - append an event, or a member of a sample, to the open batch
 * @feed:                the feed
 * @event:               encoded by encode_event(), encode_task_sample() or encode_sample_end()
 * @n_event:             its length
 * @time_offset_ns:  the offset that its times were made with
 *
 * Return: Its place, which is valid while the batch is open.
 */
const uint8_t *feed_append(Feed *feed, const uint8_t *event, size_t n_event, int64_t time_offset_ns) {
        uint8_t *place;

        if (feed->n_open > 0 && (feed->n_open + n_event > FEED_BATCH_MAX - ENCODED_BATCH_HEADER_MAX ||
                                 feed->time_offset_ns != time_offset_ns))
                feed_close_batch(feed);
        if (feed->n_open == 0) {
                feed->open_first_number = feed->next_number;
                feed->time_offset_ns = time_offset_ns;
        }
        place = feed_tail(feed);
        /* It may be in its place already, or behind the batch that was closed before it. */
        if (place != event)
                memmove(place, event, n_event);
        feed->n_open += n_event;
        if (!feed->of_samples)
                ++feed->next_number;
        return place;
}

/**
 * feed_close_batch() - append the open batch to the log, as a frame
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
                    : encode_batch_header(feed->open_first_number, feed->time_offset_ns, feed->n_open, header);
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
 * feed_end_sample() - complete the sample, and begin the next one
 * @feed:  a feed of samples
 */
void feed_end_sample(Feed *feed) {
        feed_close_batch(feed);
        ++feed->next_number;
}
