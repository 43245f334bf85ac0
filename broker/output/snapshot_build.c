/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A snapshot of many tasks takes longer than events may wait, so it is made in slices by
 * number of task. It shows the tasks as they were when the build began: an event that is about
 * to change a task adds the task as it still is, unless a slice has added it already. A task
 * that an event begins is left out. So the stream from the snapshot's number on, applied to
 * the snapshot, gives the present tasks, as if the snapshot had been made at once.
 *
 * The frames have 64 KiB; the last frame is the SnapshotEnd. Most machines have no more tasks
 * than fit into the first slice, which needs no notes of events.
 *
 * A filter's steps for a snapshot are not charged to the feed's budget, which is for events.
 * The time of the slices is charged to the user who asked.
 */

#include <stdlib.h>
#include <string.h>

#include "broker/base/memory.h"
#include "broker/base/util.h"
#include "broker/output/snapshot_build.h"
#include "broker/tasks/parents.h"

/* The work to look at a task, to encode it, and to copy so many bytes of it, in steps. */
#define LOOK_STEPS 16u
#define ENCODE_STEPS 256u
#define BYTES_A_STEP 8u

#define WORD_BITS 64u

/**
 * snapshot_build_new() - begin to fill a snapshot
 * @ret_build:  output
 * @snapshot:   the snapshot, without a frame
 * @table:      the tasks
 * @feed:       selects the tasks; its batch closed
 * @time_ns:    since the epoch, for the readers
 *
 * Return: 0; SNAPSHOT_E_MEMORY.
 */
int snapshot_build_new(SnapshotBuild **ret_build, Snapshot *snapshot, TaskTable *table, Feed *feed, uint64_t time_ns) {
        SnapshotBuild *build = memory_alloc_optional(NULL, sizeof(*build));

        if (!build)
                return SNAPSHOT_E_MEMORY;
        memset(build, 0, offsetof(SnapshotBuild, part));
        list_init(&build->link);
        build->snapshot = snapshot;
        build->table = table;
        build->feed = feed;
        build->time_ns = time_ns;
        build->next_tid = 1;
        build->end_tid = task_pages_end(&table->pages);
        *ret_build = build;
        return 0;
}

/**
 * snapshot_build_free() - end a build, complete or not
 * @build:  the build, or NULL; its snapshot stays
 *
 * Return: NULL.
 */
SnapshotBuild *snapshot_build_free(SnapshotBuild *build) {
        if (!build)
                return NULL;
        list_unlink(&build->link);
        charge_return(&build->memory);
        free(build->done);
        free(build);
        return NULL;
}

static int snapshot_build_close_part(SnapshotBuild *build) {
        uint8_t header[ENCODED_PART_HEADER_MAX];
        size_t n = build->n;

        build->n = 0;
        if (n == 0)
                return 0;
        return snapshot_add_frame(build->snapshot, header, encode_part_header(n, header), build->part, n);
}

/* Adds a task, if the feed selects it. @n_steps: the work is added. */
static int snapshot_build_add(SnapshotBuild *build, const Task *task, uint64_t *n_steps) {
        const TaskTable *table = build->table;
        Feed *feed = build->feed;
        bool threads = feed->key.threads;
        View view = policy_view_task(&feed->rights, task);
        uint32_t variant = (feed->key.programs ? ENCODE_PROGRAM : 0) | (view == VIEW_PUBLIC ? ENCODE_PUBLIC : 0);
        uint8_t encoded[ENCODED_TASK_MAX] UNINITIALISED;
        uint64_t n_filter = feed->matcher.n_steps;
        bool selected = view != VIEW_NONE;
        size_t n;
        int r;

        /* A leader that was never seen only holds its process' number. The feed has not reported its FORK. */
        if (!threads && task_table_leader_is_unseen(task))
                return 0;
        if (selected && !feed->matcher.matches_all) {
                selected = filter_matcher_has_task(&feed->matcher, task);
                n_filter = feed->matcher.n_steps - n_filter;
                feed->budget.n_charged += n_filter;
                *n_steps += n_filter;
        }
        if (!selected)
                return 0;
        n = encode_task(task, parents_present(table, task->process), parents_session(table, task->process), variant,
                        threads, encoded);
        *n_steps += ENCODE_STEPS + n / BYTES_A_STEP;
        if (build->n + n > sizeof(build->part)) {
                r = snapshot_build_close_part(build);
                if (r)
                        return r;
        }
        memcpy(build->part + build->n, encoded, n);
        build->n += n;
        ++build->snapshot->n_tasks;
        return 0;
}

