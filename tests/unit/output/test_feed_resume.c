/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/* Feeds that keep what was read, for a while, and cursors that come back to any number of it. */

#include "tests/unit/feed_rig.h"

enum { AGE_MAX = 3, FRAME_BYTES = 4000, CHUNK_FRAMES = FEED_CHUNK_BYTES / FRAME_BYTES };

static void age_by(Feed *feed, unsigned int seconds) {
        for (; seconds > 0; --seconds)
                feed_age(feed, AGE_MAX);
}

/* Full chunks that no reader needs are freed when they are too old. The newest chunk stays. */
static void test_age(void) {
        Feed *feed = feed_make(64 * FEED_CHUNK_BYTES);

        assert(feed->age == 0);
        for (uint32_t i = 1; i <= 20; ++i) {
                feed_age(feed, AGE_MAX);
                assert(feed->age == i);
        }
        assert(count_chunks(feed, NULL) == 1);

        /* a chunk a second: as many are kept as seconds, the one that is not full, and the one that just got so */
        for (size_t i = 0; i < 20 * CHUNK_FRAMES; ++i) {
                append_frame(feed, FRAME_BYTES);
                if (i % CHUNK_FRAMES == 0)
                        feed_age(feed, AGE_MAX);
                assert(count_chunks(feed, NULL) == MIN(i / CHUNK_FRAMES + 1, (size_t)AGE_MAX + 1));
        }
        for (size_t i = AGE_MAX; i > 0; --i) {
                feed_age(feed, AGE_MAX);
                assert(count_chunks(feed, NULL) == i);
        }
        age_by(feed, 20);
        assert(count_chunks(feed, NULL) == 1 && feed->n_bytes == CHUNK_FRAMES * FRAME_BYTES);
        assert(feed_has(feed, 19 * CHUNK_FRAMES + 1) && !feed_has(feed, 19 * CHUNK_FRAMES));
        feed_free(feed);
}

/* Chunks that a reader needs are kept, and a feed with a reader has no age. */
static void test_age_with_reader(void) {
        static uint8_t data[4 * FEED_CHUNK_BYTES];
        Feed *feed = feed_make(64 * FEED_CHUNK_BYTES);
        Cursor cursor;

        for (size_t i = 0; i < CHUNK_FRAMES; ++i)
                append_frame(feed, FRAME_BYTES);
        age_by(feed, 20);
        cursor_init(&cursor, 0);
        cursor_attach(&cursor, feed);
        assert(feed->age == 0);
        for (size_t i = 0; i < 3 * CHUNK_FRAMES; ++i)
                append_frame(feed, FRAME_BYTES);
        for (int i = 0; i < 20; ++i) {
                feed_age(feed, AGE_MAX);
                assert(feed->age == 0);
        }
        assert(count_chunks(feed, NULL) == 4 && !cursor.fell);
        assert(take(&cursor, data, CHUNK_FRAMES * FRAME_BYTES) == CHUNK_FRAMES * FRAME_BYTES);
        feed_age(feed, AGE_MAX);
        /* behind the end of one is the beginning of the next */
        assert(count_chunks(feed, NULL) == 2);
        assert(take_all(&cursor, data, sizeof(data)) == 2 * CHUNK_FRAMES * FRAME_BYTES);
        feed_age(feed, AGE_MAX);
        assert(count_chunks(feed, NULL) == 1 && cursor_is_idle(&cursor));
        cursor_deinit(&cursor);
        for (uint32_t i = 1; i <= 3; ++i) {
                feed_age(feed, AGE_MAX);
                assert(feed->age == i);
        }
        feed_free(feed);
}

