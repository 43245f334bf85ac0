/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/* Subtrees: the right processes are marked in trees of any shape, also if numbers were reused. */

#include "broker/base/util.h"
#include "broker/tasks/procfs.h"
#include "broker/tasks/subtree.h"
#include "tests/unit/made.h"

#define MARK 8u

static TaskTable table;

static uint64_t marks(uint32_t pid) {
        return task_table_get_process(&table, pid)->marks;
}

static void mark(uint64_t bit, const uint32_t *roots, size_t n) {
        assert(subtree_mark(&table, bit, roots, n) == 0);
}

static void mark_one(uint64_t bit, uint32_t root) {
        mark(bit, &root, 1);
}

static void test_tree(void) {
        static const struct {
                uint32_t pid, ppid;
                bool in;
        } rows[] = {
                { 1, 0, false },   { 2, 0, false },    { 50, 1, true },    { 60, 50, true },   { 61, 50, true },
                { 62, 60, true },  { 49, 50, true },   { 40, 49, true },   { 70, 1, false },   { 71, 70, false },
                { 63, 62, true },  { 5, 63, true },    { 80, 999, false }, { 81, 80, false },  { 82, 0, false },
                { 4000000, 5, true }, { 3, 4000000, true },
        };

        task_table_init(&table);
        for (size_t i = 0; i < ARRAY_SIZE(rows); ++i)
                (void)made_task(&table, rows[i].pid, rows[i].pid, rows[i].ppid, 5);
        mark_one(MARK, 50);
        for (size_t i = 0; i < ARRAY_SIZE(rows); ++i)
                assert(marks(rows[i].pid) == (rows[i].in ? MARK : 0));

        /* a leaf alone: all former marks are removed */
        mark_one(MARK, 71);
        for (size_t i = 0; i < ARRAY_SIZE(rows); ++i)
                assert(marks(rows[i].pid) == (rows[i].pid == 71 ? MARK : 0));

        /* several roots, one below another, and one twice */
        mark(MARK, (uint32_t[]){ 62, 50, 70, 62 }, 4);
        for (size_t i = 0; i < ARRAY_SIZE(rows); ++i)
                assert(marks(rows[i].pid) == (rows[i].in || rows[i].pid == 70 || rows[i].pid == 71 ? MARK : 0));

        /* no roots */
        mark(MARK, NULL, 0);
        for (size_t i = 0; i < ARRAY_SIZE(rows); ++i)
                assert(marks(rows[i].pid) == 0);
        task_table_deinit(&table);
}

/* Each subtree has its own bit, and does not change other bits. */
static void test_several_marks(void) {
        task_table_init(&table);
        for (uint32_t pid = 1; pid <= 64; ++pid)
                (void)made_task(&table, pid, pid, pid - 1, 5);
        for (uint32_t bit = 0; bit < 64; ++bit)
                mark_one(1ull << bit, 64 - bit);
        for (uint32_t pid = 1; pid <= 64; ++pid)
                assert(marks(pid) == UINT64_MAX << (64 - pid));
        mark_one(1ull << 63, 64);
        mark_one(1, 1);
        assert(marks(1) == 1 && marks(2) == (1ull << 62 | 1));
        assert(marks(63) == UINT64_MAX >> 1 && marks(64) == UINT64_MAX);
        task_table_deinit(&table);
}

/* The process is marked, whichever of its threads live. */
static void test_threads(void) {
        Task *leader;

        task_table_init(&table);
        leader = made_task(&table, 50, 50, 1, 5);
        (void)made_task(&table, 50, 51, 1, 6);
        (void)made_task(&table, 60, 60, 50, 7);
        (void)made_task(&table, 60, 61, 50, 7);
        task_table_end_task(&table, task_table_get(&table, 60));
        (void)made_task(&table, 70, 70, 60, 8);
        /* the leader of the root has ended too; the age of a leader that was never seen is not known */
        task_table_end_task(&table, leader);
        (void)made_task(&table, 80, 81, 70, 9);
        (void)made_task(&table, 90, 90, 80, 100);
        mark_one(MARK, 50);
        assert(marks(50) == MARK && marks(60) == MARK && marks(70) == MARK && marks(80) == MARK && marks(90) == MARK);
        task_table_deinit(&table);
}

static void made_seeded(uint32_t pid, uint32_t parent_pid, uint64_t start_time_ns) {
        Task *task = made_task(&table, pid, pid, 0, start_time_ns);

        task->flags |= TASK_SEEDED;
        (void)parents_set(&table, task->process, parent_pid);
}

/*
 * A parent is older than its child, or another process has its number by now. For a start
 * from /proc a difference of one tick does not count.
 */
static void test_reused_parents(void) {
        const uint64_t start = 1000 * NSEC_PER_SEC;

        task_table_init(&table);
        (void)made_task(&table, 50, 50, 1, start);
        /* as old as the parent, within the tolerance */
        (void)made_task(&table, 60, 60, 50, start);
        made_seeded(61, 50, start - TASK_FORK_DELAY_NS);
        /* older than the parent: these are children of a former process 50 */
        made_seeded(62, 50, start - TASK_FORK_DELAY_NS - 1);
        (void)made_task(&table, 65, 65, 50, start - 1);
        (void)made_task(&table, 63, 63, 50, start + 5);
        (void)made_task(&table, 64, 64, 62, start + 9);
        mark_one(MARK, 50);
        assert(marks(50) == MARK && marks(60) == MARK && marks(61) == MARK && marks(63) == MARK);
        assert(marks(62) == 0 && marks(64) == 0 && marks(65) == 0);
        task_table_deinit(&table);
}

