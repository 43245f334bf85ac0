/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Snapshot: the live tasks that a feed selects, encoded once for all clients that ask at
 * about the same time. SnapshotCursor: how far one reader has got. The snapshot's number
 * says where in the feed it stands: each reader goes on there.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "broker/base/list.h"
#include "broker/output/encode.h"
#include "broker/output/cursor.h"
#include "broker/policy/quota.h"

typedef struct Snapshot Snapshot;
typedef struct SnapshotCursor SnapshotCursor;
typedef struct SnapshotFrame SnapshotFrame;

enum {
        _SNAPSHOT_E_SUCCESS,
        SNAPSHOT_E_MEMORY,
};

struct SnapshotFrame {
        List link;
        size_t n;
        uint8_t bytes[];
};

struct Snapshot {
        List link;                      /* the owner's list */
        List frames;
        size_t n_bytes;
        size_t n_readers;
        uint64_t next_number;           /* the feed's next number at the moment of the snapshot */
        uint64_t event_count;           /* the count of all events, for the owner */
        uint64_t n_programs;            /* ProgramReader.n_outside_exec at that moment, for the owner */
        uint64_t time_ns;               /* monotonic, for the owner */
        uint64_t n_tasks;
        Charge memory;                  /* charged to the owner */
};

struct SnapshotCursor {
        Snapshot *snapshot;             /* NULL: the client has no snapshot, or has read it */
        SnapshotFrame *frame;
        size_t offset;                  /* offset of the next byte to send */
};

int snapshot_new(Snapshot **ret_snapshot, TaskTable *table, Feed *feed, uint64_t time_ns);
Snapshot *snapshot_free(Snapshot *snapshot);

void snapshot_cursor_attach(SnapshotCursor *cursor, Snapshot *snapshot);
void snapshot_cursor_detach(SnapshotCursor *cursor);
bool snapshot_cursor_is_at_boundary(const SnapshotCursor *cursor);
size_t snapshot_cursor_slices(const SnapshotCursor *cursor, size_t n_max, struct iovec slices[static FEED_SLICES]);
void snapshot_cursor_advance(SnapshotCursor *cursor, size_t n);
