/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Work on all tasks, in a table of made-up processes with different names: how long it takes
 * in all, and how long its longest piece takes, for which events wait. Prints milliseconds of
 * processor time for each work and each size of the table. Needs no kernel and no root.
 */

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "broker/base/util.h"
#include "broker/output/snapshot_build.h"
#include "broker/tasks/parents.h"
#include "broker/tasks/program_charge.h"
#include "broker/tasks/program_reader.h"
#include "broker/tasks/subtree.h"

#define ROUNDS 5
#define FEED_BYTES ((size_t)64 * 1024 * 1024)

typedef struct Bench Bench;
typedef struct Figures Figures;

struct Bench {
        Quota quota;
        QuotaUser *user;
        TaskTable table;
        ProgramReader programs;
};

/* The smallest of all rounds, so that other programs count as little as possible. */
struct Figures {
        uint64_t all_ns, longest_ns;
};

static uint64_t now_ns(void) {
        struct timespec now;

        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
        return (uint64_t)now.tv_sec * NSEC_PER_SEC + (uint64_t)now.tv_nsec;
}

static void bench_die(const char *what) {
        fprintf(stderr, "bench-walks: %s failed\n", what);
        exit(1);
}

/* Each process has a parent ten times its age, a name of its own, and a program. */
static void bench_init(Bench *bench, uint32_t n_tasks) {
        *bench = (Bench){};
        quota_init(&bench->quota, &quota_limits_default);
        bench->user = quota_user_get(&bench->quota, 1000, 1);
        task_table_init(&bench->table);
        program_reader_init(&bench->programs, -1, &bench->table, NULL);
        for (uint32_t pid = 1; pid <= n_tasks; ++pid) {
                Task *task = task_table_add(&bench->table, pid, pid);
                Program *program = program_new(PROGRAM_CAPTURED, "prog", 5, "/bin/prog", 9, "/a.slice/b.service", 18);

                if (!task || !program)
                        bench_die("a task");
                task->start_time_ns = pid;
                task->ruid = task->euid = 1000 + pid % 30;
                snprintf(task->comm, sizeof(task->comm), "w%u-%xworker", pid, pid * 2654435761u);
                if (pid > 1)
                        (void)parents_set(&bench->table, task->process, 1 + pid / 10);
                task_table_set_program(&bench->table, task->process, program);
        }
}

static void bench_deinit(Bench *bench) {
        task_table_deinit(&bench->table);
        quota_user_unref(bench->user);
        quota_deinit(&bench->quota);
}

/* The filter that takes the most steps, and passes no task. */
static void worst_key(SubscriptionKey *key) {
        Filter *filter = &key->filter;

        for (uint32_t i = 0; i < FILTER_UIDS_MAX; ++i)
                filter->uids[filter->n_uids++] = 1000 + i;
        for (uint32_t i = 0; i < FILTER_COMMS_MAX; ++i)
                snprintf(filter->comms[filter->n_comms++], sizeof(filter->comms[0]),
                         "*?????????????????????????????????????????????????????????%02u", i);
        for (uint32_t i = 0; i < FILTER_CGROUPS_MAX; ++i) {
                memset(filter->cgroups[i], 'a', sizeof(filter->cgroups[i]) - 1);
                memcpy(filter->cgroups[i], "/a.slice/b.service", 18);
                filter->cgroups[i][FILTER_CGROUPS_BYTES_MAX - 1] = (char)('a' + i);
                ++filter->n_cgroups;
        }
}

static void take(Figures *figures, uint64_t all_ns, uint64_t longest_ns) {
        figures->all_ns = MIN(figures->all_ns, all_ns);
        figures->longest_ns = MIN(figures->longest_ns, longest_ns);
}

