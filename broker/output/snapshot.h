/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Snapshot: the live tasks that a feed selects, encoded once for all clients that ask at
 * about the same time. SnapshotBuild fills it. SnapshotCursor: how far one reader has got. A
 * reader gets nothing before the snapshot is complete. The snapshot's number says where in
 * the feed it stands: each reader goes on there.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "broker/base/list.h"
#include "broker/output/encode.h"
#include "broker/output/feed.h"
#include "broker/output/stream_frame.h"
#include "broker/policy/quota.h"

typedef struct Snapshot Snapshot;
typedef struct SnapshotBuild SnapshotBuild;
typedef struct SnapshotCursor SnapshotCursor;
typedef struct SnapshotFrame SnapshotFrame;

enum {
        _SNAPSHOT_E_SUCCESS,
        SNAPSHOT_E_MEMORY,
        SNAPSHOT_E_USER,                /* the user has the memory that a user may have */
        SNAPSHOT_E_TOTAL,               /* all users together have it */
};

struct SnapshotFrame {
        List link;
        size_t n;
        uint8_t bytes[];
};

struct Snapshot {
        List link;                      /* the owner's list */
        List frames;
        SnapshotBuild *build;           /* the owner's; NULL: no more frames come */
        Feed *feed;                     /* not owned */
        size_t n_bytes;
        size_t n_readers;
        uint64_t next_number;           /* the feed's next number at the moment of the snapshot */
        uint64_t event_count;           /* the count of all events, for the owner */
        uint64_t n_programs;            /* ProgramReader.n_outside_exec at that moment, for the owner */
        uint64_t time_ns;               /* monotonic, for the owner */
        uint64_t n_tasks;
        bool complete;                  /* all its frames are there */
        int failed;                     /* the owner's reason why it never becomes complete; 0: it may */
        Charge memory;                  /* the frames, at the cost of the user who asked first */
};

struct SnapshotCursor {
        Snapshot *snapshot;             /* NULL: the client has no snapshot, or has read it */
        SnapshotFrame *frame;           /* the frame to send, or the frame that is partly sent; NULL: the first one */
        size_t n_sent;                  /* bytes of that frame, as the reader gets it */
        uint32_t stream;                /* the number that the frames get; 0: they get none */
};

int snapshot_new(Snapshot **ret_snapshot, uint64_t next_number, QuotaUser *user);
Snapshot *snapshot_free(Snapshot *snapshot);
int snapshot_add_frame(Snapshot *snapshot, const uint8_t *header, size_t n_header, const uint8_t *body, size_t n_body);
void snapshot_drop_frames(Snapshot *snapshot);

void snapshot_cursor_attach(SnapshotCursor *cursor, Snapshot *snapshot, uint32_t stream);
void snapshot_cursor_detach(SnapshotCursor *cursor);
bool snapshot_cursor_is_at_boundary(const SnapshotCursor *cursor);
size_t snapshot_cursor_n_frame_left(const SnapshotCursor *cursor);
void snapshot_cursor_copy_frame_left(const SnapshotCursor *cursor, uint8_t *out);
void snapshot_cursor_slices(const SnapshotCursor *cursor, size_t n_max, StreamSlices *slices);
void snapshot_cursor_advance(SnapshotCursor *cursor, size_t n);
