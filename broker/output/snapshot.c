/* SPDX-License-Identifier: Apache-2.0 */

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "broker/base/memory.h"
#include "broker/base/util.h"
#include "broker/output/snapshot.h"

/**
 * snapshot_new() - make a snapshot without a frame
 * @ret_snapshot:  output
 * @next_number:   the feed's next number, with which its readers go on
 * @user:          pays for the frames
 *
 * Return: 0; SNAPSHOT_E_MEMORY.
 */
int snapshot_new(Snapshot **ret_snapshot, uint64_t next_number, QuotaUser *user) {
        Snapshot *snapshot = memory_alloc_optional(NULL, sizeof(*snapshot));

        if (!snapshot)
                return SNAPSHOT_E_MEMORY;
        *snapshot = (Snapshot){ .next_number = next_number };
        list_init(&snapshot->link);
        list_init(&snapshot->frames);
        /* Nothing is never refused. */
        (void)charge_take(&snapshot->memory, user, QUOTA_BYTES, 0);
        *ret_snapshot = snapshot;
        return 0;
}

/**
 * snapshot_drop_frames() - free the frames, and return what they cost
 * @snapshot:  a snapshot that no reader has begun to read
 */
void snapshot_drop_frames(Snapshot *snapshot) {
        list_for_each(link, safe, &snapshot->frames)
                free(container_of(link, SnapshotFrame, link));
        list_init(&snapshot->frames);
        snapshot->n_bytes = 0;
        charge_return(&snapshot->memory);
}

/**
 * snapshot_free() - free a snapshot
 * @snapshot:  a snapshot without readers, or NULL
 *
 * Return: NULL.
 */
Snapshot *snapshot_free(Snapshot *snapshot) {
        if (!snapshot)
                return NULL;
        assert(snapshot->n_readers == 0);
        snapshot_drop_frames(snapshot);
        list_unlink(&snapshot->link);
        free(snapshot);
        return NULL;
}

/**
 * snapshot_add_frame() - append a frame
 * @snapshot:  a snapshot that is not complete
 * @header:    the begin of the frame
 * @n_header:  its length
 * @body:      the rest
 * @n_body:    its length
 *
 * Return: 0; SNAPSHOT_E_MEMORY, SNAPSHOT_E_USER or SNAPSHOT_E_TOTAL.
 */
int snapshot_add_frame(Snapshot *snapshot, const uint8_t *header, size_t n_header, const uint8_t *body, size_t n_body) {
        size_t n = n_header + n_body;
        SnapshotFrame *frame;
        int r;

        r = charge_resize(&snapshot->memory, snapshot->n_bytes + n);
        if (r)
                return r == QUOTA_E_USER ? SNAPSHOT_E_USER : SNAPSHOT_E_TOTAL;
        frame = memory_alloc_optional(NULL, sizeof(*frame) + n);
        if (!frame)
                return SNAPSHOT_E_MEMORY;
        frame->n = n;
        memcpy(frame->bytes, header, n_header);
        if (n_body > 0)
                memcpy(frame->bytes + n_header, body, n_body);
        list_append(&snapshot->frames, &frame->link);
        snapshot->n_bytes += n;
        return 0;
}

/*
 * Readers.
 */

void snapshot_cursor_attach(SnapshotCursor *cursor, Snapshot *snapshot, uint32_t stream) {
        assert(!cursor->snapshot);
        ++snapshot->n_readers;
        *cursor = (SnapshotCursor){ .snapshot = snapshot, .stream = stream };
}

void snapshot_cursor_detach(SnapshotCursor *cursor) {
        if (cursor->snapshot)
                --cursor->snapshot->n_readers;
        *cursor = (SnapshotCursor){};
}

static SnapshotFrame *snapshot_cursor_part(const SnapshotCursor *cursor) {
        return cursor->frame ? cursor->frame : container_of(cursor->snapshot->frames.next, SnapshotFrame, link);
}

/* Whether another frame may be sent between. */
bool snapshot_cursor_is_at_boundary(const SnapshotCursor *cursor) {
        return cursor->n_sent == 0;
}

/* How many bytes of a frame that is partly sent are to be sent; 0: the cursor is between two frames. */
size_t snapshot_cursor_n_frame_left(const SnapshotCursor *cursor) {
        StreamFrame frame;

        if (cursor->n_sent == 0)
                return 0;
        frame = stream_frame(cursor->frame->bytes, cursor->frame->n, cursor->stream);
        return stream_frame_size(&frame) - cursor->n_sent;
}

/* Copies these bytes. */
void snapshot_cursor_copy_frame_left(const SnapshotCursor *cursor, uint8_t *out) {
        StreamFrame frame = stream_frame(cursor->frame->bytes, cursor->frame->n, cursor->stream);

        stream_frame_copy(&frame, cursor->n_sent, out);
}

/**
 * snapshot_cursor_slices() - what to send next
 * @cursor:  the cursor
 * @n_max:   bytes at most
 * @slices:  output; empty: all was sent, or the snapshot is not complete yet
 */
void snapshot_cursor_slices(const SnapshotCursor *cursor, size_t n_max, StreamSlices *slices) {
        size_t n_skip = cursor->n_sent;
        SnapshotFrame *part;

        stream_slices_clear(slices);
        if (!cursor->snapshot || !cursor->snapshot->complete)
                return;
        part = snapshot_cursor_part(cursor);
        while (slices->n_bytes < n_max && &part->link != &cursor->snapshot->frames) {
                StreamFrame frame = stream_frame(part->bytes, part->n, cursor->stream);

                if (!stream_slices_add(slices, &frame, n_skip))
                        break;
                n_skip = 0;
                part = container_of(part->link.next, SnapshotFrame, link);
        }
        stream_slices_cut(slices, n_max);
}

/**
 * snapshot_cursor_advance() - note what was sent
 * @cursor:  the cursor; detached, once all was
 * @n:       bytes, of the slices that were handed out last
 */
void snapshot_cursor_advance(SnapshotCursor *cursor, size_t n) {
        while (n > 0) {
                StreamFrame frame;
                size_t n_here;

                cursor->frame = snapshot_cursor_part(cursor);
                frame = stream_frame(cursor->frame->bytes, cursor->frame->n, cursor->stream);
                n_here = MIN(stream_frame_size(&frame) - cursor->n_sent, n);
                cursor->n_sent += n_here;
                n -= n_here;
                if (cursor->n_sent < stream_frame_size(&frame))
                        return;
                cursor->n_sent = 0;
                if (cursor->frame->link.next == &cursor->snapshot->frames) {
                        snapshot_cursor_detach(cursor);
                        return;
                }
                cursor->frame = container_of(cursor->frame->link.next, SnapshotFrame, link);
        }
}