/* A cursor that attaches at any place resets the feed's age. */
static void test_age_of_attached(void) {
        Feed *feed = feed_make(64 * FEED_CHUNK_BYTES);
        Cursor cursor;

        for (size_t i = 0; i < 3 * CHUNK_FRAMES; ++i)
                append_frame(feed, FRAME_BYTES);
        cursor_init(&cursor, 0);
        age_by(feed, 20);
        assert(feed->age == 20);
        cursor_attach(&cursor, feed);
        assert(feed->age == 0);
        cursor_deinit(&cursor);
        feed_age(feed, AGE_MAX);
        assert(feed->age == 1);
        cursor_attach_at(&cursor, feed, feed->next_number);
        assert(feed->age == 0);
        cursor_deinit(&cursor);
        feed_age(feed, AGE_MAX);
        assert(feed->age == 1);
        cursor_attach_at(&cursor, feed, 1);
        assert(cursor.fell && feed->age == 0);
        cursor_deinit(&cursor);
        feed_free(feed);
}

/*
 * Resumption. An event has its form on the wire here, so that a test can take a frame apart.
 */

/* A field of EventBatch with @n bytes: tag, length, and its number again and again. */
static void append_event(Feed *feed, size_t n) {
        static uint8_t event[FEED_BATCH_MAX];
        uint64_t number = feed->next_number;
        uint8_t prefix[FRAME_PREFIX_MAX];
        size_t n_prefix = frame_prefix(prefix, (uint32_t)n);

        event[0] = 3 << 3 | 2;
        memcpy(event + 1, prefix, n_prefix);
        memset(event + 1 + n_prefix, (int)(number % 251), n);
        feed_append(feed, event, 1 + n_prefix + n, 1763870000123456789 + (int64_t)number / 1000);
}

/* Compares the bytes of a reader that begins with @number to the bytes of a reader that was attached all along. */
static void check_attach_at(Feed *feed, uint64_t number, const uint8_t *all, const size_t *offsets) {
        static uint8_t data[8 * FEED_CHUNK_BYTES];
        uint64_t frame = number;
        size_t n, n_first = 0;
        Cursor cursor;

        cursor_init(&cursor, 0);
        cursor_attach_at(&cursor, feed, number);
        assert(!cursor.fell && cursor_is_at_boundary(&cursor) &&
               cursor_is_idle(&cursor) == (number == feed->next_number));
        n = take_all(&cursor, data, sizeof(data));
        assert(cursor_is_idle(&cursor) && cursor_is_at_boundary(&cursor));
        cursor_deinit(&cursor);

        /* the beginning of the frame that the number is in */
        while (offsets[frame] == SIZE_MAX)
                --frame;
        if (frame < number) {
                uint64_t next = number;
                size_t n_prefix, n_message, i, n_events = 0, n_old;
                const uint8_t *old = all + offsets[frame];
                int64_t offset;

                while (offsets[next] == SIZE_MAX)
                        ++next;
                n_first = check_frame(data, n, number);
                /* as much behind its header as the old frame has behind its first events */
                assert(frame_parse(old, FEED_BATCH_MAX, FRAME_MAX_FROM_BROKER, &n_prefix, &n_message) == 0);
                n_old = n_prefix + n_message;
                for (uint64_t k = number; k < next; ++k) {
                        size_t n_event = 40 + (size_t)(k * 37) % 300;

                        n_events += 1 + (n_event < 128 ? 1 : 2) + n_event;
                }
                assert(n_events < n_first && n_events < n_old);
                assert(memcmp(data + n_first - n_events, old + n_old - n_events, n_events) == 0);
                /* the offset of the clocks is equal to the offset in the original frame */
                i = n_first - n_events - 8;
                memcpy(&offset, data + i, sizeof(offset));
                assert(offset == 1763870000123456789 + (int64_t)frame / 1000);
                frame = next;
        }
        assert(n - n_first == offsets[feed->next_number] - offsets[frame]);
        assert(memcmp(data + n_first, all + offsets[frame], n - n_first) == 0);
}

