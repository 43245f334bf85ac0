/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/* Feeds and cursors: bytes that are sent in any pieces, and readers that fall behind. */

#include "tests/unit/feed_rig.h"

static void test_new(void) {
        static SubscriptionKey filtered = { .kinds = EVENT_BIT(EVENT_COMM), .filter = { .nonzero = true } };
        Feed *feed = feed_make(0);

        assert(feed->id == 7 && feed->next_number == 1 && feed->n_bytes == 0);
        assert(feed->n_max >= 2 * FEED_CHUNK_BYTES);
        assert(subscription_key_equals(&feed->key, &feed_key) && feed->matcher.matches_all);
        assert(feed->matcher.binding.mark == 0 && list_is_empty(&feed->snapshots));
        assert(!feed_free(feed));
        assert(!feed_free(NULL));

        assert(feed_new(&feed, 8, &filtered, 0) == 0);
        assert(subscription_key_equals(&feed->key, &filtered) && !feed->matcher.matches_all);
        feed_free(feed);
}

static void test_batches(void) {
        static uint8_t data[FEED_CHUNK_BYTES];
        Feed *feed = feed_make(0);
        Cursor cursor;
        size_t n, i;

        cursor_init(&cursor, 0);
        assert(cursor_is_idle(&cursor) && cursor_is_at_boundary(&cursor));
        cursor_attach(&cursor, feed);
        assert(cursor_is_idle(&cursor));

        /* no batch, no frame */
        close_batch(feed);
        assert(feed->n_bytes == 0 && feed->n_closed == 0);

        for (int k = 0; k < 3; ++k)
                append(feed, 100);
        assert(cursor_is_idle(&cursor));
        close_batch(feed);
        assert(feed->n_closed == 1);
        assert(!cursor_is_idle(&cursor));
        append(feed, 50);
        close_batch(feed);
        assert(feed->next_number == 5);

        n = take_all(&cursor, data, sizeof(data));
        assert(n == feed->n_bytes);
        i = check_frame(data, n, 1);
        assert(i > 300);
        assert(check_frame(data + i, n - i, 4) == n - i);
        assert(cursor_is_idle(&cursor) && cursor_is_at_boundary(&cursor));

        /* one that comes later begins with what is next */
        append(feed, 20);
        close_batch(feed);
        {
                Cursor late;

                cursor_init(&late, 0);
                cursor_attach(&late, feed);
                assert(cursor_is_idle(&late));
                append(feed, 20);
                close_batch(feed);
                n = take_all(&late, data, sizeof(data));
                assert(check_frame(data, n, 6) == n);
                cursor_deinit(&late);
        }
        cursor_deinit(&cursor);
        feed_free(feed);
}

/* A change of the clock begins a new batch, and so does a full one. */
static void test_batches_that_close_themselves(void) {
        static uint8_t data[2 * FEED_CHUNK_BYTES], event[ENCODED_EVENT_MAX];
        Feed *feed = feed_make(0);
        PB(ServerMessage) *message;
        Cursor cursor;
        size_t n, i = 0;

        n = encode_event(&(Event){ .kind = EVENT_SID, .pid = 5, .tid = 5 }, 0, event);
        cursor_init(&cursor, 0);
        cursor_attach(&cursor, feed);
        feed_append(feed, event, n, 5);
        feed_append(feed, event, n, 5);
        feed_append(feed, event, n, -6);
        close_batch(feed);
        assert(feed->n_closed == 2);
        n = take_all(&cursor, data, sizeof(data));
        i = check_frame(data, n, 1);
        message = frame_unpack(data, i);
        assert(message->event_batch->n_events == 2 && message->event_batch->realtime_offset_ns == 5);
        message_free(message);
        message = frame_unpack(data + i, n - i);
        assert(message->event_batch->n_events == 1 && message->event_batch->realtime_offset_ns == -6);
        assert(message->event_batch->first_number == 3);
        message_free(message);

        while (feed->n_closed == 2)
                append(feed, ENCODED_EVENT_MAX);
        assert(feed->n_open == ENCODED_EVENT_MAX);
        close_batch(feed);
        n = take_all(&cursor, data, sizeof(data));
        i = check_frame(data, n, 4);
        assert(i <= FEED_BATCH_MAX && i > FEED_BATCH_MAX - ENCODED_EVENT_MAX - 100);
        cursor_deinit(&cursor);
        feed_free(feed);
}

/* Made where it goes; the one for which the batch has no room moves behind it, whole. A second feed copies what the
 * first has. */
