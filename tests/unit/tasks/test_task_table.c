/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/* The task table: tasks and processes are added and removed, and the counts stay right. */

#include "broker/base/util.h"
#include "broker/tasks/task_table.h"
#include "tests/unit/made.h"

#define TID_MAX (4096u * 1024u - 1)

static void check_counts(const TaskTable *table, size_t n_tasks, size_t n_processes) {
        assert(table->n_live_tasks == n_tasks);
        assert(table->n_live_processes == n_processes);
}

static size_t count_tasks(Process *process) {
        size_t n = 0;

        list_for_each(link, safe, &process->tasks) {
                assert(container_of(link, Task, link)->process == process);
                ++n;
        }
        return n;
}

static void test_empty(void) {
        static TaskTable table;

        task_table_init(&table);
        assert(!task_table_get(&table, 0));
        assert(!task_table_get(&table, 1));
        assert(!task_table_get(&table, TID_MAX));
        assert(!task_table_get(&table, TID_MAX + 1));
        assert(!task_table_get(&table, UINT32_MAX));
        assert(!task_table_get_process(&table, 1));
        assert(!task_table_get_process(&table, TID_MAX + 1));
        assert(!task_table_get_process(&table, UINT32_MAX));
        check_counts(&table, 0, 0);
        task_table_deinit(&table);
}

static void test_process_of_one(void) {
        static TaskTable table;
        Process *process;
        Task *task;

        task_table_init(&table);
        for (int round = 0; round < 3; ++round) {
                task = task_table_add(&table, 100, 100);
                assert(task && task->tid == 100 && task->flags == 0);
                assert(task->start_time_ns == 0 && task->comm[0] == 0);
                process = task->process;
                assert(process->pid == 100 && process->n_live == 1 && process->origin_pid == 0 && !process->totals);
                assert(task_table_get(&table, 100) == task);
                assert(task_table_get_process(&table, 100) == process);
                assert(!task_table_get(&table, 101) && !task_table_get(&table, 99));
                check_counts(&table, 1, 1);

                task->flags = TASK_SEEDED;
                task->start_time_ns = 5;
                process->origin_pid = 1;

                /* the last task has ended: the process may still be read before it is removed */
                task_table_end_task(&table, task);
                assert(!task_table_get(&table, 100));
                assert(process->n_live == 0 && process->pid == 100);
                check_counts(&table, 0, 1);
                assert(task_table_next_kept(&table, 0) == task_table_get_leader(&table, 100));
                assert(!task_table_next(&table, 0));
                task_table_end_process(&table, process);
                assert(!task_table_get_process(&table, 100));
                check_counts(&table, 0, 0);
                assert(table.tasks.n_used == 0 && table.processes.n_used == 0);
        }
        task_table_deinit(&table);
}

static void test_threads(void) {
        static TaskTable table;
        Process *process;
        Task *leader, *thread;

        task_table_init(&table);
        leader = task_table_add(&table, 100, 100);
        process = leader->process;
        for (uint32_t tid = 101; tid <= 110; ++tid) {
                thread = task_table_add(&table, 100, tid);
                assert(thread && thread->process == process);
                assert(!task_table_get_process(&table, tid));
        }
        check_counts(&table, 11, 1);
        assert(count_tasks(process) == 11);

        thread = task_table_get(&table, 105);
        task_table_end_task(&table, thread);
        assert(!task_table_get(&table, 105));
        assert(count_tasks(process) == 10 && process->n_live == 10);
        check_counts(&table, 10, 1);
        /* its number is free for another process */
        assert(task_table_add(&table, 105, 105)->process != process);
        check_counts(&table, 11, 2);
        task_table_end_process(&table, process);
        check_counts(&table, 1, 1);
        assert(!task_table_get(&table, 100) && !task_table_get(&table, 110));
        assert(task_table_get(&table, 105));
        task_table_deinit(&table);
}

/* The leader ends first: the process keeps the number, and no task is found by it. */
static void test_leader_gone(void) {
        static TaskTable table;
        Process *process;
        Task *leader;

        task_table_init(&table);
        leader = task_table_add(&table, 100, 100);
        process = leader->process;
        assert(task_table_add(&table, 100, 101));
        task_table_end_task(&table, leader);
        assert(!task_table_get(&table, 100));
        assert(task_table_get_process(&table, 100) == process);
        assert(process->n_live == 1);
        check_counts(&table, 1, 1);

        /* another thread is forked meanwhile */
        assert(task_table_add(&table, 100, 102)->process == process);
        check_counts(&table, 2, 1);

        task_table_end_task(&table, task_table_get(&table, 101));
        check_counts(&table, 1, 1);
        assert(task_table_next_kept(&table, 0)->tid == 102);
        task_table_end_task(&table, task_table_get(&table, 102));
        check_counts(&table, 0, 1);
        assert(!task_table_leader_is_unseen(leader) && task_table_next_kept(&table, 0) == leader);
        assert(count_tasks(process) == 1);
        task_table_end_process(&table, process);
        assert(!task_table_get_process(&table, 100));
        assert(table.tasks.n_used == 0 && table.processes.n_used == 0);
        task_table_deinit(&table);
}