static void test_attach_at(void) {
        enum { N = 6000 };
        static uint8_t all[8 * FEED_CHUNK_BYTES];
        static size_t offsets[N + 100];
        Feed *feed = feed_make(16 * FEED_CHUNK_BYTES);
        uint64_t state = 5;
        size_t n = 0;
        Cursor cursor;

        memset(offsets, 0xff, sizeof(offsets));
        cursor_init(&cursor, 0);
        cursor_attach_at(&cursor, feed, 1);
        assert(cursor_is_idle(&cursor));
        while (feed->next_number < N) {
                uint64_t count = 1 + random_below(&state, 60);

                offsets[feed->next_number] = n;
                /* frames end where the clocks' offset changes, too */
                for (uint64_t i = 0; i < count && (i == 0 || feed->next_number % 1000); ++i)
                        append_event(feed, 40 + (size_t)(feed->next_number * 37) % 300);
                close_batch(feed);
                n += take_all(&cursor, all + n, sizeof(all) - n);
        }
        offsets[feed->next_number] = n;
        assert(count_chunks(feed, NULL) > 4);
        for (uint64_t number = 1; number <= feed->next_number; ++number)
                check_attach_at(feed, number, all, offsets);
        cursor_deinit(&cursor);
        feed_free(feed);
}

/* A reader whose number the feed no longer keeps has fallen behind from the start, and gets the usual report. */
static void test_attach_at_gone(void) {
        Feed *feed = feed_make(0);
        uint64_t oldest;

        for (int i = 0; i < 500; ++i)
                append_frame(feed, 5000);
        oldest = container_of(feed->chunks.next, FeedChunk, link)->first_number;
        assert(oldest > 100 && feed_has(feed, oldest) && !feed_has(feed, oldest - 1));
        for (uint64_t number = 1; number < oldest; number += number < 5 || number + 6 > oldest ? 1 : 40) {
                Cursor cursor;

                cursor_init(&cursor, 0);
                cursor_attach_at(&cursor, feed, number);
                assert(cursor.fell && cursor_must_recover(&cursor) && cursor_is_at_boundary(&cursor) &&
                       !cursor_is_idle(&cursor));
                assert(!has_slices(&cursor));
                check_recovered(feed, &cursor, number);
                cursor_deinit(&cursor);
        }
        assert(list_is_empty(&feed->cursors));
        feed_free(feed);
}

/* The part of a frame that one began with is still to be sent when what follows goes: it is a frame, and is sent. */
static void test_attach_at_and_fall(void) {
        static uint8_t data[FEED_CHUNK_BYTES];

        for (size_t n_part = 0; n_part < 115; n_part += 7) {
                Feed *feed = feed_make(0);
                Cursor cursor;
                size_t n = 0;

                for (int i = 0; i < 5; ++i)
                        append_event(feed, 50);
                close_batch(feed);
                append_event(feed, 50);
                close_batch(feed);
                cursor_init(&cursor, 0);
                cursor_attach_at(&cursor, feed, 4);
                if (n_part > 0)
                        n += take(&cursor, data, n_part);
                assert(cursor_is_at_boundary(&cursor) == (n_part == 0));
                fill_until_fallen(feed, &cursor, 5000);
                assert(!cursor_must_recover(&cursor));
                n += take_all(&cursor, data + n, sizeof(data) - n);
                assert(check_frame(data, n, 4) == n);
                assert(cursor_must_recover(&cursor) && cursor_is_at_boundary(&cursor));
                check_recovered(feed, &cursor, 6);

                /* broken off within a frame of the feed's own, later: that is no boundary */
                append_frame(feed, 3000);
                assert(take(&cursor, data, 10) == 10);
                fill_until_fallen(feed, &cursor, 5000);
                assert(!cursor_is_at_boundary(&cursor) && !cursor_must_recover(&cursor));
                cursor_deinit(&cursor);
                feed_free(feed);
        }
}

int main(void) {
        test_age();
        test_age_with_reader();
        test_age_of_attached();
        test_attach_at();
        test_attach_at_gone();
        test_attach_at_and_fall();
        return 0;
}
