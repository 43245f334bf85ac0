/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/* The table is filled from a directory that plays /proc, while the kernel sends nothing. */

#include "broker/model/owner.h"
#include "broker/tasks/procfs.h"
#include "broker/tasks/reconcile.h"
#include "tests/unit/join_rig.h"
#include "tests/unit/made_proc.h"

/* Seeding reports no event: rig_free() asserts that. */
static void seed(Rig *rig) {
        Reconcile reconcile;

        reconcile_init(&reconcile, &rig->join, rig->procfs.fd);
        assert(reconcile_seed(&reconcile) == 0);
        assert(reconcile.phase == RECONCILE_IDLE && !reconcile.seeding);
        reconcile_deinit(&reconcile);
}

static void check_start(const Task *task, unsigned long long ticks) {
        uint64_t expected = proc_wall(ticks);

        assert(task->start_time_ns < expected + NSEC_PER_MSEC && expected < task->start_time_ns + NSEC_PER_MSEC);
}

static void test_processes_and_threads(void) {
        Rig *rig = rig_new();
        TaskTable *table = &rig->join.table;
        Task *task;

        proc_add_task(&rig->procfs, 1, 1, "init", 0, 5);
        proc_add_task(&rig->procfs, 700, 700, "bash", 1, 123456);
        proc_add_task(&rig->procfs, 800, 800, "server", 700, 200000);
        proc_add_task(&rig->procfs, 800, 801, "worker", 700, 200001);
        proc_add_task(&rig->procfs, 800, 802, "worker", 700, 200002);
        proc_add_task(&rig->procfs, 4194303, 4194303, "last", 800, 300000);
        /* other entries of /proc */
        tree_write_text(&rig->procfs, "uptime", "1.0 2.0\n");
        tree_write_text(&rig->procfs, "sys/kernel/pid_max", "4194304\n");
        tree_write_text(&rig->procfs, "700x/task/700/stat", "no\n");
        tree_write_text(&rig->procfs, "4194304/task/4194304/stat", "beyond\n");
        assert(symlinkat("700", rig->procfs.fd, "self") == 0);

        seed(rig);
        assert(table->n_live_tasks == 6 && table->n_live_processes == 4);

        task = task_table_get(table, 700);
        assert(task && task->process->pid == 700 && task->process->origin_pid == 1);
        assert(task->process->seeded);
        assert(task->flags == (TASK_SEEDED | TASK_NONDUMPABLE));
        assert(strcmp(task->comm, "bash") == 0);
        assert(task->ruid == 1000 && task->euid == 1001 && task->rgid == 2000 && task->egid == 2001);
        check_start(task, 123456);

        task = task_table_get(table, 802);
        assert(task && task->process == task_table_get_process(table, 800));
        assert(task->process->n_live == 3 && task->process->origin_pid == 700);
        assert(strcmp(task->comm, "worker") == 0);
        check_start(task, 200002);
        assert(task_table_get(table, 1)->process->origin_pid == 0);
        assert(task_table_get(table, 4194303));

        /* a second reading adds no task twice */
        seed(rig);
        assert(table->n_live_tasks == 6 && table->n_live_processes == 4);
        rig_free(rig);
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
                Rig *rig = rig_new();
                Task *task;

                proc_add_stat(&rig->procfs,
                              &(ProcTask){.pid = 700, .tid = 700, .comm = rows[i].comm, .ppid = 33, .start = 999});
                /* the kernel escapes newlines in status, but not in stat */
                proc_add_status(&rig->procfs, 700, 700, "escaped\\n", "Uid:\t7\t8\t9\t10\nGid:\t11\t12\t13\t14\n");
                seed(rig);
                task = task_table_get(&rig->join.table, 700);
                assert(task);
                assert(strcmp(task->comm, rows[i].expected) == 0);
                assert(task->process->origin_pid == 33);
                assert(task->ruid == 7 && task->egid == 12);
                check_start(task, 999);
                rig_free(rig);
        }
}

