/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/* The scan of a pass: it collects the differences between table and /proc, slice by slice, and changes nothing. */

#include <sys/resource.h>

#include "broker/tasks/reconcile_scan.h"
#include "tests/unit/join_rig.h"
#include "tests/unit/made_proc.h"
#include "tests/unit/thread_clock.h"

#define PASS_MISMATCHES_MAX 1024u

typedef struct Pass Pass;

/* A whole pass, and all that it found. */
struct Pass {
        Rig *rig;
        Reconcile reconcile;
        Mismatch found[PASS_MISMATCHES_MAX];
        size_t n_found;
        size_t n_slices;
};

static Pass *pass_new(void) {
        Pass *pass = calloc(1, sizeof(*pass));

        assert(pass);
        pass->rig = rig_new();
        reconcile_init(&pass->reconcile, &pass->rig->join, pass->rig->procfs.fd);
        return pass;
}

static void pass_free(Pass *pass) {
        reconcile_deinit(&pass->reconcile);
        /* a scan reports no event */
        rig_free(pass->rig);
        free(pass);
}

static void pass_scan(Pass *pass) {
        reconcile_scan(&pass->reconcile);
        ++pass->n_slices;
        assert(pass->reconcile.n_mismatches <= RECONCILE_SLICE && pass->reconcile.n_compared <= RECONCILE_SLICE);
        assert(pass->n_found + pass->reconcile.n_mismatches <= PASS_MISMATCHES_MAX);
        memcpy(&pass->found[pass->n_found], pass->reconcile.mismatches,
               pass->reconcile.n_mismatches * sizeof(Mismatch));
        pass->n_found += pass->reconcile.n_mismatches;
}

static void pass_run(Pass *pass) {
        size_t n_tasks = pass->rig->join.table.n_live_tasks;

        pass->n_found = pass->n_slices = 0;
        reconcile_start(&pass->reconcile);
        while (pass->reconcile.phase != RECONCILE_IDLE)
                pass_scan(pass);
        assert(pass->rig->join.table.n_live_tasks == n_tasks);
}

static void expect_one(const Pass *pass, MismatchKind kind, uint32_t pid, uint32_t tid) {
        assert(pass->n_found == 1);
        assert(pass->found[0].kind == kind && pass->found[0].pid == pid && pass->found[0].tid == tid);
}

/* A task in /proc with the ids of rig_seed(). */
static void proc_add_seeded(const Pass *pass, uint32_t pid, uint32_t tid, const char *comm, uint64_t start_time_ns) {
        proc_add_stat(&pass->rig->procfs, &(ProcTask){ .pid = pid, .tid = tid, .comm = comm, .ppid = 1,
                                                       .start = proc_ticks(start_time_ns) });
        proc_add_status(&pass->rig->procfs, pid, tid, comm, "Uid:\t1000\t1000\t1000\t1000\n"
                                                            "Gid:\t2000\t2000\t2000\t2000\n");
}

/* A task that is in the table and in /proc. */
static Task *add_both(Pass *pass, uint32_t pid, uint32_t tid) {
        Task *task = rig_seed(pass->rig, pid, tid, "task");

        proc_add_seeded(pass, pid, tid, "task", task->start_time_ns);
        return task;
}

static void test_equal(void) {
        Pass *pass = pass_new();

        add_both(pass, 100, 100);
        add_both(pass, 100, 101);
        pass->rig->join.owners_stale = true;
        pass_run(pass);
        assert(pass->n_found == 0 && !pass->rig->join.owners_stale && !pass->rig->join.wants_reconcile);
        pass_free(pass);
}

/* While the kernel's queue is not empty, no slice is applied. The former slice is dropped. */
static void test_equal_slices(void) {
        Pass *pass = pass_new();

        for (uint32_t pid = 100; pid < 100 + 3 * RECONCILE_SLICE; ++pid)
                add_both(pass, pid, pid);
        reconcile_start(&pass->reconcile);
        pass_scan(pass);
        assert(pass->reconcile.n_compared > 0 && reconcile_has_slice(&pass->reconcile));
        pass_run(pass);
        assert(pass->n_found == 0 && !reconcile_has_slice(&pass->reconcile));
        pass_free(pass);
}

