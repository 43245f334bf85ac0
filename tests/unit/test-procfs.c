/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/* The table's beginning, from a directory that plays /proc. */

#include "broker/base/clock.h"
#include "broker/base/util.h"
#include "broker/tasks/procfs.h"
#include "tests/unit/harness.h"

static TaskTable table;

/* Fields 3 and on of a stat; %u are ppid and the start in ticks. */
#define STAT_REST                                                                                                      \
        " S %u 700 700 34816 700 4194304 123 456 7 8 90 12 34 56 20 0 3 0 %llu 12345678 321 18446744073709551615 1 1 " \
        "0 0 0 0 0 "                                                                                                   \
        "0 0 0 0 0 17 1 0 0 0 0 0 0 0 0 0 0 0 0 0\n"

static void add_stat(const Tree *tree, uint32_t pid, uint32_t tid, const char *comm, uint32_t ppid,
                     unsigned long long start) {
        char path[64], text[512];

        snprintf(path, sizeof(path), "%u/task/%u/stat", pid, tid);
        snprintf(text, sizeof(text), "%u (%s)" STAT_REST, tid, comm, ppid, start);
        tree_write_text(tree, path, text);
}

static void add_status(const Tree *tree, uint32_t pid, uint32_t tid, const char *comm, const char *ids) {
        char path[64], text[512];

        snprintf(path, sizeof(path), "%u/task/%u/status", pid, tid);
        snprintf(text, sizeof(text),
                 "Name:\t%s\nUmask:\t0022\nState:\tS (sleeping)\nTgid:\t%u\nPid:\t%u\n%sFDSize:\t64\n", comm, pid, tid,
                 ids);
        tree_write_text(tree, path, text);
}

static void add_task(const Tree *tree, uint32_t pid, uint32_t tid, const char *comm, uint32_t ppid,
                     unsigned long long start) {
        add_stat(tree, pid, tid, comm, ppid, start);
        add_status(tree, pid, tid, comm, "Uid:\t1000\t1001\t1002\t1003\nGid:\t2000\t2001\t2002\t2003\n");
}

static uint64_t start_of(unsigned long long ticks) {
        return (uint64_t)clock_offset_ns(CLOCK_REALTIME, CLOCK_BOOTTIME) + ticks * 10 * NSEC_PER_MSEC;
}

static void check_start(const Task *task, unsigned long long ticks) {
        uint64_t expected = start_of(ticks);

        assert(task->start_time_ns < expected + NSEC_PER_MSEC && expected < task->start_time_ns + NSEC_PER_MSEC);
}

static void test_processes_and_threads(void) {
        Tree tree = tree_new();
        Task *task;

        add_task(&tree, 1, 1, "init", 0, 5);
        add_task(&tree, 700, 700, "bash", 1, 123456);
        add_task(&tree, 800, 800, "server", 700, 200000);
        add_task(&tree, 800, 801, "worker", 700, 200001);
        add_task(&tree, 800, 802, "worker", 700, 200002);
        add_task(&tree, 4194303, 4194303, "last", 800, 300000);
        /* what else lies in /proc */
        tree_write_text(&tree, "uptime", "1.0 2.0\n");
        tree_write_text(&tree, "sys/kernel/pid_max", "4194304\n");
        tree_write_text(&tree, "700x/task/700/stat", "no\n");
        tree_write_text(&tree, "4194304/task/4194304/stat", "beyond\n");
        assert(symlinkat("700", tree.fd, "self") == 0);

        task_table_init(&table);
        assert(procfs_seed(tree.fd, &table) == 0);
        assert(table.n_live_tasks == 6 && table.n_live_processes == 4);

        task = task_table_get(&table, 700);
        assert(task && task->process->pid == 700 && task->process->ppid == 1);
        assert(task->process->seeded);
        assert(task->flags == TASK_SEEDED);
        assert(strcmp(task->comm, "bash") == 0);
        assert(task->ruid == 1000 && task->euid == 1001 && task->rgid == 2000 && task->egid == 2001);
        check_start(task, 123456);

        task = task_table_get(&table, 802);
        assert(task && task->process == task_table_get_process(&table, 800));
        assert(task->process->n_live == 3 && task->process->ppid == 700);
        assert(strcmp(task->comm, "worker") == 0);
        check_start(task, 200002);
        assert(task_table_get(&table, 1)->process->ppid == 0);
        assert(task_table_get(&table, 4194303));

        /* read again, nothing is there twice */
        assert(procfs_seed(tree.fd, &table) == 0);
        assert(table.n_live_tasks == 6 && table.n_live_processes == 4);
        task_table_deinit(&table);
        tree_free(&tree);
}

static void test_odd_names(void) {
        static const struct {
                const char *comm, *expected;
        } rows[] = {
                { "a b", "a b" },
                { ")", ")" },
                { "(", "(" },
                { ") S 1 2 3 (", ") S 1 2 3 (" },
                { "((x))", "((x))" },
                { "new\nline", "new\nline" },
                { "\nUid:\t0\t0\t0\t0", "\nUid:\t0\t0\t0\t0" },
                { "\xff\xfe", "\xff\xfe" },
                { "", "" },
                { "kworker/u16:3-events_unbound", "kworker/u16:3-e" },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); ++i) {
                Tree tree = tree_new();
                Task *task;

                add_stat(&tree, 700, 700, rows[i].comm, 33, 999);
                /* the kernel escapes newlines in status, but not in stat */
                add_status(&tree, 700, 700, "escaped\\n", "Uid:\t7\t8\t9\t10\nGid:\t11\t12\t13\t14\n");
                task_table_init(&table);
                assert(procfs_seed(tree.fd, &table) == 0);
                task = task_table_get(&table, 700);
                assert(task);
                assert(strcmp(task->comm, rows[i].expected) == 0);
                assert(task->process->ppid == 33);
                assert(task->ruid == 7 && task->egid == 12);
                check_start(task, 999);
                task_table_deinit(&table);
                tree_free(&tree);
        }
}

