/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/* Programs of processes, from a directory that plays /proc: read in time, too late, or skipped. */

#include <sys/resource.h>

#include "broker/base/clock.h"
#include "broker/tasks/program_charge.h"
#include "broker/tasks/program_reader.h"
#include "tests/unit/join_rig.h"
#include "tests/unit/made_proc.h"
#include "tests/unit/made.h"

#define START 12345u    /* ticks */
#define CGROUP "0::/system.slice/a.service\n"

/* A slice of the pass, as the join makes it. */
static int read_slice(ProgramReader *reader) {
        for (int i = 0; i < 48; ++i) {
                Program *program;
                Task *task;
                int r = program_reader_read_next(reader, &task, &program);

                if (r || !task)
                        return r;
                task_table_set_program(reader->table, task->process, program);
        }
        return 0;
}

static Tree tree;
static TaskTable table;
static ProgramReader programs;
static Quota quota;

static void begin(void) {
        tree = tree_new();
        task_table_init(&table);
        program_reader_init(&programs, tree.fd, &table, NULL);
        quota_init(&quota, &quota_limits_default);
        programs.quota = &quota;
}

static void end(void) {
        task_table_deinit(&table);
        assert(table.n_program_bytes == 0);
        quota_deinit(&quota);
        tree_free(&tree);
}

static Task *add_task(uint32_t pid, uint32_t tid) {
        Task *task = made_task(&table, pid, tid, 1, proc_wall(START));

        /* the ids of proc_add() */
        task->ruid = 1000;
        task->euid = 1001;
        task->rgid = 2000;
        task->egid = 2001;
        return task;
}

/* Adds a process of one task to the table and to /proc. */
static Task *add_process(uint32_t pid) {
        char cmdline[32];
        int n = snprintf(cmdline, sizeof(cmdline), "prog-%u", pid);

        proc_add_task(&tree, pid, pid, "x", 1, START);
        proc_add_program(&tree, pid, pid, cmdline, (size_t)n + 1, "/bin/prog", CGROUP);
        return add_task(pid, pid);
}

static Program *read_at_exec(Task *task, bool drained) {
        Program *program = NULL;

        assert(program_reader_read_at_exec(&programs, task, drained, &program) == 0);
        assert(!program || program->n_users == 1);
        return program;
}

static void check_counts(uint64_t n_captured, uint64_t n_late, uint64_t n_skipped) {
        assert(programs.n_captured == n_captured && programs.n_late == n_late && programs.n_skipped == n_skipped);
}

static void check_program(const Program *program, ProgramState state, const char *cmdline, size_t n_cmdline,
                          const char *exe, const char *cgroup) {
        assert(program && program->state == state && !program->truncated);
        assert(program->n_cmdline == n_cmdline && memcmp(program_cmdline(program), cmdline, n_cmdline) == 0);
        assert(program->n_exe == strlen(exe) && memcmp(program_exe(program), exe, strlen(exe)) == 0);
        assert(program->n_cgroup == strlen(cgroup) && strcmp(program_cgroup(program), cgroup) == 0);
}

/* A program that could not be read has only the cgroup that the process, or its parent, had. */
static void check_unread(const Program *program, ProgramState state, const char *cgroup) {
        check_program(program, state, "", 0, "", cgroup);
}

/*
 * At exec.
 */