static int snapshot_build_end(SnapshotBuild *build) {
        Snapshot *snapshot = build->snapshot;
        uint8_t end[ENCODED_REPLY_MAX];
        int r;

        r = snapshot_build_close_part(build);
        if (!r)
                r = snapshot_add_frame(
                        snapshot, end,
                        encode_snapshot_end(snapshot->next_number - 1, snapshot->n_tasks, build->time_ns, end), NULL,
                        0);
        snapshot->complete = r == 0;
        return r;
}

static bool snapshot_build_is_done(const SnapshotBuild *build, uint32_t tid) {
        return tid < build->next_tid || tid >= build->end_tid ||
               (build->done && build->done[tid / WORD_BITS] >> tid % WORD_BITS & 1);
}

static void snapshot_build_set_done(SnapshotBuild *build, uint32_t tid) {
        if (tid < build->end_tid)
                build->done[tid / WORD_BITS] |= UINT64_C(1) << tid % WORD_BITS;
}

/* Prepares for the events between two slices. */
static int snapshot_build_begin_notes(SnapshotBuild *build) {
        size_t n_words = build->end_tid / WORD_BITS + 1;
        int r;

        r = charge_take(&build->memory, build->snapshot->memory.user, QUOTA_BYTES,
                        sizeof(*build) + n_words * sizeof(*build->done));
        if (r)
                return r == QUOTA_E_USER ? SNAPSHOT_E_USER : SNAPSHOT_E_TOTAL;
        build->done = memory_is_scarce() ? NULL : calloc(n_words, sizeof(*build->done));
        return build->done ? 0 : SNAPSHOT_E_MEMORY;
}

/**
 * snapshot_build_slice() - add the next tasks
 * @build:        the build
 * @n_steps_max:  the work ends with the task by which it reaches so many steps
 *
 * Return: 0, and @build->snapshot->complete says whether that was the last slice;
 *         SNAPSHOT_E_MEMORY, SNAPSHOT_E_USER or SNAPSHOT_E_TOTAL: it cannot be made.
 */
int snapshot_build_slice(SnapshotBuild *build, uint64_t n_steps_max) {
        const TaskTable *table = build->table;
        bool threads = build->feed->key.threads;
        uint64_t n_steps = 0;
        Task *task = NULL;
        int r = build->r;

        while (!r && n_steps < n_steps_max) {
                task = threads ? task_table_next(table, build->next_tid) :
                                 task_table_next_leader(table, build->next_tid);
                if (!task || task->tid >= build->end_tid)
                        return snapshot_build_end(build);
                n_steps += LOOK_STEPS;
                if (!snapshot_build_is_done(build, task->tid)) {
                        /*
                         * The FORK of a task that was found in /proc may still be in the queue. It is not reported
                         * then, as the snapshot has the task.
                         */
                        if (task->flags & TASK_SEEDED)
                                task->flags |= TASK_FORK_REPORTED;
                        r = snapshot_build_add(build, task, &n_steps);
                }
                build->next_tid = task->tid + 1;
        }
        if (!r && !build->done)
                r = snapshot_build_begin_notes(build);
        return r;
}

/**
 * snapshot_build_note() - keep the state before an event
 * @build:  the build, after a slice that was not the last
 * @event:  the event, which has not changed the table yet
 */
void snapshot_build_note(SnapshotBuild *build, const Event *event) {
        bool threads = build->feed->key.threads;
        bool begins = event->kind == EVENT_FORK && (threads || event->tid == event->pid);
        const Task *before = threads ? event->task_before : event->leader_before;
        uint64_t n_steps = 0;

        if (event->kind == EVENT_LOSS || build->r)
                return;
        if (!begins && before && !snapshot_build_is_done(build, before->tid)) {
                build->r = snapshot_build_add(build, before, &n_steps);
                snapshot_build_set_done(build, before->tid);
        }
        /* An exec by a thread gives the leader's number to another task. */
        if (begins || threads)
                snapshot_build_set_done(build, event->tid);
}
