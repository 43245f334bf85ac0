/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The output of a client has replies, and for each stream a snapshot and a feed. A part
 * gives way to another only between two of its frames, because a frame cannot be
 * interrupted. Replies go first where there is a choice, so that a client which reads a
 * long snapshot still gets its answers.
 *
 * The streams take turns. A stream that has sent SEND_QUEUE_STREAM_BYTES goes behind the
 * others, so that a large snapshot delays no events of another stream. Each stream has its
 * own cursor: a stream that is too slow falls off its own feed, and the others do not.
 */

#include <assert.h>

#include "broker/base/util.h"
#include "broker/server/send_queue.h"

/* An empty reply buffer is reduced to this size. */
#define REPLY_BYTES_KEPT 4096u

void send_queue_init(SendQueue *queue) {
        *queue = (SendQueue){};
        list_init(&queue->streams);
}

/**
 * send_queue_deinit() - free the replies
 * @queue:  the queue, without streams; the caller returns the charge of the replies
 */
void send_queue_deinit(SendQueue *queue) {
        assert(list_is_empty(&queue->streams));
        buffer_deinit(&queue->replies);
}

/**
 * send_queue_add_stream() - add a stream that has nothing to send yet
 * @queue:   the queue
 * @stream:  output
 * @number:  its number, within the connection
 */
void send_queue_add_stream(SendQueue *queue, SendStream *stream, uint32_t number) {
        *stream = (SendStream){ .queue = queue, .number = number };
        cursor_init(&stream->cursor, number);
        list_init(&stream->link);
        list_append(&queue->streams, &stream->link);
}

/* How many bytes of a frame that is partly sent are to be sent. */
static size_t send_queue_n_frame_left(const SendStream *stream) {
        return snapshot_cursor_n_frame_left(&stream->snapshot) + cursor_n_frame_left(&stream->cursor);
}

/**
 * send_queue_finish_frame() - have the rest of a frame sent without the stream
 * @stream:  the stream; it is between two frames afterwards, and is to leave its snapshot and its feed
 * @memory:  the charge for the replies
 *
 * The rest goes in front of the replies, none of which is partly sent: no frame interrupts another one.
 *
 * Return: 0; BUFFER_E_MEMORY; BUFFER_E_QUOTA: the connection can only be closed.
 */
int send_queue_finish_frame(SendStream *stream, Charge *memory) {
        SendQueue *queue = stream->queue;
        int r;

        if (queue->within != stream)
                return 0;
        r = buffer_reserve_front(&queue->replies, memory, send_queue_n_frame_left(stream));
        if (r)
                return r;
        if (!snapshot_cursor_is_at_boundary(&stream->snapshot))
                snapshot_cursor_copy_frame_left(&stream->snapshot, queue->replies.bytes);
        else
                cursor_copy_frame_left(&stream->cursor, queue->replies.bytes);
        queue->within = NULL;
        return 0;
}

/**
 * send_queue_remove_stream() - leave snapshot and feed
 * @stream:  the stream, which sends nothing from now on
 */
void send_queue_remove_stream(SendStream *stream) {
        SendQueue *queue = stream->queue;

        if (queue->within == stream)
                queue->within = NULL;
        list_unlink(&stream->link);
        snapshot_cursor_detach(&stream->snapshot);
        cursor_deinit(&stream->cursor);
}

/**
 * send_queue_add_reply() - queue a reply
 * @queue:    the queue
 * @memory:   the charge for the replies
 * @frame:    a whole frame, or the rest of the one that was added last; copied
 * @n_frame:  its length
 *
 * Return: 0; BUFFER_E_MEMORY; BUFFER_E_QUOTA.
 */
int send_queue_add_reply(SendQueue *queue, Charge *memory, const uint8_t *frame, size_t n_frame) {
        return buffer_append(&queue->replies, memory, frame, n_frame);
}

bool send_queue_has_replies(const SendQueue *queue) {
        return buffer_n(&queue->replies) > 0;
}

/* Whether there was no memory for the rest of a stream's frame: the connection can only be closed. */
bool send_queue_is_broken(const SendQueue *queue) {
        for (const List *link = queue->streams.next; link != &queue->streams; link = link->next)
                if (container_of(link, const SendStream, link)->cursor.broken)
                        return true;
        return false;
}

/**
 * send_queue_find_fallen() - find a stream whose loss is to be reported next
 * @queue:  the queue
 *
 * Return: A stream whose cursor fell off the feed's tail, and that has sent all that precedes the loss; NULL: no
 *         stream has.
 */