static void test_captured(void) {
        Program *program;
        Task *task;

        begin();
        task = add_process(700);
        /* without a subscription that wants programs, nothing is read or counted */
        assert(!read_at_exec(task, true));
        check_counts(0, 0, 0);

        program_reader_want(&programs);
        proc_add_program(&tree, 700, 700, "sh\0-c\0\0echo", 11, "/usr/bin/dash (deleted)", CGROUP);
        program = read_at_exec(task, true);
        check_program(program, PROGRAM_CAPTURED, "sh\0-c\0\0echo", 11, "/usr/bin/dash (deleted)",
                      "/system.slice/a.service");
        assert(program_size(program) == sizeof(*program) + 11 + 23 + 23 + 1);
        check_counts(1, 0, 0);
        /* the caller owns the program; the table does not have it yet */
        assert(!task->process->program && table.n_program_bytes == 0);
        task_table_set_program(&table, task->process, program);

        /* a second exec: nothing of the former program remains */
        proc_add_program(&tree, 700, 700, "x", 1, "/x", "0::/\n");
        program = read_at_exec(task, true);
        check_program(program, PROGRAM_CAPTURED, "x", 1, "/x", "/");
        program_free(program);

        /* without arguments, or without a readable link, the rest is kept */
        proc_add_program(&tree, 700, 700, "", 0, "/x", "0::/\n");
        program = read_at_exec(task, true);
        check_program(program, PROGRAM_CAPTURED, "", 0, "/x", "/");
        program_free(program);
        proc_add_program(&tree, 700, 700, "x", 1, NULL, "0::/\n");
        program = read_at_exec(task, true);
        check_program(program, PROGRAM_CAPTURED, "x", 1, "", "/");
        program_free(program);
        proc_write(&tree, 700, 700, "exe", "no link", 7);
        proc_write(&tree, 700, 700, "cmdline", "", 0);
        program = read_at_exec(task, true);
        check_program(program, PROGRAM_CAPTURED, "", 0, "", "/");
        program_free(program);
        check_counts(5, 0, 0);

        /* where the link may not be read, a missing memory size shows that the process is ending */
        proc_write(&tree, 700, 700, "statm", "812 1 1 0 0 9 0\n", 16);
        program = read_at_exec(task, true);
        check_program(program, PROGRAM_CAPTURED, "", 0, "", "/");
        program_free(program);
        proc_add_stat(&tree, &(ProcTask){ .pid = 700, .tid = 700, .comm = "x", .start = START, .exiting = true });
        proc_write(&tree, 700, 700, "statm", "0 0 0 0 0 0 0\n", 14);
        program = read_at_exec(task, true);
        assert(program->state == PROGRAM_LATE);
        program_free(program);
        check_counts(6, 1, 0);
        program_reader_unwant(&programs);
        end();
}

static void expect_late(Task *task, const char *cgroup, uint64_t *n_late) {
        Program *program = read_at_exec(task, true);

        check_unread(program, PROGRAM_LATE, cgroup);
        program_free(program);
        check_counts(0, ++*n_late, 0);
}

/*
 * A later start shows a later owner of the number. An earlier start is the same task: the
 * kernel may be interrupted for any time between the start and the fork event.
 */
static void check_reused(Task *task, const char *cgroup, uint64_t *n_late) {
        proc_add_task(&tree, 700, 700, "x", 1, START + 1);
        expect_late(task, cgroup, n_late);
        for (unsigned int early = 1; early <= 1000; early *= 10) {
                Program *program;

                proc_add_task(&tree, 700, 700, "x", 1, START - early);
                program = read_at_exec(task, true);
                assert(program->state == PROGRAM_CAPTURED);
                program_free(program);
                --programs.n_captured;
        }
}

/* The process has ended, or is ending. Each of its files can show it. */
static void test_late(void) {
        static const char *const files[] = { "stat", "cmdline", "cgroup" };

        for (int former = 0; former < 2; ++former) {
                const char *cgroup = former ? "/former" : "";
                uint64_t n_late = 0;
                Task *task;

                begin();
                program_reader_want(&programs);
                task = add_process(700);
                if (former)
                        task_table_set_program(&table, task->process, made_program("old", "/old", "/former"));

                for (size_t i = 0; i < ARRAY_SIZE(files); ++i) {
                        proc_add(&tree, &(ProcTask){ .pid = 700, .tid = 700, .comm = "x", .ppid = 1, .start = START,
                                                     .exiting = true });
                        proc_remove_file(&tree, 700, 700, files[i]);
                        expect_late(task, cgroup, &n_late);
                        proc_add_task(&tree, 700, 700, "x", 1, START);
                        proc_add_program(&tree, 700, 700, "x", 1, "/x", CGROUP);
                }

                /* an empty stat */
                proc_write(&tree, 700, 700, "stat", "", 0);
                expect_late(task, cgroup, &n_late);

                /* a zombie, or a process that is ending: it has no memory */
                proc_add(&tree,
                         &(ProcTask){.pid = 700, .tid = 700, .comm = "x", .ppid = 1, .start = START, .state = 'Z'});
                proc_add_program(&tree, 700, 700, "", 0, NULL, "0::/\n");
                expect_late(task, cgroup, &n_late);
                proc_add(&tree,
                         &(ProcTask){.pid = 700, .tid = 700, .comm = "x", .ppid = 1, .start = START, .exiting = true});
                expect_late(task, cgroup, &n_late);

                proc_add_task(&tree, 700, 700, "x", 1, START);
                proc_add_program(&tree, 700, 700, "x", 1, "/x", CGROUP);
                check_reused(task, cgroup, &n_late);

                /* every file is missing */
                proc_remove(&tree, 700, 0);
                expect_late(task, cgroup, &n_late);
                program_reader_unwant(&programs);
                end();
        }
}