static void test_made_in_place(void) {
        static uint8_t data[FEED_BATCH_MAX];
        static const size_t n_event = ENCODED_EVENT_MAX - 5;
        Feed *feed = feed_make(0), *other = feed_make(0);
        const uint8_t *event = NULL;
        Cursor cursor;
        size_t n;

        append(other, 100);
        cursor_init(&cursor, 0);
        cursor_attach(&cursor, feed);
        for (int i = 0; feed->n_closed == 0; ++i) {
                uint8_t *tail = feed_tail(feed);

                assert(tail + ENCODED_EVENT_MAX <= feed->open + sizeof(feed->open));
                memset(tail, 1 + i, ENCODED_EVENT_MAX);
                event = feed_append(feed, tail, n_event, 5);
                assert(feed->n_closed > 0 || event == tail);
        }
        assert(feed->n_open == n_event && event == feed->open);
        n = (FEED_BATCH_MAX - ENCODED_BATCH_HEADER_MAX) / n_event;
        for (size_t i = 0; i < n_event; ++i)
                assert(event[i] == 1 + n);

        assert(feed_append(other, event, n_event, 5) == other->open + 100);
        assert(memcmp(other->open + 100, event, n_event) == 0);
        close_batch(other);

        /* the batch before it has the others */
        n = take_all(&cursor, data, sizeof(data));
        assert(check_frame(data, n, 1) == n && n > FEED_BATCH_MAX - ENCODED_BATCH_HEADER_MAX - n_event);
        assert(data[n - 1] == (FEED_BATCH_MAX - ENCODED_BATCH_HEADER_MAX) / n_event &&
               data[n - n_event - 1] == data[n - 1] - 1);
        cursor_deinit(&cursor);
        close_batch(feed);
        feed_free(feed);
        feed_free(other);
}

/* Sent in pieces of every size: the same bytes, and the boundaries are known all along. */
static void test_partial_sends(void) {
        static uint8_t whole[8192], data[8192];
        static const size_t frames[] = { 40, 41, 150, 400, 40, 3000 };
        bool is_boundary[8192] = {};
        Feed *feed = feed_make(0);
        Cursor cursors[300];
        size_t n_all = 0;

        for (size_t i = 0; i < ARRAY_SIZE(cursors); ++i) {
                cursor_init(&cursors[i], 0);
                cursor_attach(&cursors[i], feed);
        }
        for (size_t i = 0; i < ARRAY_SIZE(frames); ++i) {
                append_frame(feed, frames[i]);
                n_all += frames[i];
                is_boundary[n_all] = true;
        }
        is_boundary[0] = true;
        assert(feed->n_bytes == n_all);
        assert(take_all(&cursors[0], whole, sizeof(whole)) == n_all);

        for (size_t step = 1; step < ARRAY_SIZE(cursors); ++step) {
                size_t n = 0;

                while (n < n_all) {
                        size_t n_taken;

                        assert(!cursor_is_idle(&cursors[step]));
                        n_taken = take(&cursors[step], data + n, step);
                        assert(n_taken == MIN(step, n_all - n));
                        n += n_taken;
                        assert(cursor_is_at_boundary(&cursors[step]) == is_boundary[n]);
                        /* the number of bytes that the sender may still send before a reply */
                        if (!is_boundary[n])
                                assert(is_boundary[n + cursor_n_frame_left(&cursors[step])]);
                        else
                                assert(cursor_n_frame_left(&cursors[step]) == 0);
                }
                assert(cursor_is_idle(&cursors[step]));
                assert(memcmp(whole, data, n_all) == 0);
        }
        for (size_t i = 0; i < ARRAY_SIZE(cursors); ++i)
                cursor_deinit(&cursors[i]);
        feed_free(feed);
}

/* Frames do not straddle chunks; a piece may. Every split around the change is tried. */
static void test_chunk_change(void) {
        static uint8_t whole[2 * FEED_CHUNK_BYTES], data[2 * FEED_CHUNK_BYTES];
        Feed *feed = feed_make(4 * FEED_CHUNK_BYTES);
        Cursor cursors[130];
        size_t n_first, n_all;

        for (size_t i = 0; i < ARRAY_SIZE(cursors); ++i) {
                cursor_init(&cursors[i], 0);
                cursor_attach(&cursors[i], feed);
        }
        while (count_chunks(feed, NULL) == 1)
                append_frame(feed, 3000);
        n_first = container_of(feed->chunks.next, FeedChunk, link)->n;
        assert(n_first == FEED_CHUNK_BYTES / 3000 * 3000);
        append_frame(feed, 60);
        append_frame(feed, 70);
        n_all = feed->n_bytes;
        assert(take_all(&cursors[0], whole, sizeof(whole)) == n_all);
        assert(cursor_is_idle(&cursors[0]));

        for (size_t i = 1; i < ARRAY_SIZE(cursors); ++i) {
                /* to within 64 bytes of the change, then across it in one send, then the rest */
                size_t n = n_first - 64 + i;

                assert(take(&cursors[i], data, n) == n);
                assert(cursor_is_at_boundary(&cursors[i]) == (n == n_first));
                assert(take(&cursors[i], data + n, 3000) == 3000);
                n += 3000;
                assert(cursor_is_at_boundary(&cursors[i]) == (n == n_first + 3000 || n == n_first + 3060));
                assert(take_all(&cursors[i], data + n, sizeof(data) - n) == n_all - n);
                assert(cursor_is_idle(&cursors[i]));
                assert(memcmp(whole, data, n_all) == 0);
        }
        for (size_t i = 0; i < ARRAY_SIZE(cursors); ++i)
                cursor_deinit(&cursors[i]);
        feed_free(feed);
}