/* Reused numbers with equal starts, and a process that is its own parent, make circles: marking still ends. */
static void test_cycles(void) {
        for (uint32_t n = 1; n <= 5; ++n) {
                for (uint32_t root = 0; root < 2; ++root) {
                        task_table_init(&table);
                        for (uint32_t i = 0; i < n; ++i)
                                (void)made_task(&table, 100 + i, 100 + i, 100 + (i + 1) % n, 5);
                        (void)made_task(&table, 50, 50, 100, 5);
                        (void)made_task(&table, 300, 300, 100 + n - 1, 5);
                        (void)made_task(&table, 400, 400, 1, 5);
                        parents_bind(&table);
                        mark_one(MARK, root ? 100 : 400);
                        for (uint32_t i = 0; i < n; ++i)
                                assert(marks(100 + i) == (root ? MARK : 0));
                        assert(marks(50) == (root ? MARK : 0) && marks(300) == (root ? MARK : 0));
                        assert(marks(400) == (root ? 0 : MARK));
                        task_table_deinit(&table);
                }
        }
}

/* A chain as long as a table can be: marking does not recurse, and climbs each step once. */
static void test_chains(void) {
        enum { N = 30000 };

        /* with rising, falling and shuffled numbers */
        for (uint32_t step = 0; step < 3; ++step) {
                uint32_t pids[N];

                task_table_init(&table);
                for (uint32_t i = 0; i < N; ++i) {
                        pids[i] = 10 + (step == 0 ? i : step == 1 ? N - 1 - i : (uint32_t)((uint64_t)i * 7919 % N));
                        (void)made_task(&table, pids[i], pids[i], i > 0 ? pids[i - 1] : 1, i);
                }
                mark_one(MARK, pids[0]);
                for (uint32_t i = 0; i < N; ++i)
                        assert(marks(pids[i]) == MARK);
                mark_one(MARK, pids[N / 2]);
                for (uint32_t i = 0; i < N; ++i)
                        assert(marks(pids[i]) == (i >= N / 2 ? MARK : 0));
                mark_one(MARK, pids[N - 1]);
                for (uint32_t i = 0; i < N; ++i)
                        assert(marks(pids[i]) == (i == N - 1 ? MARK : 0));
                task_table_deinit(&table);
        }
}

/* Random forests with reused numbers, compared with climbing from each process. */
static void test_random(void) {
        enum { N = 300, ROOTS_MAX = 8 };
        uint64_t state = 31337;
        size_t n_in = 0, n_out = 0;

        for (int round = 0; round < 300; ++round) {
                uint32_t pids[N], ppids[N], roots[ROOTS_MAX], n_roots = 1 + (uint32_t)random_below(&state, ROOTS_MAX);
                uint64_t starts[N];
                bool seeded[N];
                uint32_t shape = 1 + (uint32_t)random_below(&state, 3);

                task_table_init(&table);
                for (uint32_t i = 0; i < N; ++i) {
                        Task *task;

                        pids[i] = 1000 + (uint32_t)((uint64_t)i * 101 % N);
                        /* any process, the previous one, or one of the first */
                        ppids[i] = 1000 + (uint32_t)(shape == 1 ? random_below(&state, N + 10)
                                                     : shape == 2 && i > 0 ? (uint64_t)(pids[i - 1] - 1000)
                                                                           : random_below(&state, 10));
                        if (random_below(&state, 20) == 0)
                                ppids[i] = 0;
                        starts[i] = (1 + random_below(&state, 5)) * (TASK_FORK_DELAY_NS / 2);
                        seeded[i] = random_below(&state, 3) > 0;
                        task = made_task(&table, pids[i], pids[i], ppids[i], starts[i]);
                        task->flags |= seeded[i] ? TASK_SEEDED : 0;
                        task->process->marks = random_next(&state);
                }
                parents_bind(&table);
                for (uint32_t i = 0; i < n_roots; ++i)
                        roots[i] = pids[random_below(&state, N)];
                mark(MARK, roots, n_roots);

                for (uint32_t i = 0; i < N; ++i) {
                        uint32_t at = i;
                        bool in = false;

                        /* a climb with more steps than processes is in a circle */
                        for (uint32_t steps = 0; steps <= N && !in; ++steps) {
                                uint32_t parent = 0;

                                for (uint32_t k = 0; k < n_roots; ++k)
                                        in |= roots[k] == pids[at];
                                while (parent < N && pids[parent] != ppids[at])
                                        ++parent;
                                if (parent == N ||
                                    starts[parent] >
                                            starts[at] + (seeded[parent] || seeded[at] ? TASK_FORK_DELAY_NS : 0))
                                        break;
                                at = parent;
                        }
                        assert(!!(marks(pids[i]) & MARK) == in);
                        n_in += in;
                        n_out += !in;
                }
                task_table_deinit(&table);
        }
        assert(n_in > 3000 && n_out > 3000);
}

int main(void) {
        test_tree();
        test_several_marks();
        test_threads();
        test_reused_parents();
        test_cycles();
        test_chains();
        test_random();
        return 0;
}