static void test_leader_never_seen(void) {
        static TaskTable table;
        Process *process;
        Task *thread, *leader;

        task_table_init(&table);
        thread = task_table_add(&table, 200, 205);
        process = thread->process;
        assert(process->pid == 200 && process->n_live == 1);
        assert(!task_table_get(&table, 200));
        assert(task_table_get_process(&table, 200) == process);
        check_counts(&table, 1, 1);

        /* the fork of the leader comes after all */
        leader = task_table_add(&table, 200, 200);
        assert(leader->process == process && leader->flags == 0);
        assert(task_table_get(&table, 200) == leader);
        check_counts(&table, 2, 1);
        task_table_end_process(&table, process);
        check_counts(&table, 0, 0);
        task_table_deinit(&table);
}

/* A process always has a leader: live, gone, or never seen. A leader that was never seen is unknown. */
static void test_get_leader(void) {
        static TaskTable table;
        Task *leader;

        task_table_init(&table);
        assert(!task_table_get_leader(&table, 100) && !task_table_get_leader(&table, UINT32_MAX));
        leader = task_table_add(&table, 100, 100);
        assert(task_table_add(&table, 100, 101));
        assert(task_table_get_leader(&table, 100) == leader && !task_table_get_leader(&table, 101));
        assert(task_table_first_live(leader->process) == leader);
        task_table_end_task(&table, leader);
        assert(task_table_get_leader(&table, 100) == leader && leader->flags == TASK_GONE);
        assert(task_table_first_live(leader->process)->tid == 101);
        assert(task_table_add(&table, 100, 102));
        task_table_end_task(&table, task_table_get(&table, 101));
        assert(task_table_first_live(leader->process)->tid == 102);

        assert(task_table_add(&table, 200, 205));
        leader = task_table_get_leader(&table, 200);
        assert(leader->tid == 200 && leader->flags == (TASK_GONE | TASK_UNKNOWN));
        assert(task_table_first_live(leader->process)->tid == 205);
        task_table_deinit(&table);
}

static void test_revive(void) {
        static TaskTable table;
        Task *leader, *caller;

        task_table_init(&table);
        leader = task_table_add(&table, 100, 100);
        leader->start_time_ns = 77;
        caller = task_table_add(&table, 100, 101);
        task_table_end_task(&table, leader);
        check_counts(&table, 1, 1);
        task_table_revive(&table, leader);
        assert(task_table_get(&table, 100) == leader && leader->start_time_ns == 77);
        check_counts(&table, 2, 1);
        task_table_end_task(&table, caller);
        check_counts(&table, 1, 1);
        assert(!task_table_get(&table, 101));
        task_table_deinit(&table);
}

static void test_totals(void) {
        static TaskTable table;
        TaskStats *totals;
        Process *process;

        task_table_init(&table);
        process = task_table_add(&table, 100, 100)->process;
        assert(!process->totals);
        totals = task_table_totals(&table, process);
        assert(totals && totals == process->totals && totals->tasks == 0 && totals->groups == 0);
        totals->tasks = 3;
        assert(task_table_totals(&table, process) == totals && totals->tasks == 3);
        assert(table.totals.n_used == 1);
        task_table_end_process(&table, process);
        assert(table.totals.n_used == 0);

        /* the place is reused, and is zeroed */
        process = task_table_add(&table, 101, 101)->process;
        totals = task_table_totals(&table, process);
        assert(totals && totals->tasks == 0);
        task_table_deinit(&table);
}

