/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The output of a client has three parts: replies, the snapshot and the feed. A part
 * gives way to another only between two of its frames, because a frame cannot be
 * interrupted. Replies go first where there is a choice, so that a client which reads a
 * long snapshot still gets its answers.
 */

#include "broker/base/util.h"
#include "broker/server/send_queue.h"

/* An empty reply buffer is reduced to this size. */
#define REPLY_BYTES_KEPT 4096u

void send_queue_init(SendQueue *queue) {
        *queue = (SendQueue){};
        cursor_init(&queue->cursor);
}

/**
 * send_queue_deinit() - leave snapshot and feed, and free the replies
 * @queue:  the queue; the caller returns the charge of the replies
 */
void send_queue_deinit(SendQueue *queue) {
        snapshot_cursor_detach(&queue->snapshot);
        cursor_deinit(&queue->cursor);
        buffer_deinit(&queue->replies);
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

/**
 * send_queue_must_recover() - whether the loss in the feed is to be reported next
 * @queue:  the queue
 *
 * Return: Whether the cursor fell off the feed's tail and all that precedes the loss was sent.
 */
bool send_queue_must_recover(const SendQueue *queue) {
        return cursor_must_recover(&queue->cursor) && !queue->closing && !send_queue_has_replies(queue) &&
               !queue->snapshot.snapshot;
}

/**
 * send_queue_part() - which part is sent next
 * @queue:  the queue
 *
 * Return: The part that is within a frame, or else the first that has something.
 */
SendPart send_queue_part(const SendQueue *queue) {
        if (!snapshot_cursor_is_at_boundary(&queue->snapshot))
                return SEND_SNAPSHOT;
        if (!cursor_is_at_boundary(&queue->cursor))
                return SEND_FEED;
        if (send_queue_has_replies(queue))
                return SEND_REPLIES;
        return queue->snapshot.snapshot && !queue->closing ? SEND_SNAPSHOT : SEND_FEED;
}

/* Where another part follows, only the rest of the frame that was begun. */
static size_t send_queue_snapshot_slices(SendQueue *queue, size_t n_max,
                                         struct iovec slices[static SEND_QUEUE_SLICES]) {
        if (send_queue_has_replies(queue) || queue->closing)
                n_max = snapshot_cursor_frame_left(&queue->snapshot);
        return snapshot_cursor_slices(&queue->snapshot, n_max, slices);
}

static size_t send_queue_feed_slices(SendQueue *queue, struct iovec slices[static SEND_QUEUE_SLICES]) {
        bool others = send_queue_has_replies(queue) || queue->closing;

        if (!cursor_is_at_boundary(&queue->cursor))
                return cursor_slices(&queue->cursor, others ? queue->cursor.n_frame_left : SEND_QUEUE_TURN_BYTES,
                                     slices);
        return queue->closing ? 0 : cursor_slices(&queue->cursor, SEND_QUEUE_TURN_BYTES, slices);
}

/**
 * send_queue_slices() - the bytes that come next
 * @queue:           the queue
 * @part:            the result of send_queue_part()
 * @n_snapshot_max:  bytes at most, if it is the snapshot's turn
 * @slices:          output
 *
 * Return: How many slices; 0: there is nothing to send.
 */
size_t send_queue_slices(SendQueue *queue,
                         SendPart part,
                         size_t n_snapshot_max,
                         struct iovec slices[static SEND_QUEUE_SLICES]) {
        switch (part) {
        case SEND_REPLIES:
                slices[0] = (struct iovec){ queue->replies.bytes + queue->replies.begin, buffer_n(&queue->replies) };
                return 1;
        case SEND_SNAPSHOT:
                return send_queue_snapshot_slices(queue, n_snapshot_max, slices);
        case SEND_FEED:
                break;
        }
        return send_queue_feed_slices(queue, slices);
}

/**
 * send_queue_advance() - note what was sent
 * @queue:   the queue
 * @memory:  the charge for the replies
 * @part:    the part
 * @n:       bytes, of the slices that were handed out last
 */
void send_queue_advance(SendQueue *queue, Charge *memory, SendPart part, size_t n) {
        switch (part) {
        case SEND_REPLIES:
                queue->replies.begin += n;
                if (send_queue_has_replies(queue))
                        return;
                buffer_pack(&queue->replies);
                if (queue->replies.n_max > REPLY_BYTES_KEPT)
                        (void)buffer_resize(&queue->replies, memory, REPLY_BYTES_KEPT);
                break;
        case SEND_SNAPSHOT:
                snapshot_cursor_advance(&queue->snapshot, n);
                break;
        case SEND_FEED:
                cursor_advance(&queue->cursor, n);
                break;
        }
}
