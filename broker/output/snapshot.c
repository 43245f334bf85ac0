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

void snapshot_cursor_attach(SnapshotCursor *cursor, Snapshot *snapshot) {
        assert(!cursor->snapshot);
        ++snapshot->n_readers;
        *cursor = (SnapshotCursor){ .snapshot = snapshot };
}

void snapshot_cursor_detach(SnapshotCursor *cursor) {
        if (cursor->snapshot)
                --cursor->snapshot->n_readers;
        *cursor = (SnapshotCursor){};
}

static SnapshotFrame *snapshot_cursor_frame(const SnapshotCursor *cursor) {
        return cursor->frame ? cursor->frame : container_of(cursor->snapshot->frames.next, SnapshotFrame, link);
}

/* The bytes up to the next boundary; 0: the cursor is at one. */
size_t snapshot_cursor_frame_left(const SnapshotCursor *cursor) {
        return cursor->offset == 0 ? 0 : cursor->frame->n - cursor->offset;
}

/* Whether another frame may be sent between. */
bool snapshot_cursor_is_at_boundary(const SnapshotCursor *cursor) {
        return cursor->offset == 0;
}

/**
 * snapshot_cursor_slices() - what to send next
 * @cursor:  the cursor
 * @n_max:   bytes at most
 * @slices:  output
 *
 * Return: How many slices; 0: all was sent, or the snapshot is not complete yet.
 */
size_t snapshot_cursor_slices(const SnapshotCursor *cursor, size_t n_max, struct iovec slices[static FEED_SLICES]) {
        size_t offset = cursor->offset, n = 0;
        SnapshotFrame *frame;

        if (!cursor->snapshot || !cursor->snapshot->complete)
                return 0;
        frame = snapshot_cursor_frame(cursor);
        while (n < FEED_SLICES && n_max > 0 && &frame->link != &cursor->snapshot->frames) {
                size_t n_slice = MIN(frame->n - offset, n_max);

                slices[n++] = (struct iovec){ frame->bytes + offset, n_slice };
                n_max -= n_slice;
                offset = 0;
                frame = container_of(frame->link.next, SnapshotFrame, link);
        }
        return n;
}

/**
 * snapshot_cursor_advance() - note what was sent
 * @cursor:  the cursor; detached, once all was
 * @n:       bytes, of the slices that were handed out last
 */
void snapshot_cursor_advance(SnapshotCursor *cursor, size_t n) {
        while (n > 0) {
                size_t n_here;

                cursor->frame = snapshot_cursor_frame(cursor);
                n_here = MIN(cursor->frame->n - cursor->offset, n);
                cursor->offset += n_here;
                n -= n_here;
                if (cursor->offset < cursor->frame->n)
                        return;
                cursor->offset = 0;
                if (cursor->frame->link.next == &cursor->snapshot->frames) {
                        snapshot_cursor_detach(cursor);
                        return;
                }
                cursor->frame = container_of(cursor->frame->link.next, SnapshotFrame, link);
        }
}
