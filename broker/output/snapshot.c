/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A snapshot is made in one go between two events, so that it shows a single moment. It
 * takes some 0.3 us a task. Its frames have 64 KiB; the last frame is the SnapshotEnd.
 */

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "broker/base/memory.h"
#include "broker/base/util.h"
#include "broker/output/snapshot.h"
#include "broker/tasks/parents.h"

#define PART_MAX (64u * 1024u)

typedef struct Part Part;

/* The part that is being filled. */
struct Part {
        size_t n;
        uint8_t bytes[PART_MAX - ENCODED_PART_HEADER_MAX];
};

static int snapshot_add_frame(Snapshot *snapshot, const uint8_t *header, size_t n_header, const uint8_t *body,
                              size_t n_body) {
        SnapshotFrame *frame = memory_alloc_optional(NULL, sizeof(*frame) + n_header + n_body);

        if (!frame)
                return SNAPSHOT_E_MEMORY;
        frame->n = n_header + n_body;
        memcpy(frame->bytes, header, n_header);
        if (n_body > 0)
                memcpy(frame->bytes + n_header, body, n_body);
        list_append(&snapshot->frames, &frame->link);
        snapshot->n_bytes += frame->n;
        return 0;
}

static int snapshot_close_part(Snapshot *snapshot, Part *part) {
        uint8_t header[ENCODED_PART_HEADER_MAX];
        size_t n = part->n;

        part->n = 0;
        if (n == 0)
                return 0;
        return snapshot_add_frame(snapshot, header, encode_part_header(n, header), part->bytes, n);
}

static int snapshot_fill(Snapshot *snapshot, TaskTable *table, Feed *feed, Part *part) {
        uint32_t programs = feed->key.programs ? ENCODE_PROGRAM : 0;
        bool threads = feed->key.threads, all = feed->matcher.matches_all;
        int r;

        for (Task *task = threads ? task_table_next(table, 1) : task_table_next_leader(table, 1); task;
             task = threads ? task_table_next(table, task->tid + 1) : task_table_next_leader(table, task->tid + 1)) {
                View view = policy_view_task(&feed->rights, task);
                uint8_t encoded[ENCODED_TASK_MAX] UNINITIALISED;
                size_t n;

                /* A leader that was never seen only holds its process' number. The feed has not reported its FORK. */
                if (!threads && task_table_leader_is_unseen(task))
                        continue;
                if (view == VIEW_NONE || (!all && !filter_matcher_has_task(&feed->matcher, task)))
                        continue;
                n = encode_task(task, parents_present(table, task->process), parents_session(table, task->process),
                                programs | (view == VIEW_PUBLIC ? ENCODE_PUBLIC : 0), threads, encoded);
                if (part->n + n > sizeof(part->bytes)) {
                        r = snapshot_close_part(snapshot, part);
                        if (r)
                                return r;
                }
                /*
                 * The FORK of a task that was found in /proc may still be in the queue. It is not reported then, as
                 * the snapshot has the task.
                 */
                if (task->flags & TASK_SEEDED)
                        task->flags |= TASK_FORK_REPORTED;
                memcpy(part->bytes + part->n, encoded, n);
                part->n += n;
                ++snapshot->n_tasks;
        }
        return snapshot_close_part(snapshot, part);
}

/**
 * snapshot_new() - encode the live tasks
 * @ret_snapshot:  output
 * @table:         the tasks
 * @feed:          selects the tasks, and gives the number to go on from; its batch closed
 * @time_ns:       since the epoch, for the readers
 *
 * Return: 0; SNAPSHOT_E_MEMORY.
 */
int snapshot_new(Snapshot **ret_snapshot, TaskTable *table, Feed *feed, uint64_t time_ns) {
        Snapshot *snapshot = memory_alloc_optional(NULL, sizeof(*snapshot));
        uint8_t end[ENCODED_REPLY_MAX];
        Part *part = memory_alloc_optional(NULL, sizeof(*part));
        int r;

        if (!snapshot || !part) {
                free(snapshot);
                free(part);
                return SNAPSHOT_E_MEMORY;
        }
        *snapshot = (Snapshot){};
        list_init(&snapshot->link);
        list_init(&snapshot->frames);
        snapshot->next_number = feed->next_number;
        part->n = 0;
        r = snapshot_fill(snapshot, table, feed, part);
        free(part);
        if (!r)
                r = snapshot_add_frame(snapshot, end,
                                       encode_snapshot_end(snapshot->next_number - 1, snapshot->n_tasks, time_ns, end),
                                       NULL, 0);
        if (r) {
                snapshot_free(snapshot);
                return r;
        }
        *ret_snapshot = snapshot;
        return 0;
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
        list_for_each(link, safe, &snapshot->frames)
                free(container_of(link, SnapshotFrame, link));
        list_unlink(&snapshot->link);
        charge_return(&snapshot->memory);
        free(snapshot);
        return NULL;
}

/*
 * Readers.
 */

void snapshot_cursor_attach(SnapshotCursor *cursor, Snapshot *snapshot) {
        assert(!cursor->snapshot);
        ++snapshot->n_readers;
        *cursor = (SnapshotCursor){
                .snapshot = snapshot,
                .frame = container_of(snapshot->frames.next, SnapshotFrame, link),
        };
}

void snapshot_cursor_detach(SnapshotCursor *cursor) {
        if (cursor->snapshot)
                --cursor->snapshot->n_readers;
        *cursor = (SnapshotCursor){};
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
 * Return: How many slices; 0: all was sent.
 */
size_t snapshot_cursor_slices(const SnapshotCursor *cursor, size_t n_max, struct iovec slices[static FEED_SLICES]) {
        SnapshotFrame *frame = cursor->frame;
        size_t offset = cursor->offset, n = 0;

        while (cursor->snapshot && n < FEED_SLICES && n_max > 0 && &frame->link != &cursor->snapshot->frames) {
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
                size_t n_here = MIN(cursor->frame->n - cursor->offset, n);

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
