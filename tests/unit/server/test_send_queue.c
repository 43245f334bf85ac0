/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/* The order in which a client is sent replies, a snapshot and a feed: a part gives way only between two frames. */

#include "broker/policy/limits.h"
#include "broker/output/snapshot_build.h"
#include "broker/server/send_queue.h"
#include "tests/unit/feed_rig.h"
#include "tests/unit/made.h"

#define FRAME_BYTES 1000u
#define N_TASKS 3000u

typedef struct Rig Rig;

/* A queue with all that can be sent: a stream with a feed and a snapshot, and a user that pays for replies. */
struct Rig {
        Quota quota;
        QuotaUser *user;
        Charge memory;
        TaskTable table;
        Feed *feed;
        Snapshot *snapshot;
        SendQueue queue;
        SendStream stream;
};

static void rig_init(Rig *rig) {
        SnapshotBuild *build;

        *rig = (Rig){};
        quota_init(&rig->quota, &quota_limits_default);
        rig->user = quota_user_get(&rig->quota, 1000, 1);
        assert(charge_take(&rig->memory, rig->user, QUOTA_BYTES, 0) == 0);
        task_table_init(&rig->table);
        for (uint32_t tid = 1; tid <= N_TASKS; ++tid)
                (void)made_task(&rig->table, tid, tid, 1, tid);
        rig->feed = feed_make(2 * FEED_CHUNK_BYTES);
        rig->feed->rights.all = true;
        assert(snapshot_new(&rig->snapshot, rig->feed->next_number, rig->user) == 0);
        assert(snapshot_build_new(&build, rig->snapshot, &rig->table, rig->feed, 5) == 0);
        while (!rig->snapshot->complete)
                assert(snapshot_build_slice(build, SNAPSHOT_SLICE_STEPS) == 0);
        snapshot_build_free(build);
        send_queue_init(&rig->queue);
        send_queue_add_stream(&rig->queue, &rig->stream, 0);
}

static void rig_deinit(Rig *rig) {
        send_queue_remove_stream(&rig->stream);
        send_queue_deinit(&rig->queue);
        assert(rig->snapshot->n_readers == 0 && list_is_empty(&rig->feed->cursors));
        snapshot_free(rig->snapshot);
        feed_free(rig->feed);
        task_table_deinit(&rig->table);
        charge_return(&rig->memory);
        quota_user_unref(rig->user);
        quota_deinit(&rig->quota);
}

static void rig_reply(Rig *rig, size_t n) {
        static uint8_t frame[16384];

        assert(n <= sizeof(frame));
        memset(frame, 'r', n);
        assert(send_queue_add_reply(&rig->queue, &rig->memory, frame, n) == 0);
}

static void rig_attach_feed(Rig *rig, size_t n_frames) {
        cursor_attach(&rig->stream.cursor, rig->feed);
        for (size_t i = 0; i < n_frames; ++i)
                append_frame(rig->feed, FRAME_BYTES);
}

/* The bytes that are handed out next; they must belong to @part. */
static size_t rig_ready(Rig *rig, SendPart part, size_t n_snapshot_max) {
        static StreamSlices slices;
        SendNext next = send_queue_next(&rig->queue, n_snapshot_max);

        assert(next.part == part);
        send_queue_slices(&rig->queue, next, n_snapshot_max, &slices);
        assert((slices.n > 0) == (part > SEND_LATER));
        return slices.n_bytes;
}

/* Sends @n bytes of @part, of all that are handed out. */
static void rig_send(Rig *rig, SendPart part, size_t n) {
        assert(rig_ready(rig, part, SEND_QUEUE_TURN_BYTES) >= n);
        send_queue_advance(&rig->queue, &rig->memory, send_queue_next(&rig->queue, SEND_QUEUE_TURN_BYTES), n);
}

static void test_empty(void) {
        Rig rig;

        rig_init(&rig);
        assert(!send_queue_has_replies(&rig.queue) && !send_queue_find_fallen(&rig.queue));
        assert(rig_ready(&rig, SEND_NOTHING, SEND_QUEUE_TURN_BYTES) == 0);
        rig_deinit(&rig);
}