/* Readings that take longer than a slice may: a slice makes one, and the pass finds the same. */
static void test_slow(void) {
        Pass *pass = pass_new();
        size_t n_slices;

        for (uint32_t pid = 100; pid < 120; ++pid)
                add_both(pass, pid, pid);
        pass_run(pass);
        n_slices = pass->n_slices;
        assert(pass->n_found == 0 && n_slices < 20);
        thread_clock_step_ns = PROCFS_SLICE_NS + 1;
        rig_seed(pass->rig, 119, 200, "gone");
        pass_run(pass);
        thread_clock_step_ns = 0;
        expect_one(pass, MISMATCH_GONE, 119, 200);
        assert(pass->n_slices > n_slices + 2 * 19);
        pass_free(pass);
}

static void test_gone(void) {
        Pass *pass = pass_new();
        const Task *task;

        add_both(pass, 100, 100);
        task = rig_seed(pass->rig, 100, 101, "gone");
        pass_run(pass);
        expect_one(pass, MISMATCH_GONE, 100, 101);
        assert(pass->found[0].start_time_ns == task->start_time_ns);

        /* a younger task has the number: the task of the table has ended */
        proc_add_seeded(pass, 100, 101, "gone", task->start_time_ns + NSEC_PER_SEC);
        pass_run(pass);
        expect_one(pass, MISMATCH_GONE, 100, 101);

        /* if /proc does not show all tasks, a missing task may live */
        pass->reconcile.blind = true;
        pass_run(pass);
        assert(pass->n_found == 0);
        pass_free(pass);
}

/* A process without a live task in the table is gone when /proc has no live task of it either. */
static void test_gone_process(void) {
        Pass *pass = pass_new();
        Task *leader = rig_seed(pass->rig, 100, 100, "leader");

        task_table_end_task(&pass->rig->join.table, leader);
        proc_add(&pass->rig->procfs, &(ProcTask){ .pid = 100, .tid = 100, .comm = "leader", .ppid = 1, .state = 'Z',
                                                  .start = proc_ticks(leader->start_time_ns), .n_threads = 2 });
        pass_run(pass);
        assert(pass->n_found == 0);
        proc_add(&pass->rig->procfs, &(ProcTask){ .pid = 100, .tid = 100, .comm = "leader", .ppid = 1, .state = 'Z',
                                                  .start = proc_ticks(leader->start_time_ns), .n_threads = 1 });
        pass_run(pass);
        expect_one(pass, MISMATCH_GONE_PROCESS, 100, 100);
        pass_free(pass);
}

static void test_changed(void) {
        static const uint16_t offsets[] = { offsetof(Task, ruid), offsetof(Task, euid), offsetof(Task, rgid),
                                            offsetof(Task, egid) };
        Pass *pass = pass_new();
        Task *task = add_both(pass, 100, 100);

        for (size_t i = 0; i < ARRAY_SIZE(offsets); ++i) {
                uint32_t *id = (uint32_t *)((char *)task + offsets[i]);

                ++*id;
                pass_run(pass);
                expect_one(pass, MISMATCH_CHANGED, 100, 100);
                --*id;
        }
        pass_run(pass);
        assert(pass->n_found == 0);

        memcpy(task->comm, "other", 6);
        pass_run(pass);
        expect_one(pass, MISMATCH_CHANGED, 100, 100);
        /* a kernel thread is called after its work, and no event reports that */
        task->flags |= TASK_KERNEL;
        pass_run(pass);
        assert(pass->n_found == 0);
        pass_free(pass);
}