/* The kernel's queue is read first, and the memory for programs is limited. */
static void test_skipped(void) {
        for (int former = 0; former < 2; ++former) {
                Program *program;
                Task *task;

                begin();
                program_reader_want(&programs);
                task = add_process(700);
                if (former)
                        task_table_set_program(&table, task->process, made_program("old", "/old", "/former"));
                while (!program_reader_is_complete(&programs))
                        assert(read_slice(&programs) == 0);
                programs.n_captured = 0;

                program = read_at_exec(task, false);
                check_unread(program, PROGRAM_SKIPPED, former ? "/former" : "/system.slice/a.service");
                check_counts(0, 0, 1);
                /* a later pass has to read it */
                assert(!program_reader_is_complete(&programs));
                task_table_set_program(&table, task->process, program);
                while (!program_reader_is_complete(&programs))
                        assert(read_slice(&programs) == 0);
                check_program(task->process->program, PROGRAM_CAPTURED, "prog-700", 9, "/bin/prog",
                              "/system.slice/a.service");

                quota.limits.held[QUOTA_PROGRAMS].of_user = 0;
                program = read_at_exec(task, true);
                check_unread(program, PROGRAM_SKIPPED, "/system.slice/a.service");
                program_free(program);
                check_counts(1, 0, 2);
                quota.limits = quota_limits_default;
                program = read_at_exec(task, true);
                assert(program->state == PROGRAM_CAPTURED);
                program_free(program);
                program_reader_unwant(&programs);
                end();
        }
}

enum { BUSY, BUDGET, ROOM, DESCRIPTORS, OWNER, _OBSTACLE_N };

/* Puts something in the way of a reading, or takes it away. Returns whether the kernel's queue is empty. */
static bool obstruct(int obstacle, bool present, Task *task) {
        struct rlimit limit;

        switch (obstacle) {
        case BUDGET:
                programs.refilled_ns = (uint64_t)clock_read_ns(CLOCK_MONOTONIC);
                programs.n_tokens = present ? 0 : 1000;
                break;
        case ROOM:
                quota.limits.held[QUOTA_PROGRAMS].of_user = present ? 0 : 1 << 20;
                programs.begun_ns = 0;
                program_reader_try_again(&programs, (uint64_t)clock_read_ns(CLOCK_MONOTONIC));
                break;
        case DESCRIPTORS:
                assert(getrlimit(RLIMIT_NOFILE, &limit) == 0);
                limit.rlim_cur = present ? 0 : limit.rlim_max;
                assert(setrlimit(RLIMIT_NOFILE, &limit) == 0);
                break;
        case OWNER:
                task->ruid = present ? 7 : 1000;
                break;
        }
        return obstacle != BUSY || !present;
}

static void read_all(void) {
        for (int i = 0; i < 4 && !program_reader_is_complete(&programs); ++i)
                do {
                        programs.n_tokens = programs.n_tokens ? 1000 : 0;
                        assert(read_slice(&programs) == 0);
                } while (programs.next_tid);
}

/*
 * A program that was not read because of an obstacle is marked, and is read as soon as it can
 * be: command line, executable and cgroup. The cgroup before that is the former one.
 */
static void test_missed(void) {
        for (int obstacle = BUSY; obstacle < _OBSTACLE_N; ++obstacle) {
                Program *program;
                bool empty;
                Task *task;

                begin();
                program_reader_want(&programs);
                task = add_process(700);
                task_table_set_program(&table, task->process, made_program("old", "/old", "/former"));
                read_all();
                proc_add(&tree, &(ProcTask){ .pid = 700, .tid = 700, .comm = "x", .ppid = 1, .start = START });
                proc_add_program(&tree, 700, 700, "new", 4, "/new", "0::/next\n");

                empty = obstruct(obstacle, true, task);
                program = read_at_exec(task, empty);
                check_unread(program, PROGRAM_SKIPPED, "/former");
                task_table_set_program(&table, task->process, program);
                assert(program_reader_is_complete(&programs) == (obstacle == ROOM));
                if (obstacle >= ROOM) {
                        /* a pass does not give up */
                        read_all();
                        check_unread(task->process->program, PROGRAM_SKIPPED, "/former");
                        /* no subscription waits for memory, which another pass will find */
                        assert(program_reader_is_complete(&programs) == (obstacle == ROOM));
                }
                obstruct(obstacle, false, task);
                read_all();
                assert(program_reader_is_complete(&programs));
                check_program(task->process->program, PROGRAM_CAPTURED, "new", 4, "/new", "/next");
                program_reader_unwant(&programs);
                end();
        }
}