static void test_replies(void) {
        Rig rig;

        rig_init(&rig);
        rig_reply(&rig, 100);
        rig_reply(&rig, 10000);
        assert(send_queue_has_replies(&rig.queue));
        rig_send(&rig, SEND_REPLIES, 40);
        assert(rig_ready(&rig, SEND_REPLIES, 0) == 10060);
        assert(rig.memory.n == rig.queue.replies.n_max && rig.memory.n >= 10060);
        rig_send(&rig, SEND_REPLIES, 10060);
        assert(!send_queue_has_replies(&rig.queue));
        /* a buffer that was large is returned, except for a small rest */
        assert(rig.memory.n == 4096 && rig.queue.replies.n_max == 4096);
        rig_deinit(&rig);
}

/* Where each part is between two frames, replies go first, and the snapshot goes before the feed. */
static void test_order(void) {
        size_t n_snapshot, n_sent = 0;
        Rig rig;

        rig_init(&rig);
        n_snapshot = rig.snapshot->n_bytes;
        snapshot_cursor_attach(&rig.stream.snapshot, rig.snapshot, 0);
        rig_attach_feed(&rig, 2);
        rig_reply(&rig, 100);
        rig_send(&rig, SEND_REPLIES, 100);
        while (send_queue_next(&rig.queue, 5000).part == SEND_SNAPSHOT) {
                size_t n = rig_ready(&rig, SEND_SNAPSHOT, 5000);

                assert(n > 0 && n <= 5000);
                send_queue_advance(&rig.queue, &rig.memory, send_queue_next(&rig.queue, 5000), n);
                n_sent += n;
        }
        assert(n_sent > 0 && n_sent >= n_snapshot && rig.snapshot->n_readers == 0);
        rig_send(&rig, SEND_FEED, 2 * FRAME_BYTES);
        assert(rig_ready(&rig, SEND_NOTHING, 0) == 0);
        rig_deinit(&rig);
}

/* A reply waits for the end of the snapshot's frame, and goes before the next frame. */
static void test_reply_within_snapshot(void) {
        size_t n_frame;
        Rig rig;

        rig_init(&rig);
        snapshot_cursor_attach(&rig.stream.snapshot, rig.snapshot, 0);
        n_frame = container_of(rig.snapshot->frames.next, SnapshotFrame, link)->n;
        rig_send(&rig, SEND_SNAPSHOT, 10);
        assert(rig_ready(&rig, SEND_SNAPSHOT, SEND_QUEUE_TURN_BYTES) > n_frame - 10);
        rig_reply(&rig, 100);
        assert(rig_ready(&rig, SEND_SNAPSHOT, SEND_QUEUE_TURN_BYTES) == n_frame - 10);
        rig_send(&rig, SEND_SNAPSHOT, n_frame - 10);
        rig_send(&rig, SEND_REPLIES, 100);
        assert(rig_ready(&rig, SEND_SNAPSHOT, SEND_QUEUE_TURN_BYTES) > 0);
        rig_deinit(&rig);
}

/* A reply waits for the end of the feed's frame, and goes before the next frame. */
static void test_reply_within_feed(void) {
        Rig rig;

        rig_init(&rig);
        rig_attach_feed(&rig, 3);
        rig_send(&rig, SEND_FEED, FRAME_BYTES + 10);
        rig_reply(&rig, 100);
        assert(rig_ready(&rig, SEND_FEED, 0) == FRAME_BYTES - 10);
        rig_send(&rig, SEND_FEED, FRAME_BYTES - 10);
        rig_send(&rig, SEND_REPLIES, 100);
        rig_send(&rig, SEND_FEED, FRAME_BYTES);
        rig_deinit(&rig);
}

/* A closing queue finishes the frame at hand and sends its replies, but begins nothing new. */
static void test_closing(void) {
        Rig rig;

        rig_init(&rig);
        snapshot_cursor_attach(&rig.stream.snapshot, rig.snapshot, 0);
        rig_attach_feed(&rig, 2);
        rig.queue.closing = true;
        assert(rig_ready(&rig, SEND_NOTHING, 0) == 0);
        rig_reply(&rig, 100);
        rig_send(&rig, SEND_REPLIES, 100);
        assert(rig_ready(&rig, SEND_NOTHING, 0) == 0);
        rig_deinit(&rig);

        rig_init(&rig);
        rig_attach_feed(&rig, 2);
        rig_send(&rig, SEND_FEED, 10);
        rig.queue.closing = true;
        assert(rig_ready(&rig, SEND_FEED, 0) == FRAME_BYTES - 10);
        rig_send(&rig, SEND_FEED, FRAME_BYTES - 10);
        assert(rig_ready(&rig, SEND_NOTHING, 0) == 0);
        rig_deinit(&rig);
}