/* A task that ends while /proc is read is left out; the other tasks are read. */
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
                Rig *rig = rig_new();
                const TaskTable *table = &rig->join.table;

                proc_add_task(&rig->procfs, 699, 699, "before", 1, 1);
                proc_add_task(&rig->procfs, 701, 701, "after", 1, 1);
                proc_add_task(&rig->procfs, 701, 703, "thread", 1, 1);
                tree_write_text(&rig->procfs, "700/cmdline", "");
                if (rows[i].stat && !strcmp(rows[i].stat, "full"))
                        proc_add_stat(&rig->procfs,
                                      &(ProcTask){.pid = 700, .tid = 700, .comm = "x", .ppid = 1, .start = 1});
                else if (rows[i].stat)
                        tree_write_text(&rig->procfs, "700/task/700/stat", rows[i].stat);
                if (rows[i].status)
                        tree_write_text(&rig->procfs, "700/task/700/status", rows[i].status);

                seed(rig);
                assert(table->n_live_tasks == 3 && table->n_live_processes == 2);
                assert(!task_table_get(table, 700) && !task_table_get_process(table, 700));
                rig_free(rig);
        }
}

/* A zombie has ended. Its name and ids are known if its process has a live thread. */
static void test_zombies(void) {
        static const char states[] = { 'Z', 'X' };

        for (size_t i = 0; i < ARRAY_SIZE(states); ++i) {
                Rig *rig = rig_new();
                TaskTable *table = &rig->join.table;
                const Task *leader;

                proc_add(
                        &rig->procfs,
                        &(ProcTask){.pid = 600, .tid = 600, .comm = "gone", .ppid = 1, .start = 1, .state = states[i]});
                proc_add(&rig->procfs,
                         &(ProcTask){
                                 .pid = 700, .tid = 700, .comm = "leader", .ppid = 1, .start = 5, .state = states[i]});
                proc_add_task(&rig->procfs, 700, 702, "thread", 1, 777);
                seed(rig);
                assert(table->n_live_tasks == 1 && table->n_live_processes == 1);
                assert(!task_table_get_process(table, 600));
                assert(!task_table_get(table, 700) && task_table_get(table, 702));
                assert(strcmp(task_table_get(table, 702)->comm, "thread") == 0);
                leader = task_table_get_leader(table, 700);
                assert(leader->flags == (TASK_GONE | TASK_SEEDED));
                assert(strcmp(leader->comm, "leader") == 0 && leader->ruid == 1000 && leader->process->origin_pid == 1);
                check_start(leader, 5);
                rig_free(rig);
        }
}

/*
 * The owner of a process from before the start is the owner of its files in /proc. Here these are
 * files of the user of the test.
 */
static void test_owners(void) {
        static const struct {
                bool owned, exiting;
                const char *capabilities;
                char state;
                OwnerClaim claim;       /* the claim of the task */
                bool suspect;           /* a flag of its process */
        } rows[] = {
                { true, false, "", 'S', OWNER_SHOWN, false },
                { false, false, "", 'S', OWNER_UNPROVEN, true },
                { true, false, "CapPrm:\t0000000000000400\n", 'S', OWNER_UNPROVEN, true },
                /* the files of a task without memory say nothing about the other threads */
                { false, true, "", 'S', OWNER_UNPROVEN, false },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); ++i) {
                uint32_t uid = geteuid() + (rows[i].owned ? 0u : 1u);
                Rig *rig = rig_new();
                char ids[256];
                Task *task;

                uid = MAX(uid, 1u);
                snprintf(ids, sizeof(ids), "Uid:\t%u\t%u\t%u\t%u\nGid:\t7\t7\t7\t7\n%s", uid, uid, uid, uid,
                         rows[i].capabilities);
                proc_add_stat(&rig->procfs, &(ProcTask){ .pid = 700, .tid = 700, .comm = "task", .ppid = 1, .start = 5,
                                                         .state = rows[i].state, .exiting = rows[i].exiting });
                proc_add_status(&rig->procfs, 700, 700, "task", ids);
                if (geteuid() == 0 && rows[i].owned)
                        assert(fchownat(rig->procfs.fd, "700/task/700/status", uid, (gid_t)-1, 0) == 0);
                seed(rig);
                task = task_table_get(&rig->join.table, 700);
                assert(owner_of_task(task).claim == rows[i].claim &&
                       task->process->suspect == rows[i].suspect);
                rig_free(rig);
        }
}