/* At most 2000 reads a second, whether they succeed or fail. */
static void test_budget(void) {
        enum { N = 2500 };
        Task *task;

        begin();
        program_reader_want(&programs);
        task = add_task(700, 700);
        for (;;) {
                uint64_t refilled_ns = 0;

                programs.refilled_ns = 0;
                programs.n_late = programs.n_skipped = 0;
                for (int i = 0; i < N; ++i) {
                        Program *program = read_at_exec(task, true);

                        if (i == 0)
                                refilled_ns = programs.refilled_ns;
                        check_unread(program,
                                     i < 2000 || refilled_ns != programs.refilled_ns ? PROGRAM_LATE : PROGRAM_SKIPPED,
                                     "");
                        program_free(program);
                }
                /* on a slow machine the second may be over before the budget is used up */
                if (refilled_ns == programs.refilled_ns)
                        break;
        }
        check_counts(0, 2000, N - 2000);

        /* the next second has a budget of its own */
        programs.refilled_ns -= NSEC_PER_SEC;
        free(read_at_exec(task, true));
        check_counts(0, 2001, N - 2000);
        assert(programs.n_tokens == 1999);
        program_reader_unwant(&programs);
        end();
}

/* A kernel thread lives although it has no memory and no executable. */
static void test_kernel_thread(void) {
        Program *program;
        Task *task;

        begin();
        program_reader_want(&programs);
        task = add_task(9, 9);
        proc_add(&tree,
                 &(ProcTask){.pid = 9, .tid = 9, .comm = "kworker", .ppid = 2, .start = START, .kernel_thread = true});
        proc_add_program(&tree, 9, 9, "", 0, NULL, "0::/\n");
        program = read_at_exec(task, true);
        check_program(program, PROGRAM_CAPTURED, "", 0, "", "/");
        program_free(program);
        program_reader_unwant(&programs);
        end();
}

/* Texts are cut exactly at their limits. */
static void test_truncation(void) {
        static const struct {
                size_t n_cmdline, n_exe, n_path;
                bool truncated;
                size_t cmdline_max;     /* 0: the default */
        } rows[] = {
                {32768, 1024, 1024, false, 32768}, {32769, 1, 1, true, 32768}, {100000, 1, 1, true, 32768},
                {64, 1, 1, false, 64}, {65, 1, 1, true, 64},
                {2048, 1024, 1024, false, 0}, {2047, 1023, 1023, false, 0}, {2049, 1, 1, true, 0},
                {2050, 1, 1, true, 0},        {100000, 1, 1, true, 0},      {1, 1025, 1, true, 0},
                {1, 1026, 1, true, 0},        {1, 4000, 1, true, 0},        {1, 1, 1025, true, 0},
                {1, 1, 4000, true, 0},        {2049, 1025, 1025, true, 0},  {2048, 1024, 1025, true, 0},
        };
        static char cmdline[100000], exe[4096], cgroup[8192];

        for (size_t i = 0; i < sizeof(cmdline); ++i)
                cmdline[i] = (char)('a' + i % 26);
        for (size_t i = 0; i < ARRAY_SIZE(rows); ++i) {
                size_t cmdline_max = rows[i].cmdline_max ? rows[i].cmdline_max : 2048;
                size_t n_cmdline = MIN(rows[i].n_cmdline, cmdline_max), n_exe = MIN(rows[i].n_exe, (size_t)1024);
                size_t n_path = MIN(rows[i].n_path, (size_t)1024);
                Program *program;
                Task *task;

                begin();
                program_reader_want(&programs);
                if (rows[i].cmdline_max)
                        programs.cmdline_max = cmdline_max;
                task = add_process(700);
                memset(exe, 0, sizeof(exe));
                memcpy(exe, cmdline, rows[i].n_exe);
                strcpy(cgroup, "0::/");
                memcpy(cgroup + 4, cmdline, rows[i].n_path - 1);
                strcpy(cgroup + 3 + rows[i].n_path, "\n");
                proc_add_program(&tree, 700, 700, cmdline, rows[i].n_cmdline, exe, cgroup);
                program = read_at_exec(task, true);
                assert(program->state == PROGRAM_CAPTURED && program->truncated == rows[i].truncated);
                assert(program->n_cmdline == n_cmdline && memcmp(program_cmdline(program), cmdline, n_cmdline) == 0);
                assert(program->n_exe == n_exe && memcmp(program_exe(program), exe, n_exe) == 0);
                assert(program->n_cgroup == n_path && memcmp(program_cgroup(program), cgroup + 3, n_path) == 0);
                assert(strlen(program_cgroup(program)) == n_path);
                /* a text that is not cut, after one that was cut */
                program_free(program);
                proc_add_program(&tree, 700, 700, "x", 1, "/x", CGROUP);
                program = read_at_exec(task, true);
                check_program(program, PROGRAM_CAPTURED, "x", 1, "/x", "/system.slice/a.service");
                program_free(program);
                program_reader_unwant(&programs);
                end();
        }
}