static void measure_snapshot(Bench *bench, bool worst, Figures *figures) {
        static SubscriptionKey key;
        uint64_t all = 0, longest = 0;
        SnapshotBuild *build;
        Snapshot *snapshot = NULL;
        Feed *feed;

        key = (SubscriptionKey){ .kinds = EVENT_BIT(EVENT_FORK) };
        if (worst)
                worst_key(&key);
        if (feed_new(&feed, 1, &key, FEED_BYTES) || snapshot_new(&snapshot, 1, bench->user) ||
            snapshot_build_new(&build, snapshot, &bench->table, feed, 5))
                bench_die("a snapshot");
        feed->rights.all = true;
        while (!snapshot->complete) {
                uint64_t begin = now_ns(), took;

                if (snapshot_build_slice(build, SNAPSHOT_SLICE_STEPS))
                        bench_die("a slice");
                took = now_ns() - begin;
                all += took;
                longest = MAX(longest, took);
        }
        take(figures, all, longest);
        snapshot_build_free(build);
        snapshot_free(snapshot);
        feed_free(feed);
}

static void measure_subtree(Bench *bench, Figures *figures) {
        const uint32_t root = 1;
        uint64_t begin = now_ns();

        if (subtree_mark(&bench->table, 1, &root, 1))
                bench_die("a subtree");
        begin = now_ns() - begin;
        take(figures, begin, begin);
}

static void measure_stale(Bench *bench, Figures *figures) {
        uint64_t begin = now_ns();

        task_table_mark_creds_stale(&bench->table);
        begin = now_ns() - begin;
        take(figures, begin, begin);
}

static void measure_programs(Bench *bench, Figures *figures) {
        uint64_t all = 0, longest = 0;

        do {
                uint64_t begin = now_ns(), took;
                Program *program;
                Task *task;

                if (program_reader_read_next(&bench->programs, &task, &program) || task)
                        bench_die("a pass over programs");
                took = now_ns() - begin;
                all += took;
                longest = MAX(longest, took);
        } while (bench->programs.next_tid > 0);
        take(figures, all, longest);
}

static void measure_feed(Figures *figures) {
        const SubscriptionKey key = { .kinds = EVENT_BIT(EVENT_FORK), .threads = true };
        uint8_t event[1000] = {};
        uint64_t begin;
        Feed *feed;

        if (feed_new(&feed, 1, &key, FEED_BYTES))
                bench_die("a feed");
        for (size_t i = 0; i < FEED_BYTES / sizeof(event); ++i)
                feed_append(feed, event, sizeof(event), 0);
        begin = now_ns();
        feed_free(feed);
        begin = now_ns() - begin;
        take(figures, begin, begin);
}

static void measure(Bench *bench, int work, Figures *figures) {
        switch (work) {
        case 0:
        case 1:
                measure_snapshot(bench, work == 1, figures);
                break;
        case 2:
                measure_programs(bench, figures);
                break;
        case 3:
                measure_subtree(bench, figures);
                break;
        case 4:
                measure_stale(bench, figures);
                break;
        default:
                measure_feed(figures);
                break;
        }
}

int main(void) {
        static const char *const titles[] = {
                "a snapshot",          "a snapshot, worst filter",         "a pass over known programs",
                "begin of a subtree",  "a loss, which marks all processes", "end of a feed of 64 MiB",
        };
        static const uint32_t sizes[] = { 10000, 50000, 200000 };

        printf("| work | tasks | all | longest piece |\n|---|---|---|---|\n");
        for (size_t work = 0; work < ARRAY_SIZE(titles); ++work) {
                for (size_t i = 0; i < ARRAY_SIZE(sizes); ++i) {
                        Figures figures = { UINT64_MAX, UINT64_MAX };
                        static Bench bench;

                        bench_init(&bench, sizes[i]);
                        for (int round = 0; round < ROUNDS; ++round)
                                measure(&bench, (int)work, &figures);
                        bench_deinit(&bench);
                        printf("| %s | %" PRIu32 " | %.2f | %.2f |\n", titles[work], sizes[i],
                               (double)figures.all_ns / 1e6, (double)figures.longest_ns / 1e6);
                }
        }
        return 0;
}