/* A program has one use for each process; its bytes count once, from the first process to the last. */
static void test_programs(void) {
        static TaskTable table;
        Program *first = made_program("first", "/bin/first", "/a"), *second = made_program("second", "/bin/2", "/a/b");
        size_t n_first = program_size(first), n_second = program_size(second);
        Process *parent, *child, *grandchild;

        task_table_init(&table);
        parent = task_table_add(&table, 100, 100)->process;
        child = task_table_add(&table, 101, 101)->process;
        grandchild = task_table_add(&table, 102, 102)->process;
        parent->session = 90;
        parent->marks = 5;

        /* a parent that is not known, or has no program */
        task_table_inherit(&table, child, NULL);
        assert(child->session == 0 && child->marks == 0 && !child->program);
        task_table_inherit(&table, child, parent);
        assert(child->session == 90 && child->marks == 5 && !child->program && table.n_program_bytes == 0);

        task_table_set_program(&table, parent, first);
        assert(parent->program == first && first->n_users == 1 && table.n_program_bytes == n_first);
        task_table_inherit(&table, child, parent);
        task_table_inherit(&table, grandchild, child);
        assert(child->program == first && grandchild->program == first && first->n_users == 3);
        assert(grandchild->session == 90 && grandchild->marks == 5);
        assert(table.n_program_bytes == n_first);

        /* one process changes its program; the other processes keep it */
        task_table_set_program(&table, parent, second);
        assert(first->n_users == 2 && second->n_users == 1 && table.n_program_bytes == n_first + n_second);
        /* an inherited program replaces the former program */
        task_table_inherit(&table, grandchild, parent);
        assert(first->n_users == 1 && second->n_users == 2 && table.n_program_bytes == n_first + n_second);
        task_table_end_process(&table, child);
        assert(second->n_users == 2 && table.n_program_bytes == n_second);
        task_table_set_program(&table, grandchild, NULL);
        assert(second->n_users == 1 && !grandchild->program && table.n_program_bytes == n_second);
        task_table_set_program(&table, grandchild, NULL);
        task_table_end_process(&table, parent);
        assert(table.n_program_bytes == 0);

        /* the table frees all programs, also the program of a process whose leader has gone */
        task_table_set_program(&table, grandchild, made_program("x", "y", "/z"));
        parent = task_table_add(&table, 200, 205)->process;
        task_table_inherit(&table, parent, grandchild);
        task_table_set_program(&table, task_table_add(&table, 300, 301)->process, made_program("x", "y", "/z"));
        task_table_deinit(&table);
        assert(table.n_program_bytes == 0);
}

/* Random changes, compared with a sum over the table. */
static void test_program_bytes(void) {
        enum { N = 200 };
        static TaskTable table;
        uint64_t state = 4711;

        task_table_init(&table);
        for (int step = 0; step < 20000; ++step) {
                uint32_t pid = 1 + (uint32_t)random_below(&state, N), ppid = 1 + (uint32_t)random_below(&state, N);
                Process *process = task_table_get_process(&table, pid), *parent = task_table_get_process(&table, ppid);
                char text[64] = {};

                if (!process) {
                        process = task_table_add(&table, pid, pid)->process;
                        task_table_inherit(&table, process, pid == ppid ? NULL : parent);
                } else if (random_below(&state, 3) == 0) {
                        task_table_end_process(&table, process);
                } else {
                        memset(text, 'x', random_below(&state, sizeof(text)));
                        task_table_set_program(&table, process,
                                               random_below(&state, 4) ? made_program(text, "/bin/x", "/a") : NULL);
                }
                if (step % 100 == 0) {
                        Program *seen[N];
                        size_t n_seen = 0, n_bytes = 0;

                        for (uint32_t i = 1; i <= N; ++i) {
                                const Process *one = task_table_get_process(&table, i);
                                size_t k = 0, n_users = 0;

                                if (!one || !one->program)
                                        continue;
                                while (k < n_seen && seen[k] != one->program)
                                        ++k;
                                if (k < n_seen)
                                        continue;
                                seen[n_seen++] = one->program;
                                n_bytes += program_size(one->program);
                                for (uint32_t j = 1; j <= N; ++j) {
                                        const Process *other = task_table_get_process(&table, j);

                                        n_users += other && other->program == one->program;
                                }
                                assert(n_users == one->program->n_users);
                        }
                        assert(n_bytes == table.n_program_bytes);
                }
        }
        task_table_deinit(&table);
}

/* The memory of the table is the memory for its largest size, and the programs. */
static void test_bytes(void) {
        static TaskTable table;
        size_t n_empty, n_full, n_program;
        Program *program;

        task_table_init(&table);
        n_empty = task_table_bytes(&table);
        assert(n_empty >= sizeof(table.pages) && n_empty < 64 * 1024);
        for (uint32_t tid = 1; tid <= 100000; ++tid)
                assert(task_table_add(&table, tid, tid));
        n_full = task_table_bytes(&table);
        assert(n_full >= n_empty + 100000 * (sizeof(Task) + sizeof(Process) + sizeof(Task *)));
        assert(n_full <= n_empty + 100000 * (sizeof(Task) + sizeof(Process) + sizeof(Task *) + 64));
        program = made_program("a", "b", "/c");
        n_program = program_size(program);
        task_table_set_program(&table, task_table_get_process(&table, 5), program);
        assert(task_table_bytes(&table) == n_full + n_program);
        assert(task_table_totals(&table, task_table_get_process(&table, 5)));
        assert(task_table_bytes(&table) >= n_full + n_program + sizeof(TaskStats));
        n_full = task_table_bytes(&table) - n_program;
        for (uint32_t tid = 1; tid <= 100000; ++tid)
                task_table_end_process(&table, task_table_get_process(&table, tid));
        assert(task_table_bytes(&table) < n_full);
        for (uint32_t tid = 1; tid <= 100000; ++tid)
                assert(task_table_add(&table, tid, tid));
        assert(task_table_bytes(&table) == n_full);
        task_table_deinit(&table);
}