static void test_cgroups(void) {
        static const char *const rows[][2] = {
                /* version 2 */
                { "0::/\n", "/" },
                { "0::/user.slice/a b.scope\n", "/user.slice/a b.scope" },
                { "0::/a", "/a" },
                { "0::/a:b:c\n", "/a:b:c" },
                { "0::/../other\n", "/../other" },
                /* version 1 with the hierarchy of systemd, and both versions */
                { "12:pids:/p\n3:cpu,cpuacct:/c\n1:name=systemd:/init.scope\n", "/init.scope" },
                { "12:pids:/p\n1:name=systemd:/user.slice\n0::/user.slice\n", "/user.slice" },
                { "1:name=systemd:/v1\n0::/\n", "/v1" },
                { "1:name=systemd:/\n0::/v2\n", "/v2" },
                { "1:name=systemd:/v1\n0::/v2\n", "/v2" },
                { "4:memory:/m\n0::/v2\n", "/v2" },
                /* hierarchies of single controllers: where the better ones are missing, or have all in their root */
                { "4:memory:/m\n", "/m" },
                { "4:memory:/m\n3:cpu:/c\n", "/m" },
                { "4:memory:/\n3:cpu:/c\n", "/c" },
                { "4:memory:/m\n0::/\n", "/m" },
                { "4:memory:/m\n1:name=systemd:/\n0::/\n", "/m" },
                { "4:memory:/\n1:name=systemd:/\n0::/\n", "/" },
                { "4:memory:/\n", "/" },
                { "1:name=elogind:/1\n", "/1" },
                { "2:name=openrc:/sshd\n4:memory:/m\n", "/m" },
                { "2:name=openrc:/sshd\n4:memory:/\n", "/sshd" },
                /* neither version */
                { "", "" },
                { "\n", "" },
                { "10::/x\n", "" },
                { "0:cpu:/x\n", "" },
                { "nonsense\n", "" },
                { "0:\n", "" },
                { "0::", "" },
                { "::\n:\n", "" },
                { "nonsense\n0::/a\n", "/a" },
        };

        begin();
        program_reader_want(&programs);
        (void)add_process(700);
        for (size_t i = 0; i < ARRAY_SIZE(rows); ++i) {
                Program *program;

                proc_add_program(&tree, 700, 700, "x", 1, "/x", rows[i][0]);
                program = read_at_exec(task_table_get(&table, 700), true);
                check_program(program, PROGRAM_CAPTURED, "x", 1, "/x", rows[i][1]);
                program_free(program);
        }
        program_reader_unwant(&programs);
        end();
}

/* Command lines of processes that have overwritten their arguments. The name of the task is "prog". */
static void test_padding(void) {
        static const struct {
                const char *text;               /* the first part of the file */
                size_t n_text;
                size_t n_padding;               /* NULs behind it */
                size_t n_at_exec, n_later;      /* the length that is kept */
        } rows[] = {
                /* the arguments as the kernel wrote them, the last ones empty */
                { "prog\0-a", 8, 0, 8, 8 },
                { "prog\0-a", 8, 2, 10, 10 },
                { "prog", 5, 2, 7, 7 },
                { "/usr/bin/prog", 14, 1, 15, 15 },
                { "", 1, 0, 1, 1 },
                { "", 1, 1, 2, 2 },
                /* titles */
                { "worker: idle", 13, 0, 13, 13 },
                { "worker: idle", 13, 1, 14, 13 },
                { "worker: idle", 13, 7, 20, 13 },
                { "worker: idle", 13, 8, 13, 13 },
                { "worker: idle", 13, 60, 13, 13 },
                { "prog", 5, 60, 5, 5 },
                /* a title that is longer than the arguments were has no NUL */
                { "worker: x", 9, 0, 9, 9 },
                /* padding beyond the limit */
                { "worker", 7, 4000, 7, 7 },
                /* a password that was overwritten */
                { "prog\0-p", 8, 8, 8, 8 },
                { "prog\0-p\0\0-x", 12, 60, 12, 12 },
                /* everything was overwritten */
                { "", 1, 60, 1, 1 },
        };
        static char cmdline[5000];

        for (size_t i = 0; i < ARRAY_SIZE(rows); ++i) {
                size_t n = rows[i].n_text + rows[i].n_padding;
                Program *program;
                Task *task;

                begin();
                program_reader_want(&programs);
                proc_add_task(&tree, 700, 700, "prog", 1, START);
                task = add_task(700, 700);
                memset(cmdline, 0, sizeof(cmdline));
                memcpy(cmdline, rows[i].text, rows[i].n_text);
                proc_add_program(&tree, 700, 700, cmdline, n, "/usr/bin/prog", CGROUP);

                program = read_at_exec(task, true);
                check_program(program, PROGRAM_CAPTURED, cmdline, rows[i].n_at_exec, "/usr/bin/prog",
                              "/system.slice/a.service");
                program_free(program);
                while (!program_reader_is_complete(&programs))
                        assert(read_slice(&programs) == 0);
                check_program(task->process->program, PROGRAM_CAPTURED, cmdline, rows[i].n_later, "/usr/bin/prog",
                              "/system.slice/a.service");
                program_reader_unwant(&programs);
                end();
        }
}