static void test_found(void) {
        Pass *pass = pass_new();
        Task *task = add_both(pass, 100, 100);

        proc_add_seeded(pass, 100, 101, "found", task->start_time_ns);
        pass_run(pass);
        expect_one(pass, MISMATCH_FOUND, 100, 101);
        assert(procfs_starts_agree(pass->found[0].start_time_ns, task->start_time_ns));

        /* a zombie has ended, and its EXIT came before */
        proc_add_stat(&pass->rig->procfs, &(ProcTask){ .pid = 100, .tid = 101, .comm = "found", .ppid = 1, .state = 'Z',
                                                       .start = proc_ticks(task->start_time_ns) });
        pass_run(pass);
        assert(pass->n_found == 0);
        pass_free(pass);
}

/* A task of which only the number is known is looked for again, as often as the pass allows. */
static void test_unknown(void) {
        Pass *pass = pass_new();
        Task *task = add_both(pass, 100, 100);

        task->flags |= TASK_UNKNOWN;
        pass_run(pass);
        /* once by the list of /proc, and once in each of eight rounds */
        assert(pass->n_found == 1 + 8);
        for (size_t i = 0; i < pass->n_found; ++i)
                assert(pass->found[i].kind == MISMATCH_FOUND && pass->found[i].tid == 100);

        /* the rounds end when the task is known */
        reconcile_start(&pass->reconcile);
        pass->n_found = 0;
        while (pass->reconcile.phase != RECONCILE_UNKNOWN)
                pass_scan(pass);
        pass_scan(pass);
        task->flags &= (uint16_t)~TASK_UNKNOWN;
        pass_scan(pass);
        assert(pass->reconcile.phase == RECONCILE_IDLE && pass->n_found == 2);
        pass_free(pass);
}

static void test_slices(void) {
        const uint32_t n = 3 * RECONCILE_SLICE;
        Pass *pass = pass_new();

        for (uint32_t i = 0; i < n; ++i) {
                rig_seed(pass->rig, 100 + i, 100 + i, "gone");
                proc_add_seeded(pass, 1000 + i, 1000 + i, "found", 1);
        }
        pass_run(pass);
        assert(pass->n_found == 2 * n && pass->n_slices >= 6);
        for (uint32_t i = 0; i < n; ++i)
                assert(pass->found[i].kind == MISMATCH_GONE && pass->found[i].tid == 100 + i);
        for (size_t i = n; i < 2 * n; ++i)
                assert(pass->found[i].kind == MISMATCH_FOUND && pass->found[i].tid >= 1000);

        /* a pass that begins anew drops the rest of the former one */
        reconcile_start(&pass->reconcile);
        reconcile_scan(&pass->reconcile);
        reconcile_start(&pass->reconcile);
        assert(pass->reconcile.n_mismatches == 0);
        reconcile_scan(&pass->reconcile);
        assert(pass->reconcile.mismatches[0].tid == 100);
        pass_free(pass);
}

/* Without free descriptors /proc cannot be read: no task counts as gone, and the pass is repeated later. */
static void test_no_descriptors(void) {
        Pass *pass = pass_new();
        struct rlimit limit, none;

        /* the slice ends before the pass comes to the list of /proc */
        for (uint32_t tid = 100; tid < 100 + RECONCILE_SLICE; ++tid)
                add_both(pass, tid, tid);
        assert(getrlimit(RLIMIT_NOFILE, &limit) == 0);
        none = limit;
        none.rlim_cur = 0;
        reconcile_start(&pass->reconcile);
        assert(setrlimit(RLIMIT_NOFILE, &none) == 0);
        reconcile_scan(&pass->reconcile);
        assert(setrlimit(RLIMIT_NOFILE, &limit) == 0);
        assert(pass->reconcile.n_mismatches == 0 && pass->reconcile.phase == RECONCILE_IDLE);
        assert(pass->rig->join.wants_reconcile);
        pass_free(pass);
}

int main(void) {
        log_init(LOG_LEVEL_ERR);
        test_equal();
        test_equal_slices();
        test_slow();
        test_gone();
        test_gone_process();
        test_changed();
        test_found();
        test_unknown();
        test_slices();
        test_no_descriptors();
        return 0;
}