static void test_is_free(void) {
        static const struct {
                uint32_t pid, tid;
                bool is_free;
        } rows[] = {
                { 100, 102, true },
                { 100, 100, false },
                { 100, 101, false },
                /* a thread with the number of a process */
                { 101, 101, false },
                { 101, 300, false },
                { 205, 300, false },
                /* a process, or an unseen leader, with the number of the thread */
                { 300, 100, false },
                { 300, 200, false },
                /* the fork of the leader itself is allowed */
                { 200, 200, true },
                { 200, 206, true },
                { 300, 300, true },
        };
        static TaskTable table;

        task_table_init(&table);
        assert(task_table_is_free(&table, 100, 100) && task_table_is_free(&table, 100, 101));
        assert(task_table_add(&table, 100, 100));
        assert(task_table_add(&table, 100, 101));
        assert(task_table_add(&table, 200, 205));
        for (size_t i = 0; i < ARRAY_SIZE(rows); ++i)
                assert(task_table_is_free(&table, rows[i].pid, rows[i].tid) == rows[i].is_free);
        task_table_deinit(&table);
}

static void test_ends_of_the_range(void) {
        static TaskTable table;

        task_table_init(&table);
        assert(task_table_add(&table, TID_MAX, TID_MAX));
        assert(task_table_add(&table, 1, 1));
        assert(task_table_add(&table, 1, 1023));
        assert(task_table_add(&table, 1, 1024));
        assert(task_table_get(&table, TID_MAX)->tid == TID_MAX);
        assert(task_table_get(&table, 1023)->tid == 1023);
        assert(task_table_get(&table, 1024)->tid == 1024);
        check_counts(&table, 4, 2);
        task_table_deinit(&table);
}

/* 200 000 tasks: processes of five tasks each, in a shuffled order. */
static void test_many(void) {
        enum { N = 200000 };
        static TaskTable table;
        uint64_t state = 42;
        size_t n_live = N;

        task_table_init(&table);
        for (uint32_t i = 0; i < N; ++i) {
                uint32_t tid = 1000 + (uint32_t)((uint64_t)i * 99991 % N), pid = tid - tid % 5;
                Task *task = task_table_add(&table, pid, tid);

                assert(task && task->process->pid == pid);
                task->start_time_ns = tid;
        }
        check_counts(&table, N, N / 5);
        for (uint32_t tid = 1000; tid < 1000 + N; ++tid) {
                assert(task_table_get(&table, tid)->start_time_ns == tid);
                assert(!!task_table_get_process(&table, tid) == (tid % 5 == 0));
        }

        for (int i = 0; i < N; ++i) {
                Task *task = task_table_get(&table, 1000 + (uint32_t)random_below(&state, N));
                Process *process;

                if (!task)
                        continue;
                process = task->process;
                task_table_end_task(&table, task);
                --n_live;
                if (process->n_live == 0)
                        task_table_end_process(&table, process);
                assert(table.n_live_tasks == n_live);
        }
        for (uint32_t pid = 1000; pid < 1000 + N; pid += 5) {
                Process *process = task_table_get_process(&table, pid);

                if (process) {
                        n_live -= process->n_live;
                        task_table_end_process(&table, process);
                }
        }
        assert(n_live == 0);
        check_counts(&table, 0, 0);
        assert(table.tasks.n_used == 0 && table.processes.n_used == 0 && table.totals.n_used == 0);

        /* freed places are reused */
        for (uint32_t tid = 1000; tid < 1000 + N; ++tid)
                assert(task_table_add(&table, tid - tid % 5, tid));
        assert(table.tasks.n_made < 2 * N);
        task_table_deinit(&table);
}

int main(void) {
        test_empty();
        test_process_of_one();
        test_threads();
        test_leader_gone();
        test_leader_never_seen();
        test_get_leader();
        test_revive();
        test_totals();
        test_programs();
        test_program_bytes();
        test_bytes();
        test_is_free();
        test_ends_of_the_range();
        test_many();
        return 0;
}