/* Long lines stand before the line whose path is taken. */
static void test_long_hierarchies(void) {
        static char path[1024], cgroup[20000];
        Program *program;

        begin();
        program_reader_want(&programs);
        (void)add_process(700);
        memset(path, 'x', sizeof(path) - 1);
        path[0] = '/';
        for (int n = 0; n < 15; ++n) {
                char *end = cgroup;

                for (int i = 0; i < n; ++i)
                        end += sprintf(end, "%d:name=hierarchy-%d:%s\n", 20 + i, i, path);
                (void)sprintf(end, "1:name=systemd:/user.slice\n0::/user.slice/v2\n");
                proc_add_program(&tree, 700, 700, "x", 1, "/x", cgroup);
                program = read_at_exec(task_table_get(&table, 700), true);
                assert(!program->truncated && !strcmp(program_cgroup(program), "/user.slice/v2"));
                program_free(program);
        }
        program_reader_unwant(&programs);
        end();
}

/*
 * Processes that were there before the first subscription.
 */

static size_t count_read(void) {
        size_t n = 0;

        for (const Task *task = task_table_next(&table, 1); task; task = task_table_next(&table, task->tid + 1))
                n += task->process->program != NULL && task->process->pid == task->tid;
        return n;
}

static void pass(void) {
        do
                assert(read_slice(&programs) == 0);
        while (programs.next_tid > 0);
}

static void test_slices(void) {
        enum { N = 48 * 4 + 5 };
        size_t n_bytes = 0, n_slices = 0;

        begin();
        assert(program_reader_is_complete(&programs));
        for (uint32_t i = 0; i < N; ++i)
                (void)add_process(1000 + 3 * i);
        program_reader_want(&programs);
        assert(!program_reader_is_complete(&programs));
        do {
                size_t before = count_read();

                assert(read_slice(&programs) == 0);
                assert(count_read() - before <= 48);
                assert(program_reader_is_complete(&programs) == (programs.next_tid == 0));
                ++n_slices;
        } while (programs.next_tid > 0);
        assert(count_read() == N && n_slices == 5 && program_reader_is_complete(&programs));
        check_counts(N, 0, 0);
        for (uint32_t i = 0; i < N; ++i) {
                const Process *process = task_table_get_process(&table, 1000 + 3 * i);
                char cmdline[32];
                int n = snprintf(cmdline, sizeof(cmdline), "prog-%u", process->pid);

                check_program(process->program, PROGRAM_CAPTURED, cmdline, (size_t)n + 1, "/bin/prog",
                              "/system.slice/a.service");
                assert(process->program->n_users == 1);
                n_bytes += program_size(process->program);
        }
        assert(table.n_program_bytes == n_bytes);

        /* a known program is not read again; a second subscription needs no pass */
        proc_add_program(&tree, 1000, 1000, "other", 5, "/other", CGROUP);
        program_reader_want(&programs);
        assert(program_reader_is_complete(&programs));
        pass();
        check_counts(N, 0, 0);
        assert(task_table_get_process(&table, 1000)->program->n_cmdline == 10);

        /* without subscriptions there is no work; the next subscription begins a pass over all processes */
        program_reader_unwant(&programs);
        assert(program_reader_is_complete(&programs));
        program_reader_unwant(&programs);
        assert(program_reader_is_complete(&programs) && count_read() == N);
        (void)add_process(5000);
        program_reader_want(&programs);
        assert(!program_reader_is_complete(&programs));
        pass();
        assert(program_reader_is_complete(&programs));
        check_counts(N + 1, 0, 0);
        program_reader_unwant(&programs);
        end();
}