/* A loss in the feed is reported behind the replies and the snapshot, and not by a queue that closes. */
static void test_must_recover(void) {
        Rig rig;

        rig_init(&rig);
        rig_attach_feed(&rig, 1);
        rig_send(&rig, SEND_FEED, FRAME_BYTES);
        assert(!send_queue_find_fallen(&rig.queue));
        for (size_t i = 0; !rig.stream.cursor.fell; ++i) {
                assert(i < 4 * FEED_CHUNK_BYTES / FRAME_BYTES);
                append_frame(rig.feed, FRAME_BYTES);
        }
        assert(send_queue_find_fallen(&rig.queue) == &rig.stream);

        rig_reply(&rig, 100);
        assert(!send_queue_find_fallen(&rig.queue));
        rig_send(&rig, SEND_REPLIES, 100);
        assert(send_queue_find_fallen(&rig.queue) == &rig.stream);

        snapshot_cursor_attach(&rig.stream.snapshot, rig.snapshot, 0);
        assert(!send_queue_find_fallen(&rig.queue));
        snapshot_cursor_detach(&rig.stream.snapshot);
        assert(send_queue_find_fallen(&rig.queue) == &rig.stream);

        rig.queue.closing = true;
        assert(!send_queue_find_fallen(&rig.queue));
        rig_deinit(&rig);
}

/*
 * Streams take turns, and a frame that was begun is completed first. A large snapshot waits for bytes of the next
 * turn; other streams do not wait for it.
 */
static void test_turns(void) {
        size_t n_each[2] = {};
        SendStream other;
        SendNext next;
        Rig rig;

        rig_init(&rig);
        send_queue_add_stream(&rig.queue, &other, 2);
        cursor_attach(&rig.stream.cursor, rig.feed);
        cursor_attach(&other.cursor, rig.feed);
        for (size_t i = 0; i < 300; ++i)
                append_frame(rig.feed, FRAME_BYTES);
        for (size_t i = 0; (next = send_queue_next(&rig.queue, 0)).part != SEND_NOTHING; ++i) {
                static StreamSlices slices;
                size_t n;

                assert(next.part == SEND_FEED && next.stream == (i / 2 % 2 ? &other : &rig.stream));
                send_queue_slices(&rig.queue, next, 0, &slices);
                assert(slices.n_bytes <= SEND_QUEUE_STREAM_BYTES);
                /* each time within a frame, which is completed next */
                n = i % 2 ? FRAME_BYTES - 10 : 10;
                if (next.stream == &other && i % 2)
                        n += 2;
                send_queue_advance(&rig.queue, &rig.memory, next, n);
                assert((rig.queue.within == next.stream) == (i % 2 == 0));
                n_each[next.stream == &other] += n;
        }
        assert(n_each[0] == 300 * FRAME_BYTES && n_each[1] == 300 * (FRAME_BYTES + 2));

        snapshot_cursor_attach(&rig.stream.snapshot, rig.snapshot, 1);
        append_frame(rig.feed, FRAME_BYTES);
        next = send_queue_next(&rig.queue, 0);
        assert(next.part == SEND_FEED && next.stream == &other);
        send_queue_advance(&rig.queue, &rig.memory, next, FRAME_BYTES + 2);
        assert(send_queue_next(&rig.queue, 0).part == SEND_LATER);
        assert(send_queue_next(&rig.queue, 1).part == SEND_SNAPSHOT);
        send_queue_remove_stream(&other);
        rig_deinit(&rig);
}

int main(void) {
        test_empty();
        test_replies();
        test_order();
        test_reply_within_snapshot();
        test_reply_within_feed();
        test_closing();
        test_must_recover();
        test_turns();
        return 0;
}
