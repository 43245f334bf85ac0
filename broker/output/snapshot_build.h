/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * SnapshotBuild: fills a snapshot in slices, between which events happen. The snapshot shows
 * the single moment at which the build began. Feeds owns it, gives it the slices, and hands
 * it each event before the table changes.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "broker/base/list.h"
#include "broker/model/event.h"
#include "broker/output/feed.h"
#include "broker/output/snapshot.h"
#include "broker/tasks/task_table.h"

/* The body of a frame. */
#define SNAPSHOT_PART_MAX (64u * 1024u - ENCODED_PART_HEADER_MAX)

/* The work of a slice. The unit is the step of a filter, about a nanosecond. */
#define SNAPSHOT_SLICE_STEPS 500000u

struct SnapshotBuild {
        List link;                      /* the owner's list of builds that need more slices */
        Snapshot *snapshot;             /* not owned, like the next two */
        TaskTable *table;
        Feed *feed;
        uint64_t time_ns;               /* since the epoch, for the readers */
        uint32_t next_tid;              /* the next slice begins here */
        uint32_t end_tid;               /* tasks from here on are younger than the snapshot */
        uint64_t *done;                 /* a bit a task that is not to be looked at any more; NULL: no event came yet */
        Charge memory;                  /* the build itself, once it needs a second slice */
        int r;                          /* the error of a task that an event had added */
        size_t n;                       /* bytes in the part */
        uint8_t part[SNAPSHOT_PART_MAX];
};

int snapshot_build_new(SnapshotBuild **ret_build, Snapshot *snapshot, TaskTable *table, Feed *feed, uint64_t time_ns);
SnapshotBuild *snapshot_build_free(SnapshotBuild *build);
int snapshot_build_slice(SnapshotBuild *build, uint64_t n_steps_max);
void snapshot_build_note(SnapshotBuild *build, const Event *event);
