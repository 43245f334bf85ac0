/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/* Snapshots that are made in slices: whatever happens between the slices, they show the moment at which they began. */

#include "broker/output/snapshot_build.h"
#include "broker/policy/limits.h"
#include "tests/unit/harness.h"
#include "tests/unit/made.h"
#include "tests/unit/pb.h"

#define N_TIDS 4000u

typedef struct Rig Rig;

struct Rig {
        Quota quota;
        QuotaUser *user;
        TaskTable table;
        Feed *feed;
        Snapshot *snapshot;
        SnapshotBuild *build;
        char expected[N_TIDS][COMM_SIZE];       /* the name at the begin; empty: no such task, or not selected */
        uint32_t seed;
        uint32_t n_names;
};

static uint32_t rig_random(Rig *rig, uint32_t n) {
        rig->seed = rig->seed * 1664525 + 1013904223;
        return (rig->seed >> 8) % n;
}

static void rig_init(Rig *rig, const SubscriptionKey *key, uint32_t seed) {
        *rig = (Rig){ .seed = seed };
        quota_init(&rig->quota, &quota_limits_default);
        rig->user = quota_user_get(&rig->quota, 1000, 1);
        task_table_init(&rig->table);
        assert(feed_new(&rig->feed, 7, key, 2 * FEED_CHUNK_BYTES) == 0);
        rig->feed->rights.all = true;
}

static void rig_deinit(Rig *rig) {
        snapshot_build_free(rig->build);
        snapshot_free(rig->snapshot);
        feed_free(rig->feed);
        task_table_deinit(&rig->table);
        quota_user_unref(rig->user);
        for (int kind = 0; kind < _QUOTA_HELD; ++kind)
                assert(rig->quota.used[kind] == 0);
        quota_deinit(&rig->quota);
}

/* A thread of a process below it, if that lives; or else a process. */
static void rig_add(Rig *rig, uint32_t tid) {
        uint32_t pid = tid - tid % 4 + !(tid - tid % 4);

        if (task_table_get(&rig->table, tid))
                return;
        if (pid == tid || !task_table_get_leader(&rig->table, pid))
                pid = tid;
        if (task_table_is_free(&rig->table, pid, tid))
                (void)made_task(&rig->table, pid, tid, 1, ++rig->n_names);
}

static bool rig_selects(Rig *rig, const Task *task) {
        const FilterMatcher *matcher = &rig->feed->matcher;
        uint64_t n_steps = matcher->n_steps;
        bool selected = matcher->matches_all || filter_matcher_has_task(&rig->feed->matcher, task);

        rig->feed->matcher.n_steps = n_steps;
        return selected;
}

static void rig_begin(Rig *rig) {
        bool threads = rig->feed->key.threads;

        for (uint32_t tid = 1; tid < N_TIDS; ++tid) {
                const Task *task = threads ? task_table_get(&rig->table, tid) : task_table_get_leader(&rig->table, tid);

                if (task && rig_selects(rig, task))
                        memcpy(rig->expected[tid], task->comm, COMM_SIZE);
        }
        assert(snapshot_new(&rig->snapshot, rig->feed->next_number, rig->user) == 0);
        assert(snapshot_build_new(&rig->build, rig->snapshot, &rig->table, rig->feed, 5) == 0);
}

/* The state before an event is in the table while the build is notified, as in the broker. */
static void rig_note(Rig *rig, EventKind kind, uint32_t pid, uint32_t tid) {
        Event event = { .kind = kind, .pid = pid, .tid = tid };

        if (kind != EVENT_FORK) {
                event.task_before = task_table_get(&rig->table, tid);
                event.leader_before = task_table_get_leader(&rig->table, pid);
        }
        snapshot_build_note(rig->build, &event);
}

static void rig_end_task(Rig *rig, Task *task) {
        Process *process = task->process;

        rig_note(rig, EVENT_EXIT, process->pid, task->tid);
        task_table_end_task(&rig->table, task);
        if (process->n_live == 0)
                task_table_end_process(&rig->table, process);
}