/* Programs that were late or skipped are read again; threads are not read. */
static void test_pass_comes_back(void) {
        Task *task;

        begin();
        program_reader_want(&programs);
        task = add_process(700);
        proc_remove(&tree, 700, 0);
        (void)add_process(701);
        (void)add_task(701, 702);
        (void)add_task(701, 703);
        pass();
        check_counts(1, 1, 0);
        check_unread(task->process->program, PROGRAM_LATE, "");
        assert(program_reader_is_complete(&programs));

        proc_add_task(&tree, 700, 700, "x", 1, START);
        proc_add_program(&tree, 700, 700, "x", 1, "/x", "0::/\n");
        pass();
        check_counts(2, 1, 0);
        check_program(task->process->program, PROGRAM_CAPTURED, "x", 1, "/x", "/");

        /* a program that is skipped during a pass makes another pass necessary */
        for (uint32_t pid = 1000; pid < 1100; ++pid)
                (void)add_process(pid);
        programs.complete = false;
        assert(read_slice(&programs) == 0 && programs.next_tid > 0);
        task_table_set_program(&table, task->process, read_at_exec(task, false));
        while (programs.next_tid > 0)
                assert(read_slice(&programs) == 0);
        assert(!program_reader_is_complete(&programs) && task->process->program->state == PROGRAM_SKIPPED);
        check_unread(task->process->program, PROGRAM_SKIPPED, "/");
        pass();
        assert(program_reader_is_complete(&programs) && task->process->program->state == PROGRAM_CAPTURED);
        program_reader_unwant(&programs);
        end();
}

/* The program of a process whose leader has ended is read from a live thread. */
static void test_without_leader(void) {
        Task *leader;

        begin();
        program_reader_want(&programs);
        leader = add_task(700, 700);
        (void)add_task(700, 702);
        task_table_end_task(&table, leader);
        proc_add_task(&tree, 700, 702, "x", 1, START);
        proc_add_program(&tree, 700, 702, "x", 1, "/x", "0::/\n");
        pass();
        check_program(leader->process->program, PROGRAM_CAPTURED, "x", 1, "/x", "/");
        program_reader_unwant(&programs);
        end();
}

/*
 * Through the join: the events that have a program, and the inheritance of programs.
 */

static Rig *rig_of_process(void) {
        Rig *rig = rig_new();

        program_reader_want(&rig->join.programs);
        (void)rig_seed(rig, 1, 1, "init");
        return rig;
}

/* Adds the program of a task to the rig's /proc; the task began at the time of its FORK. */
static void rig_add_program(Rig *rig, uint32_t pid, uint64_t monotonic_ns, const char *cmdline) {
        /* the clock of the rig differs from the clock of the machine: /proc has ticks since boot */
        proc_add_task(&rig->procfs, pid, pid, "x", 1, proc_ticks(join_time_ns(&rig->join, monotonic_ns)));
        proc_add_status(&rig->procfs, pid, pid, "x",
                        "Uid:\t1000\t1000\t1000\t1000\nGid:\t2000\t2000\t2000\t2000\n");
        proc_add_program(&rig->procfs, pid, pid, cmdline, strlen(cmdline) + 1, "/bin/x", "0::/a\n");
}

/* At a tick of the join, programs that were left out for want of memory are due again. */
static void test_left_out(void) {
        Rig *rig = rig_of_process();

        rig->join.programs.complete = rig->join.programs.left_out = true;
        rig->join.programs.begun_ns = (uint64_t)clock_read_ns(CLOCK_MONOTONIC);
        assert(join_tick(&rig->join) == 0 && rig->join.programs.complete);
        rig->join.programs.begun_ns -= 60 * NSEC_PER_SEC;
        assert(join_tick(&rig->join) == 0 && !rig->join.programs.complete);
        program_reader_unwant(&rig->join.programs);
        rig_free(rig);
}