SendStream *send_queue_find_fallen(const SendQueue *queue) {
        if (queue->closing || send_queue_has_replies(queue))
                return NULL;
        for (const List *link = queue->streams.next; link != &queue->streams; link = link->next) {
                SendStream *stream = container_of((List *)link, SendStream, link);

                if (cursor_must_recover(&stream->cursor) && !stream->snapshot.snapshot)
                        return stream;
        }
        return NULL;
}

/* The part that a stream sends next, if it is its turn. A snapshot that is still being made holds the feed back. */
static SendPart send_queue_part(const SendStream *stream, size_t n_snapshot_max) {
        const Snapshot *snapshot = stream->snapshot.snapshot;

        if (snapshot && !snapshot->complete && cursor_is_at_boundary(&stream->cursor))
                return SEND_NOTHING;
        if (!snapshot_cursor_is_at_boundary(&stream->snapshot) ||
            (snapshot && cursor_is_at_boundary(&stream->cursor)))
                return n_snapshot_max > 0 ? SEND_SNAPSHOT : SEND_LATER;
        return cursor_is_idle(&stream->cursor) || cursor_must_recover(&stream->cursor) ? SEND_NOTHING : SEND_FEED;
}

/**
 * send_queue_next() - which part is sent next
 * @queue:           the queue
 * @n_snapshot_max:  bytes of snapshots that may be sent now
 *
 * Return: The part that is within a frame, or else the first that has something.
 */
SendNext send_queue_next(const SendQueue *queue, size_t n_snapshot_max) {
        SendPart later = SEND_NOTHING;

        if (queue->within)
                return (SendNext){ send_queue_part(queue->within, n_snapshot_max), queue->within };
        if (send_queue_has_replies(queue))
                return (SendNext){ SEND_REPLIES, NULL };
        if (queue->closing)
                return (SendNext){ SEND_NOTHING, NULL };
        for (const List *link = queue->streams.next; link != &queue->streams; link = link->next) {
                SendStream *stream = container_of((List *)link, SendStream, link);
                SendPart part = send_queue_part(stream, n_snapshot_max);

                if (part == SEND_LATER)
                        later = SEND_LATER;
                else if (part != SEND_NOTHING)
                        return (SendNext){ part, stream };
        }
        return (SendNext){ later, NULL };
}

/**
 * send_queue_slices() - the bytes that come next
 * @queue:           the queue
 * @next:            the result of send_queue_next()
 * @n_snapshot_max:  bytes at most, if it is a snapshot's turn
 * @slices:          output; empty: there is nothing to send
 */
void send_queue_slices(const SendQueue *queue, SendNext next, size_t n_snapshot_max, StreamSlices *slices) {
        size_t n_max = SEND_QUEUE_TURN_BYTES;

        stream_slices_clear(slices);
        if (next.part == SEND_REPLIES)
                stream_slices_add_bytes(slices, queue->replies.bytes + queue->replies.begin,
                                        buffer_n(&queue->replies));
        if (!next.stream)
                return;
        /* Where another part follows, only the rest of the frame that was begun. */
        if (send_queue_has_replies(queue) || queue->closing)
                n_max = send_queue_n_frame_left(next.stream);
        else if (queue->streams.next != queue->streams.prev)
                n_max = SEND_QUEUE_STREAM_BYTES;
        if (next.part == SEND_SNAPSHOT)
                snapshot_cursor_slices(&next.stream->snapshot, MIN(n_max, n_snapshot_max), slices);
        else if (next.part == SEND_FEED)
                cursor_slices(&next.stream->cursor, n_max, slices);
}

static void send_queue_advance_replies(SendQueue *queue, Charge *memory, size_t n) {
        queue->replies.begin += n;
        if (send_queue_has_replies(queue))
                return;
        buffer_pack(&queue->replies);
        if (queue->replies.n_max > REPLY_BYTES_KEPT)
                (void)buffer_resize(&queue->replies, memory, REPLY_BYTES_KEPT);
}

/**
 * send_queue_advance() - note what was sent
 * @queue:   the queue
 * @memory:  the charge for the replies
 * @next:    the part, and its stream
 * @n:       bytes, of the slices that were handed out last
 */
void send_queue_advance(SendQueue *queue, Charge *memory, SendNext next, size_t n) {
        SendStream *stream = next.stream;

        if (next.part == SEND_REPLIES)
                return send_queue_advance_replies(queue, memory, n);
        if (next.part == SEND_SNAPSHOT) {
                stream->snapshot_age = 0;
                snapshot_cursor_advance(&stream->snapshot, n);
        } else {
                cursor_advance(&stream->cursor, n);
        }
        queue->within = send_queue_n_frame_left(stream) > 0 ? stream : NULL;
        list_unlink(&stream->link);
        list_append(&queue->streams, &stream->link);
}