/* Whoever ends while it is read is left out, and the others are read all the same. */
static void test_vanishing(void) {
        static const struct {
                const char *stat, *status;
        } rows[] = {
                { NULL, NULL },
                { "", "Name:\tx\nUid:\t0\t0\t0\t0\nGid:\t0\t0\t0\t0\n" },
                { "700 (x", "Name:\tx\nUid:\t0\t0\t0\t0\nGid:\t0\t0\t0\t0\n" },
                { "700 (x) S", "Name:\tx\nUid:\t0\t0\t0\t0\nGid:\t0\t0\t0\t0\n" },
                { "700 (x) S 1 2 3 4 5 6", "Name:\tx\nUid:\t0\t0\t0\t0\nGid:\t0\t0\t0\t0\n" },
                { "nothing at all", "Name:\tx\nUid:\t0\t0\t0\t0\nGid:\t0\t0\t0\t0\n" },
                { ") 700 (", "Name:\tx\nUid:\t0\t0\t0\t0\nGid:\t0\t0\t0\t0\n" },
                { "full", NULL },
                { "full", "" },
                { "full", "Name:\tx\nUid:\t0\t0\t0\t0\n" },
                { "full", "Name:\tx\nGid:\t0\t0\t0\t0\n" },
                { "full", "Name:\tx\nUid:\t\nGid:\t0\t0\t0\t0\n" },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); ++i) {
                Tree tree = tree_new();

                add_task(&tree, 699, 699, "before", 1, 1);
                add_task(&tree, 701, 701, "after", 1, 1);
                add_task(&tree, 701, 703, "thread", 1, 1);
                tree_write_text(&tree, "700/cmdline", "");
                if (rows[i].stat && !strcmp(rows[i].stat, "full"))
                        add_stat(&tree, 700, 700, "x", 1, 1);
                else if (rows[i].stat)
                        tree_write_text(&tree, "700/task/700/stat", rows[i].stat);
                if (rows[i].status)
                        tree_write_text(&tree, "700/task/700/status", rows[i].status);

                task_table_init(&table);
                assert(procfs_seed(tree.fd, &table) == 0);
                assert(table.n_live_tasks == 3 && table.n_live_processes == 2);
                assert(!task_table_get(&table, 700) && !task_table_get_process(&table, 700));
                task_table_deinit(&table);
                tree_free(&tree);
        }
}

/* A leader that has ended is a zombie in /proc; but it may be gone when its thread is read. */
static void test_thread_without_leader(void) {
        Tree tree = tree_new();

        add_task(&tree, 700, 702, "thread", 1, 1);
        task_table_init(&table);
        assert(procfs_seed(tree.fd, &table) == 0);
        assert(table.n_live_tasks == 1 && table.n_live_processes == 1);
        assert(!task_table_get(&table, 700));
        assert(task_table_get_process(&table, 700)->seeded);
        task_table_deinit(&table);
        tree_free(&tree);
}

static void test_what_is_known_stays(void) {
        Tree tree = tree_new();
        Task *task;

        task_table_init(&table);
        task = task_table_add(&table, 700, 700);
        memcpy(task->comm, "known", 6);
        task->start_time_ns = 5;
        add_task(&tree, 700, 700, "other", 1, 1);
        assert(procfs_seed(tree.fd, &table) == 0);
        assert(strcmp(task->comm, "known") == 0 && task->start_time_ns == 5 && task->flags == 0);
        task_table_deinit(&table);
        tree_free(&tree);
}

/* A number that went from a thread to a process while /proc was read: the queue tells more of it. */
static void test_contradictions(void) {
        Tree tree = tree_new();

        task_table_init(&table);
        assert(task_table_add(&table, 600, 700));
        add_task(&tree, 700, 700, "a", 1, 1);
        add_task(&tree, 700, 701, "b", 1, 1);
        add_task(&tree, 800, 600, "c", 1, 1);
        assert(procfs_seed(tree.fd, &table) == 0);
        assert(table.n_live_tasks == 1 && table.n_live_processes == 1);
        assert(task_table_get(&table, 700)->process->pid == 600);
        task_table_deinit(&table);
        tree_free(&tree);
}

static void test_real_proc(void) {
        int fd = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        Task *self;

        if (fd < 0)
                return;
        task_table_init(&table);
        assert(procfs_seed(fd, &table) == 0);
        self = task_table_get(&table, (uint32_t)getpid());
        assert(self && self->ruid == getuid() && self->egid == getegid());
        assert(self->process->ppid == (uint32_t)getppid());
        assert(strncmp(self->comm, "test-procfs", 11) == 0);
        task_table_deinit(&table);
        close(fd);
}

int main(void) {
        test_processes_and_threads();
        test_odd_names();
        test_vanishing();
        test_thread_without_leader();
        test_what_is_known_stays();
        test_contradictions();
        test_real_proc();
        return 0;
}