/* Something happens to a task or to a number without one. */
static void rig_happen(Rig *rig) {
        uint32_t tid = 1 + rig_random(rig, N_TIDS - 1);
        Task *task = task_table_get(&rig->table, tid);

        if (!task) {
                uint32_t pid = tid - tid % 4 + !(tid - tid % 4);

                if (pid == tid || !task_table_get_leader(&rig->table, pid))
                        pid = tid;
                rig_note(rig, EVENT_FORK, pid, tid);
                rig_add(rig, tid);
        } else if (rig_random(rig, 2)) {
                rig_end_task(rig, task);
        } else {
                rig_note(rig, EVENT_COMM, task->process->pid, tid);
                snprintf(task->comm, sizeof(task->comm), "new-%u", ++rig->n_names);
        }
}

/* Compares the snapshot with the state at its begin. */
static void rig_check(Rig *rig) {
        uint64_t n_tasks = 0, n_expected = 0;
        bool ended = false;

        for (const List *link = rig->snapshot->frames.next; link != &rig->snapshot->frames; link = link->next) {
                const SnapshotFrame *frame = container_of(link, const SnapshotFrame, link);
                PB(ServerMessage) *message = frame_unpack(frame->bytes, frame->n);

                assert(!ended);
                if (message->body_case == TASKBROKER__V1__SERVER_MESSAGE__BODY_SNAPSHOT_END) {
                        assert(message->snapshot_end->task_count == n_tasks);
                        ended = true;
                } else {
                        const PB(SnapshotPart) *part = message->snapshot_part;

                        for (size_t i = 0; i < part->n_tasks; ++i) {
                                char *expected = rig->expected[part->tasks[i]->tid];

                                assert(*expected && strlen(expected) == part->tasks[i]->comm.len);
                                assert(memcmp(expected, part->tasks[i]->comm.data, strlen(expected)) == 0);
                                *expected = 0;
                                ++n_tasks;
                        }
                }
                message_free(message);
        }
        for (uint32_t tid = 1; tid < N_TIDS; ++tid)
                n_expected += *rig->expected[tid] != 0;
        assert(ended && n_expected == 0);
        assert(rig->snapshot->memory.n == rig->snapshot->n_bytes);
}

static void check_moment(const SubscriptionKey *key, uint32_t seed, uint64_t n_steps) {
        Rig *rig = calloc(1, sizeof(*rig));
        size_t n_slices = 0;

        assert(rig);
        rig_init(rig, key, seed);
        for (uint32_t tid = 1; tid < N_TIDS; ++tid)
                if (rig_random(rig, 3))
                        rig_add(rig, tid);
        rig_begin(rig);
        for (; !rig->snapshot->complete; ++n_slices) {
                assert(snapshot_build_slice(rig->build, n_steps) == 0);
                for (uint32_t i = rig_random(rig, 40); i > 0 && !rig->snapshot->complete; --i)
                        rig_happen(rig);
        }
        assert(n_slices > 1 || n_steps == UINT64_MAX);
        rig_check(rig);
        rig_deinit(rig);
        free(rig);
}

static void test_moment(void) {
        const SubscriptionKey keys[] = {
                { .kinds = EVENT_BIT(EVENT_COMM), .threads = true },
                { .kinds = EVENT_BIT(EVENT_COMM) },
                { .kinds = EVENT_BIT(EVENT_COMM),
                  .threads = true,
                  .filter = { .n_comms = 1, .comms = { "task-1*" } } },
        };

        for (size_t i = 0; i < ARRAY_SIZE(keys); ++i) {
                for (uint32_t seed = 1; seed <= 20; ++seed) {
                        check_moment(&keys[i], seed, 1);
                        check_moment(&keys[i], seed, 20000);
                }
                check_moment(&keys[i], 1, UINT64_MAX);
        }
}

int main(void) {
        test_moment();
        return 0;
}