/* The capabilities stand behind the groups, however many these are. A status without capabilities is no proof. */
static void test_many_groups(void) {
        static const unsigned int n_groups[] = { 0, 1, 599, 600, 700, 1000, 65536 };
        static const char *const capabilities[] = { "CapPrm:\t0000000000000000\n", "CapPrm:\t0000000000000400\n", "" };
        const uint32_t uid = 1000;

        for (size_t i = 0; geteuid() == 0 && i < ARRAY_SIZE(n_groups) * ARRAY_SIZE(capabilities); ++i) {
                size_t i_capabilities = i % ARRAY_SIZE(capabilities);
                Rig *rig = rig_new();
                static char text[900000];
                char *end = text;

                end += sprintf(end, "Name:\ttask\nUid:\t%u\t%u\t%u\t%u\nGid:\t7\t7\t7\t7\nGroups:\t", uid, uid, uid,
                               uid);
                for (unsigned int n = 0; n < n_groups[i / ARRAY_SIZE(capabilities)]; ++n)
                        end += sprintf(end, "%u ", 4000000000u + n);
                (void)sprintf(end, "\nNStgid:\t700\n%s", capabilities[i_capabilities]);
                proc_add_stat(&rig->procfs,
                              &(ProcTask){ .pid = 700, .tid = 700, .comm = "task", .ppid = 1, .start = 5 });
                proc_write(&rig->procfs, 700, 700, "status", text, strlen(text));
                assert(fchownat(rig->procfs.fd, "700/task/700/status", uid, (gid_t)-1, 0) == 0);
                seed(rig);
                assert(owner_of_task(task_table_get(&rig->join.table, 700)).claim ==
                       (i_capabilities == 0 ? OWNER_SHOWN : OWNER_UNPROVEN));
                rig_free(rig);
        }
}

/* A leader that is no longer even a zombie when its thread is read is not known. */
static void test_thread_without_leader(void) {
        Rig *rig = rig_new();
        TaskTable *table = &rig->join.table;

        proc_add_task(&rig->procfs, 700, 702, "thread", 1, 1);
        seed(rig);
        assert(table->n_live_tasks == 1 && table->n_live_processes == 1);
        assert(!task_table_get(table, 700));
        assert(task_table_get_process(table, 700)->seeded);
        assert(task_table_get_leader(table, 700)->flags == (TASK_GONE | TASK_UNKNOWN));
        rig_free(rig);
}

/* Sessions and kernel threads. */
static void test_sessions_and_kernel_threads(void) {
        Rig *rig = rig_new();
        const TaskTable *table = &rig->join.table;

        proc_add(&rig->procfs, &(ProcTask){.pid = 2, .tid = 2, .comm = "kthreadd", .start = 1, .kernel_thread = true});
        proc_add(&rig->procfs,
                 &(ProcTask){.pid = 700, .tid = 700, .comm = "sh", .ppid = 1, .start = 1, .session = 650});
        seed(rig);
        assert(task_table_get(table, 2)->flags == (TASK_SEEDED | TASK_NONDUMPABLE | TASK_KERNEL));
        assert(task_table_get(table, 700)->flags == (TASK_SEEDED | TASK_NONDUMPABLE));
        assert(task_table_get(table, 700)->process->session == 650);
        rig_free(rig);
}

/* More processes than fit into a slice, and more threads of one process. */
static void test_many(void) {
        enum { N = 3 * RECONCILE_SLICE + 7 };
        Rig *rig = rig_new();
        const TaskTable *table = &rig->join.table;

        for (uint32_t i = 0; i < N; ++i) {
                proc_add_task(&rig->procfs, 1000 + i, 1000 + i, "process", 1, i);
                proc_add_task(&rig->procfs, 500, 500 + i, "thread", 1, i);
        }
        seed(rig);
        assert(table->n_live_tasks == 2 * N && table->n_live_processes == N + 1);
        assert(task_table_get_process(table, 500)->n_live == N);
        rig_free(rig);
}

static void test_what_is_known_stays(void) {
        Rig *rig = rig_new();
        TaskTable *table = &rig->join.table;
        Task *task;

        task = task_table_add(table, 700, 700);
        memcpy(task->comm, "known", 6);
        task->start_time_ns = 5;
        proc_add_task(&rig->procfs, 700, 700, "other", 1, 1);
        seed(rig);
        assert(strcmp(task->comm, "known") == 0 && task->start_time_ns == 5 && task->flags == 0);
        rig_free(rig);
}