static void test_events(void) {
        Rig *rig = rig_of_process();
        const Event *event;
        uint64_t start;

        join_set_time_offset(&rig->join, clock_offset_ns(CLOCK_REALTIME, CLOCK_MONOTONIC));
        start = rig_fork(rig, 1, 100, 100);
        rig_turn(rig);
        event = rig_expect(rig, EVENT_FORK, 100, 100);
        assert(!event->program);
        rig_add_program(rig, 100, start, "first");
        rig_exec(rig, 100);
        rig_turn(rig);
        event = rig_expect(rig, EVENT_EXEC, 100, 100);
        check_program(event->program, PROGRAM_CAPTURED, "first", 6, "/bin/x", "/a");

        /* its child and grandchild have the same program until they call exec */
        start = rig_fork(rig, 100, 101, 101);
        rig_fork(rig, 101, 102, 102);
        rig_turn(rig);
        event = rig_expect(rig, EVENT_FORK, 101, 101);
        check_program(event->program, PROGRAM_CAPTURED, "first", 6, "/bin/x", "/a");
        event = rig_expect(rig, EVENT_FORK, 102, 102);
        check_program(event->program, PROGRAM_CAPTURED, "first", 6, "/bin/x", "/a");
        assert(task_table_get_process(&rig->join.table, 100)->program->n_users == 3);
        rig_add_program(rig, 101, start, "second");
        rig_exec(rig, 101);
        /* a process that is not in /proc any more */
        rig_exec(rig, 102);
        rig_turn(rig);
        event = rig_expect(rig, EVENT_EXEC, 101, 101);
        check_program(event->program, PROGRAM_CAPTURED, "second", 7, "/bin/x", "/a");
        event = rig_expect(rig, EVENT_EXEC, 102, 102);
        check_unread(event->program, PROGRAM_LATE, "/a");

        /* the fork of a thread changes nothing; an exit has the program again */
        rig_fork(rig, 1, 101, 111);
        rig_exit(rig, 101, 111, 0);
        for (uint32_t pid = 100; pid <= 102; ++pid)
                rig_exit(rig, pid, pid, 0);
        for (uint32_t tid = 100; tid <= 102; ++tid)
                rig_record(rig, RECORD(tid, tid, 1000, 0, 0x20, "x"));
        rig_record(rig, RECORD(111, 101, 1000, 0, 0, "x"));
        rig_turn(rig);
        event = rig_expect(rig, EVENT_FORK, 101, 111);
        check_program(event->program, PROGRAM_CAPTURED, "second", 7, "/bin/x", "/a");
        event = rig_expect(rig, EVENT_EXIT, 101, 111);
        check_program(event->program, PROGRAM_CAPTURED, "second", 7, "/bin/x", "/a");
        event = rig_expect(rig, EVENT_EXIT, 100, 100);
        check_program(event->program, PROGRAM_CAPTURED, "first", 6, "/bin/x", "/a");
        event = rig_expect(rig, EVENT_EXIT, 101, 101);
        check_program(event->program, PROGRAM_CAPTURED, "second", 7, "/bin/x", "/a");
        event = rig_expect(rig, EVENT_EXIT, 102, 102);
        check_unread(event->program, PROGRAM_LATE, "/a");
        assert(rig->join.table.n_program_bytes == 0);
        rig_free(rig);
}

/* When programs are not wanted any more, known programs stay until an exec makes them wrong. */
static void test_unwanted(void) {
        Rig *rig = rig_of_process();
        const Event *event;
        uint64_t start;

        join_set_time_offset(&rig->join, clock_offset_ns(CLOCK_REALTIME, CLOCK_MONOTONIC));
        start = rig_fork(rig, 1, 100, 100);
        rig_turn(rig);
        rig_add_program(rig, 100, start, "first");
        rig_exec(rig, 100);
        rig_turn(rig);
        rig_skip(rig);
        program_reader_unwant(&rig->join.programs);
        rig_fork(rig, 100, 101, 101);
        rig_exec(rig, 101);
        rig_turn(rig);
        event = rig_expect(rig, EVENT_FORK, 101, 101);
        check_program(event->program, PROGRAM_CAPTURED, "first", 6, "/bin/x", "/a");
        event = rig_expect(rig, EVENT_EXEC, 101, 101);
        assert(!event->program && !task_table_get_process(&rig->join.table, 101)->program);
        assert(task_table_get_process(&rig->join.table, 100)->program->n_users == 1);

        /* the program of a task that is not known cannot be kept */
        program_reader_want(&rig->join.programs);
        rig_exec(rig, 555);
        rig_turn(rig);
        event = rig_expect(rig, EVENT_EXEC, 555, 555);
        assert(event->task_unknown && !event->program);
        rig_free(rig);
}

int main(void) {
        log_init(LOG_LEVEL_ERR);
        test_captured();
        test_late();
        test_skipped();
        test_missed();
        test_budget();
        test_kernel_thread();
        test_truncation();
        test_cgroups();
        test_long_hierarchies();
        test_padding();
        test_slices();
        test_pass_comes_back();
        test_without_leader();
        test_left_out();
        test_events();
        test_unwanted();
        return 0;
}