/* Chunks that all readers have read stay for returning readers; the oldest is freed when the feed is full. */
static void test_read_chunks_stay(void) {
        static uint8_t data[2 * FEED_CHUNK_BYTES];
        const size_t n_max = 8 * FEED_CHUNK_BYTES, n_frames = FEED_CHUNK_BYTES / 4000;
        Feed *feed = feed_make(n_max);
        Cursor cursor;

        cursor_init(&cursor, 0);
        cursor_attach(&cursor, feed);
        for (size_t i = 0; i < 8 * n_frames; ++i) {
                append_frame(feed, 4000);
                take_all(&cursor, data, sizeof(data));
                assert(count_chunks(feed, NULL) == i / n_frames + 1);
                assert(feed_has(feed, 1));
        }
        for (size_t i = 0; i < 8 * n_frames; ++i) {
                append_frame(feed, 4000);
                take_all(&cursor, data, sizeof(data));
                assert(feed->n_bytes <= n_max && feed->n_bytes + 4000 > n_max - FEED_CHUNK_BYTES);
        }
        assert(!cursor.fell && !feed_has(feed, 7 * n_frames));
        cursor_deinit(&cursor);

        /* nobody at all */
        for (int i = 0; i < 2000; ++i) {
                append_frame(feed, 4000);
                assert(feed->n_bytes <= n_max && feed->n_bytes + 4000 > n_max - FEED_CHUNK_BYTES);
        }
        (void)count_chunks(feed, NULL);
        feed_free(feed);
}

/* The memory is bounded, whoever reads or not. */
static void test_bound(void) {
        const size_t n_max = 5 * FEED_CHUNK_BYTES + 12345;
        Feed *feed = feed_make(n_max);
        Cursor cursor;
        size_t n_bytes, n_most = 0;

        cursor_init(&cursor, 0);
        cursor_attach(&cursor, feed);
        for (int i = 0; i < 3000; ++i) {
                append_frame(feed, 40 + (size_t)(i * 7919) % 60000);
                (void)count_chunks(feed, &n_bytes);
                assert(n_bytes <= n_max);
                n_most = MAX(n_most, n_bytes);
        }
        assert(cursor.fell);
        assert(n_most > n_max - 2 * FEED_CHUNK_BYTES);
        cursor_deinit(&cursor);
        feed_free(feed);
}

/*
 * Falls. The feed holds two chunks; a reader that is in the first when a third is
 * needed has lost what is left of it.
 */

static void test_fall_at_a_boundary(void) {
        static uint8_t data[FEED_CHUNK_BYTES];

        /* before the first frame, between frames, behind the last of the chunk */
        for (size_t n_read = 0; n_read <= FEED_CHUNK_BYTES / 2000; n_read += n_read < 3 || n_read > 127 ? 1 : 31) {
                Feed *feed = feed_make(0);
                Cursor cursor;

                cursor_init(&cursor, 0);
                cursor_attach(&cursor, feed);
                for (size_t i = 0; i < FEED_CHUNK_BYTES / 2000; ++i)
                        append_frame(feed, 2000);
                assert(count_chunks(feed, NULL) == 1);
                assert(n_read == 0 || take(&cursor, data, n_read * 2000) == n_read * 2000);
                assert(cursor_is_at_boundary(&cursor));
                fill_until_fallen(feed, &cursor, 2000);
                assert(!cursor_is_idle(&cursor) && cursor_is_at_boundary(&cursor));
                assert(!has_slices(&cursor));
                check_recovered(feed, &cursor, n_read + 1);
                cursor_deinit(&cursor);
                feed_free(feed);
        }
}