/* A process reuses the number of a thread while /proc is read: the events in the queue complete it. */
static void test_contradictions(void) {
        Rig *rig = rig_new();
        TaskTable *table = &rig->join.table;

        assert(task_table_add(table, 600, 700));
        proc_add_task(&rig->procfs, 700, 700, "a", 1, 1);
        proc_add_task(&rig->procfs, 700, 701, "b", 1, 1);
        proc_add_task(&rig->procfs, 800, 600, "c", 1, 1);
        seed(rig);
        assert(table->n_live_tasks == 1 && table->n_live_processes == 1);
        assert(task_table_get(table, 700)->process->pid == 600);
        rig_free(rig);
}

static void test_real_proc(void) {
        int fd = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        Reconcile reconcile;
        const Task *self;
        Rig *rig;

        if (fd < 0)
                return;
        rig = rig_new();
        reconcile_init(&reconcile, &rig->join, fd);
        assert(reconcile_seed(&reconcile) == 0);
        reconcile_deinit(&reconcile);
        self = task_table_get(&rig->join.table, (uint32_t)getpid());
        assert(self && self->ruid == getuid() && self->egid == getegid());
        assert(self->process->origin_pid == (uint32_t)getppid() && self->process->session == (uint32_t)getsid(0));
        assert(strncmp(self->comm, "test_tasks_proc", 15) == 0 && !(self->flags & TASK_KERNEL));
        rig_free(rig);
        close(fd);
}

/* A process whose files belong to its owner too. */
static void add_owned(const Tree *procfs, uint32_t pid, const char *comm, uint32_t ppid, unsigned long long start) {
        unsigned int uid = getuid(), gid = getgid();
        char ids[128];

        snprintf(ids, sizeof(ids), "Uid:\t%u\t%u\t%u\t%u\nGid:\t%u\t%u\t%u\t%u\n", uid, uid, uid, uid, gid, gid, gid,
                 gid);
        proc_add_stat(procfs, &(ProcTask){ .pid = pid, .tid = pid, .comm = comm, .ppid = ppid, .start = start });
        proc_add_status(procfs, pid, pid, comm, ids);
}

/*
 * A process is forked after /proc was listed, and its parent was not read yet: only the
 * number of the process is known, and only the number of its child. In the end both are in
 * the table as /proc has them.
 */
static void test_born_meanwhile(void) {
        Rig *rig = rig_new();
        TaskTable *table = &rig->join.table;
        unsigned long long ticks;
        Reconcile reconcile;
        Task *task;

        add_owned(&rig->procfs, 700, "parent", 1, 5);
        reconcile_init(&reconcile, &rig->join, rig->procfs.fd);
        reconcile_start(&reconcile);
        reconcile_scan(&reconcile);
        assert(reconcile_apply(&reconcile) == 0 && reconcile.phase == RECONCILE_FOUND);
        reconcile_scan(&reconcile);
        assert(reconcile.n_mismatches == 1);
        ticks = proc_ticks(rig_wall(rig_fork(rig, 700, 900, 900)));
        add_owned(&rig->procfs, 900, "child", 700, ticks);
        ticks = proc_ticks(rig_wall(rig_fork(rig, 900, 800, 800)));
        add_owned(&rig->procfs, 800, "grandchild", 900, ticks);
        rig_turn(rig);
        task = task_table_get(table, 900);
        assert(task && task->flags & TASK_UNKNOWN && owner_of_task(task).claim == OWNER_NONE);
        while (reconcile.phase != RECONCILE_IDLE) {
                assert(reconcile_apply(&reconcile) == 0);
                reconcile_scan(&reconcile);
                rig_turn(rig);
        }
        for (uint32_t pid = 800; pid <= 900; pid += 100) {
                task = task_table_get(table, pid);
                assert(!(task->flags & TASK_UNKNOWN) && strcmp(task->comm, pid == 800 ? "grandchild" : "child") == 0);
                assert(task->ruid == getuid() && task->egid == getgid() &&
                       owner_of_task(task).claim == OWNER_SHOWN);
        }
        reconcile_deinit(&reconcile);
        rig_skip(rig);
        rig_free(rig);
}

int main(void) {
        test_processes_and_threads();
        test_odd_names();
        test_vanishing();
        test_zombies();
        test_thread_without_leader();
        test_owners();
        test_many_groups();
        test_sessions_and_kernel_threads();
        test_many();
        test_what_is_known_stays();
        test_contradictions();
        test_born_meanwhile();
        test_real_proc();
        return 0;
}
