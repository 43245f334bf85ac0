/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/* Frames of a feed with the number of a stream: the same frames for each reader, but for their numbers. */

#include "broker/output/batch_frame.h"
#include "tests/unit/feed_rig.h"

/* Numbers of one byte, of two, and the largest; and 0, which is not sent. */
static const uint32_t streams[] = { 0, 1, 127, 128, 300, UINT32_MAX };

/* Checks a frame's number, and that it is otherwise the frame of the feed; returns its size. */
static size_t check_numbered(const uint8_t *data, size_t n_data, uint32_t stream, const uint8_t *shared,
                             size_t n_shared) {
        size_t n_prefix, n_message, n_shared_prefix, n_shared_message, i;
        uint32_t number = 0;

        assert(frame_parse(data, n_data, FRAME_MAX_FROM_BROKER, &n_prefix, &n_message) == 0);
        assert(frame_parse(shared, n_shared, FRAME_MAX_FROM_BROKER, &n_shared_prefix, &n_shared_message) == 0);
        i = n_prefix;
        if (stream > 0) {
                int shift = 0;

                assert(data[i++] == (15 << 3 | 0));
                do {
                        number |= (uint32_t)(data[i] & 0x7f) << shift;
                        shift += 7;
                } while (data[i++] & 0x80);
        }
        assert(number == stream);
        assert(n_prefix + n_message - i == n_shared_message);
        assert(memcmp(data + i, shared + n_shared_prefix, n_shared_message) == 0);
        return n_prefix + n_message;
}

/* All bytes of a reader are the frames of the feed. */
static void check_all(const Feed *feed, uint32_t stream, const uint8_t *data, size_t n_data) {
        size_t i = 0;

        for (const List *link = feed->chunks.next; link != &feed->chunks; link = link->next) {
                const FeedChunk *chunk = container_of(link, const FeedChunk, link);

                for (size_t at = 0; at < chunk->n; at += batch_frame_size(chunk->bytes + at, chunk->n - at))
                        i += check_numbered(data + i, n_data - i, stream, chunk->bytes + at, chunk->n - at);
        }
        assert(i == n_data);
}

/* Small frames and large frames, frames whose longer length needs a longer prefix, in pieces of every size. */
static void test_pieces(void) {
        static const size_t frames[] = { 40, 126, 128, 129, 130, 1020, 1100, 40, 16380, 16390, 60 };
        static uint8_t data[64 * 1024];
        Feed *feed = feed_make(0);
        Cursor cursors[ARRAY_SIZE(streams)][200];

        for (size_t i = 0; i < ARRAY_SIZE(streams); ++i)
                for (size_t step = 1; step < 200; ++step) {
                        cursor_init(&cursors[i][step], streams[i]);
                        cursor_attach(&cursors[i][step], feed);
                }
        for (size_t i = 0; i < ARRAY_SIZE(frames); ++i)
                append_frame(feed, frames[i]);
        for (size_t i = 0; i < ARRAY_SIZE(streams); ++i)
                for (size_t step = 1; step < 200; ++step) {
                        Cursor *cursor = &cursors[i][step];
                        size_t n = 0, n_part;

                        while ((n_part = peek(cursor, data + n, step)) > 0) {
                                cursor_advance(cursor, n_part);
                                n += n_part;
                                assert(cursor_is_at_boundary(cursor) == (cursor_n_frame_left(cursor) == 0));
                        }
                        assert(cursor_is_idle(cursor));
                        check_all(feed, streams[i], data, n);
                        cursor_deinit(cursor);
                }
        feed_free(feed);
}

/* A reader that falls off the feed within a frame, at any byte of it: the frame is completed, with its number. */
static void test_fall_within_frame(void) {
        for (size_t i = 0; i < ARRAY_SIZE(streams); ++i)
                for (size_t n_read = 1; n_read < 210; ++n_read) {
                        uint8_t shared[256], data[256];
                        Feed *feed = feed_make(0);
                        Cursor cursor;
                        size_t n, n_left;

                        cursor_init(&cursor, streams[i]);
                        cursor_attach(&cursor, feed);
                        append_frame(feed, 200);
                        memcpy(shared, feed_newest(feed)->bytes, feed_newest(feed)->n);
                        n = take(&cursor, data, n_read);
                        n_left = cursor_n_frame_left(&cursor);
                        fill_until_fallen(feed, &cursor, 60000);
                        assert(cursor_n_frame_left(&cursor) == n_left);
                        n += take(&cursor, data + n, sizeof(data) - n);
                        if (n_left > 0 || n_read >= n)
                                assert(check_numbered(data, n, streams[i], shared, 200) == n);
                        assert(cursor_must_recover(&cursor));
                        cursor_deinit(&cursor);
                        feed_free(feed);
                }
}

/* A reader that resumes within a frame gets the rest as a frame of its own, with its number. */
static void test_resume_within_frame(void) {
        static uint8_t data[4096], whole[4096];

        for (size_t i = 0; i < ARRAY_SIZE(streams); ++i) {
                Feed *feed = feed_make(0);
                Cursor plain, cursor;
                size_t n, n_whole;

                for (uint8_t number = 1; number <= 5; ++number) {
                        /* a tag, a length, and bytes */
                        const uint8_t event[50] = { 3 << 3 | 2, 48, number };

                        feed_append(feed, event, sizeof(event), 5);
                }
                close_batch(feed);
                append_frame(feed, 70);
                cursor_init(&plain, 0);
                cursor_attach_at(&plain, feed, 3);
                cursor_init(&cursor, streams[i]);
                cursor_attach_at(&cursor, feed, 3);
                n_whole = take(&plain, whole, sizeof(whole));
                n = take(&cursor, data, sizeof(data));
                for (size_t at = 0, at_whole = 0; at < n;) {
                        size_t n_frame = batch_frame_size(whole + at_whole, n_whole - at_whole);

                        at += check_numbered(data + at, n - at, streams[i], whole + at_whole, n_frame);
                        at_whole += n_frame;
                }
                assert(cursor_is_idle(&cursor));
                cursor_deinit(&plain);
                cursor_deinit(&cursor);
                feed_free(feed);
        }
}

int main(void) {
        test_pieces();
        test_fall_within_frame();
        test_resume_within_frame();
        return 0;
}