/* Within a frame, at each of its bytes: the frame is still sent whole, and is not lost. */
static void test_fall_within_a_frame(void) {
        enum { N_FRAME = 300, N_SECOND = 2 };
        static uint8_t whole[FEED_CHUNK_BYTES], data[FEED_CHUNK_BYTES];

        for (size_t n_part = 1; n_part < N_FRAME; n_part += n_part < 40 || n_part > 290 ? 1 : 23) {
                Feed *feed = feed_make(0);
                Cursor reference, cursor;
                size_t n = N_SECOND * N_FRAME + n_part;

                cursor_init(&reference, 0);
                cursor_attach(&reference, feed);
                cursor_init(&cursor, 0);
                cursor_attach(&cursor, feed);
                for (int i = 0; i < 10; ++i)
                        append_frame(feed, N_FRAME);
                assert(take_all(&reference, whole, sizeof(whole)) == 10 * N_FRAME);
                cursor_deinit(&reference);

                assert(take(&cursor, data, n) == n);
                assert(!cursor_is_at_boundary(&cursor));
                fill_until_fallen(feed, &cursor, 2000);
                assert(!cursor_is_at_boundary(&cursor) && !cursor_is_idle(&cursor));

                /* the rest byte by byte, or all at once */
                while (!cursor_is_at_boundary(&cursor)) {
                        size_t n_taken = take(&cursor, data + n, n_part % 2 ? 1 : 1000);

                        assert(n_taken > 0);
                        n += n_taken;
                }
                assert(n == (N_SECOND + 1) * N_FRAME);
                assert(memcmp(whole, data, n) == 0);
                assert(!has_slices(&cursor));
                assert(!cursor_is_idle(&cursor));
                check_recovered(feed, &cursor, N_SECOND + 2);
                cursor_deinit(&cursor);
                feed_free(feed);
        }
}

/* The frame that is broken off is the last of its chunk: what is lost begins with the next chunk. */
static void test_fall_within_the_last_frame(void) {
        static uint8_t data[FEED_CHUNK_BYTES];
        const size_t n_frames = FEED_CHUNK_BYTES / 2000;
        Feed *feed = feed_make(0);
        Cursor cursor;

        cursor_init(&cursor, 0);
        cursor_attach(&cursor, feed);
        for (size_t i = 0; i < n_frames; ++i)
                append_frame(feed, 2000);
        assert(take(&cursor, data, n_frames * 2000 - 7) == n_frames * 2000 - 7);
        fill_until_fallen(feed, &cursor, 2000);
        assert(take(&cursor, data, 100) == 7);
        check_recovered(feed, &cursor, n_frames + 1);
        cursor_deinit(&cursor);
        feed_free(feed);
}

/* A long time between the fall and the recovery: more is lost, and all of it counted. */
static void test_fall_and_wait(void) {
        Feed *feed = feed_make(0);
        Cursor cursor;

        cursor_init(&cursor, 0);
        cursor_attach(&cursor, feed);
        fill_until_fallen(feed, &cursor, 5000);
        for (int i = 0; i < 1000; ++i)
                append_frame(feed, 5000);
        check_recovered(feed, &cursor, 1);

        /* the cursor falls behind again */
        append_frame(feed, 5000);
        fill_until_fallen(feed, &cursor, 5000);
        cursor_deinit(&cursor);
        assert(list_is_empty(&feed->cursors));
        feed_free(feed);
}

/* Batches of many events: the loss is counted in events, not in frames. */
static void test_loss_in_events(void) {
        Feed *feed = feed_make(0);
        uint64_t first_number, lost;
        Cursor cursor;

        cursor_init(&cursor, 0);
        cursor_attach(&cursor, feed);
        while (!cursor.fell) {
                for (int i = 0; i < 7; ++i)
                        append(feed, 64);
                close_batch(feed);
        }
        /* with events in the open batch, which nobody lost */
        append(feed, 64);
        append(feed, 64);
        lost = cursor_recover(&cursor, &first_number);
        assert(first_number == 1 && lost > 0 && lost % 7 == 0);
        cursor_deinit(&cursor);
        close_batch(feed);
        feed_free(feed);
}

/* Freed with the rest of a frame still to send. */
static void test_deinit_fallen(void) {
        static uint8_t data[64];
        Feed *feed = feed_make(0);
        Cursor cursor;

        cursor_init(&cursor, 0);
        cursor_attach(&cursor, feed);
        append_frame(feed, 3000);
        assert(take(&cursor, data, 10) == 10);
        fill_until_fallen(feed, &cursor, 3000);
        assert(cursor.rest);
        cursor_deinit(&cursor);
        cursor_deinit(&cursor);
        feed_free(feed);
}

int main(void) {
        test_new();
        test_batches();
        test_batches_that_close_themselves();
        test_made_in_place();
        test_partial_sends();
        test_chunk_change();
        test_read_chunks_stay();
        test_bound();
        test_fall_at_a_boundary();
        test_fall_within_a_frame();
        test_fall_within_the_last_frame();
        test_fall_and_wait();
        test_loss_in_events();
        test_deinit_fallen();
        return 0;
}
