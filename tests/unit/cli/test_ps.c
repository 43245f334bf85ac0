/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/*
 * taskbroker ps without a broker: what is kept of a snapshot, its columns, its
 * order, the forest and the table.
 */

#include <assert.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "clients/cli/base/exit_status.h"
#include "clients/cli/base/terminal.h"
#include "clients/cli/model/task_list.h"
#include "clients/cli/model/tree.h"
#include "clients/cli/ps/ps_options.h"
#include "clients/cli/text/task_columns.h"
#include "clients/cli/text/task_table.h"

#define N(array) (sizeof(array) / sizeof(*(array)))
#define TEXT(text) text, sizeof(text) - 1

#define NOW_NS UINT64_C(1700000000000000000)
#define SECOND_NS UINT64_C(1000000000)

static Users users;
static const TaskColumnView view = { .users = &users, .now_ns = NOW_NS };

static struct tb_task make_task(uint32_t pid, uint32_t ppid, uint64_t start_time_ns, const char *comm) {
        struct tb_task task = { .pid = pid, .tid = pid, .ppid = ppid, .start_time_ns = start_time_ns, .tasks = 1 };

        snprintf(task.comm, sizeof(task.comm), "%s", comm);
        return task;
}

static struct tb_program make_program(const char *cmdline, size_t n_cmdline) {
        return (struct tb_program){
                .state = TB_PROGRAM_CAPTURED,
                .cmdline = cmdline,
                .n_cmdline = n_cmdline,
                .exe = "",
                .cgroup = "",
        };
}

static const TaskColumn *find(const char *name) {
        const TaskColumn *column = task_column_find(name, strlen(name));

        assert(column);
        return column;
}

static void check_cell(const char *name, const struct tb_task *task, const char *should) {
        char text[TASK_COLUMN_TEXT_MAX];

        task_column_write(find(name), &view, task, text);
        if (strcmp(text, should) != 0)
                fprintf(stderr, "%s is: %s\nshould be: %s\n", name, text, should);
        assert(strcmp(text, should) == 0);
}

static void test_roster(void) {
        TaskList tasks = TASK_LIST_NULL;
        char cmdline[] = "a\0b";
        struct tb_program program = make_program(cmdline, sizeof(cmdline));
        struct tb_task task = make_task(1, 0, 1, "one");

        /* What the library handed out is gone after the next message. */
        task.program = &program;
        program.exe = cmdline;
        program.n_exe = 1;
        for (uint32_t i = 1; i <= 1000; ++i) {
                task.pid = i;
                assert(task_list_add(&tasks, &task) == 0);
        }
        memset(cmdline, 'x', sizeof(cmdline));
        memset(&program, 0, sizeof(program));
        task.program = NULL;
        assert(task_list_add(&tasks, &task) == 0);

        assert(tasks.n_tasks == 1001);
        for (uint32_t i = 0; i < 1000; ++i) {
                const struct tb_task *kept = tasks.tasks + i;

                assert(kept->pid == i + 1 && strcmp(kept->comm, "one") == 0);
                assert(kept->program->n_cmdline == 4 && memcmp(kept->program->cmdline, "a\0b\0", 5) == 0);
                assert(strcmp(kept->program->exe, "a") == 0 && kept->program->cgroup[0] == 0);
        }
        assert(!tasks.tasks[1000].program);
        task_list_deinit(&tasks);
        assert(tasks.n_tasks == 0);
}

static void test_cells(void) {
        struct tb_program program;
        struct tb_task task = make_task(12, 0, NOW_NS - 90 * SECOND_NS, "na\nme");

        check_cell("pid", &task, "12");
        check_cell("ppid", &task, "-");
        check_cell("session", &task, "-");
        check_cell("tasks", &task, "1");
        check_cell("uid", &task, "0");
        check_cell("user", &task, "root");
        check_cell("age", &task, "1m30s");
        check_cell("started", &task, "2023-11-14 22:11:50");
        check_cell("name", &task, "na\\x0ame");
        check_cell("args", &task, "[na\\x0ame]");
        check_cell("exe", &task, "-");
        check_cell("kernel", &task, "no");
        check_cell("flags", &task, "-");

        /* A start that /proc tells is right to 10 ms only. */
        task.start_time_ns = NOW_NS + 5;
        check_cell("age", &task, "0");
        task.start_time_ns = 0;
        check_cell("age", &task, "-");
        check_cell("started", &task, "-");

        task.uid = 4294967294u;
        task.euid = 7;
        task.kernel_thread = task.credentials_changed = task.seeded = true;
        check_cell("user", &task, "4294967294");
        check_cell("euid", &task, "7");
        check_cell("kernel", &task, "yes");
        check_cell("flags", &task, "kcs");

        /* Of a task whose birth was lost, 0 means that nobody knows. */
        task = make_task(12, 0, 0, "");
        task.task_unknown = true;
        check_cell("uid", &task, "-");
        check_cell("gid", &task, "-");
        check_cell("user", &task, "-");
        check_cell("name", &task, "-");
        check_cell("args", &task, "[-]");
        check_cell("flags", &task, "u");
        task.uid = 5;
        check_cell("uid", &task, "5");

        task = make_task(12, 1, 1, "sh");
        task.program = &program;
        program = make_program(TEXT("sh\0-c\0echo \"a\"\0\0"));
        check_cell("args", &task, "sh -c echo \"a\"");
        program = make_program(TEXT("one\0"));
        check_cell("args", &task, "one");
        program = make_program(TEXT("set by itself"));
        check_cell("args", &task, "set by itself");
        program.truncated = true;
        check_cell("args", &task, "set by itself...");

        /* It was the executable that was cut. */
        program = make_program(TEXT("whole\0"));
        program.truncated = true;
        check_cell("args", &task, "whole");
        program = make_program("", 0);
        check_cell("args", &task, "[sh]");
        program.exe = "/bin/\xff";
        program.cgroup = "/";
        check_cell("exe", &task, "/bin/\\xff");
        check_cell("cgroup", &task, "/");
}

/* The longest command line that the broker tells, of the longest signs. */
static void test_longest_cell(void) {
        static char cmdline[2049], text[TASK_COLUMN_TEXT_MAX];
        struct tb_program program = make_program(cmdline, 2048);
        struct tb_task task = make_task(1, 0, 1, "x");

        memset(cmdline, '\xff', 2048);
        program.truncated = true;
        task.program = &program;
        task_column_write(find("args"), &view, &task, text);
        assert(strlen(text) == 4 * 2048 + 3 && strcmp(text + 4 * 2048, "...") == 0);

        /* More is not promised, but must do no harm. */
        program.n_cmdline = 2049;
        task_column_write(find("args"), &view, &task, text);
        assert(strlen(text) == 4 * 2048 + 3);
}

static void test_every_column(void) {
        struct tb_task a = make_task(1, 0, 5, "a"), b = make_task(2, 1, 6, "b");
        char text[TASK_COLUMN_TEXT_MAX];
        size_t n = 0;

        for (const TaskColumn *column = task_column_next(NULL); column; column = task_column_next(column), ++n) {
                assert(find(column->name) == column);
                assert(*column->header && *column->help);
                task_column_write(column, &view, &a, text);
                assert(*text);
                assert(task_column_compare(column, &view, &a, &a) == 0);
                assert(task_column_compare(column, &view, &a, &b) == -task_column_compare(column, &view, &b, &a));
        }
        assert(n == 18);

        assert(task_column_compare(find("pid"), &view, &a, &b) < 0);
        assert(task_column_compare(find("started"), &view, &a, &b) < 0);
        assert(task_column_compare(find("age"), &view, &a, &b) > 0);
        assert(task_column_compare(find("name"), &view, &a, &b) < 0);
        b.uid = 4294967294u;
        assert(task_column_compare(find("user"), &view, &a, &b) > 0);
        assert(task_column_compare(find("uid"), &view, &a, &b) < 0);
        assert(!task_column_find("pids", 4) && !task_column_find("", 0) && task_column_find("pid,tid", 3));
}

/* Draws the forest of @tasks, a line each. */
static const char *draw(const struct tb_task *tasks, size_t n_tasks, bool utf8) {
        static char text[16384];
        const struct tb_task **pointers = calloc(n_tasks + 1, sizeof(*pointers));
        char branches[TREE_BRANCHES_MAX];
        size_t n = 0;
        Tree tree;

        assert(pointers);
        for (size_t i = 0; i < n_tasks; ++i)
                pointers[i] = tasks + i;
        assert(tree_init(&tree, pointers, n_tasks) == 0);
        text[0] = 0;
        for (size_t i = 0; i < n_tasks; ++i) {
                tree_branches(tree.order[i], utf8, branches);
                n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%s\n", branches, tree.order[i]->task->comm);
        }
        tree_deinit(&tree);
        free(pointers);
        return text;
}

static void check_drawing(const struct tb_task *tasks, size_t n_tasks, const char *should) {
        const char *is = draw(tasks, n_tasks, false);

        if (strcmp(is, should) != 0)
                fprintf(stderr, "is:\n%sshould be:\n%s", is, should);
        assert(strcmp(is, should) == 0);
}

static void test_tree(void) {
        struct tb_task tasks[] = {
                make_task(1, 0, 100, "init"),      make_task(2, 0, 100, "kthreadd"), make_task(3, 2, 100, "worker"),
                make_task(10, 1, 200, "sh"),       make_task(11, 10, 300, "make"),   make_task(12, 11, 400, "cc"),
                make_task(13, 11, 400, "as"),      make_task(14, 10, 300, "tail"),   make_task(15, 1, 200, "cron"),
        };

        check_drawing(tasks,
                      N(tasks),
                      "init\n"
                      "|-sh\n"
                      "| |-make\n"
                      "| | |-cc\n"
                      "| | `-as\n"
                      "| `-tail\n"
                      "`-cron\n"
                      "kthreadd\n"
                      "`-worker\n");
        assert(strcmp(draw(tasks + 3, 5, true),
                      "sh\n"
                      "├─make\n"
                      "│ ├─cc\n"
                      "│ └─as\n"
                      "└─tail\n") == 0);
        check_drawing(tasks, 0, "");
}

/* Whoever has the parent's number is the parent only if it is older. */
static void test_tree_parents(void) {
        struct tb_task tasks[] = {
                make_task(1, 0, 100, "init"),
                make_task(20, 30, 200, "old"),
                make_task(21, 99, 200, "orphan"),
                make_task(22, 22, 200, "own"),
                make_task(30, 1, 201, "young"),
                make_task(31, 30, 201, "same"),
        };

        check_drawing(tasks, N(tasks), "init\n`-young\n  `-same\nold\norphan\nown\n");

        /* Starts that /proc told are right to 10 ms. */
        tasks[1].seeded = true;
        check_drawing(tasks, N(tasks), "init\n`-young\n  |-old\n  `-same\norphan\nown\n");
        tasks[4].start_time_ns = 200 + 10000001;
        tasks[5].start_time_ns = 200 + 10000001;
        check_drawing(tasks, N(tasks), "init\n`-young\n  `-same\nold\norphan\nown\n");
}

static void test_tree_rings(void) {
        struct tb_task tasks[] = {
                make_task(1, 3, 100, "a"),
                make_task(2, 1, 100, "b"),
                make_task(3, 2, 100, "c"),
                make_task(4, 3, 100, "d"),
        };

        /* Each task once, wherever the ring is cut. */
        check_drawing(tasks, N(tasks), "a\n`-b\n  `-c\n    `-d\n");
        check_drawing(tasks + 1, 3, "b\n`-c\n  `-d\n");
}

/* Threads come before children, below whoever stands for the process. */
static void test_tree_threads(void) {
        struct tb_task tasks[] = {
                make_task(1, 0, 100, "init"),
                make_task(10, 1, 200, "first"),
                make_task(10, 1, 300, "second"),
                make_task(10, 1, 300, "third"),
                make_task(12, 10, 300, "child"),
        };

        tasks[2].tid = 11;
        tasks[3].tid = 9;
        check_drawing(tasks, N(tasks), "init\n`-first\n  |-second\n  |-third\n  `-child\n");

        /* The leader has ended. */
        tasks[1].tid = 13;
        check_drawing(tasks, N(tasks), "init\n`-third\n  |-first\n  |-second\n  `-child\n");
}

/* As long a chain as there can be: neither the stack nor the time is too short. */
static void test_tree_chain(void) {
        size_t n = 200000;
        struct tb_task *tasks = calloc(n, sizeof(*tasks));
        const struct tb_task **pointers = calloc(n, sizeof(*pointers));
        char branches[TREE_BRANCHES_MAX];
        Tree tree;

        assert(tasks && pointers);
        for (size_t i = 0; i < n; ++i) {
                tasks[i] = make_task((uint32_t)i + 1, (uint32_t)i, i, "x");
                pointers[n - 1 - i] = tasks + i;
        }
        assert(tree_init(&tree, pointers, n) == 0);
        for (size_t i = 0; i < n; ++i) {
                assert(tree.order[i]->task == tasks + i && tree.order[i]->level == i);
                tree_branches(tree.order[i], true, branches);
        }
        assert(strlen(branches) == 2 * (TREE_LEVELS_MAX - 1) + 6);
        tree_deinit(&tree);
        free(pointers);
        free(tasks);
}

static void check_table(const TaskTable *table,
                        const struct tb_task *tasks,
                        size_t n_tasks,
                        bool forest,
                        const char *should) {
        const struct tb_task *pointers[16];
        static Output output;
        char is[4096];
        Tree tree;
        ssize_t n;
        int fd;

        assert(n_tasks <= N(pointers));
        for (size_t i = 0; i < n_tasks; ++i)
                pointers[i] = tasks + i;
        assert(tree_init(&tree, pointers, n_tasks) == 0);
        fd = memfd_create("table", MFD_CLOEXEC);
        assert(fd >= 0);
        output_init(&output, fd, NULL);
        assert(task_table_write(table, pointers, forest ? tree.order : NULL, n_tasks, &output) == 0);
        assert(output_flush(&output) == 0);
        n = pread(fd, is, sizeof(is) - 1, 0);
        assert(n >= 0);
        is[n] = 0;
        close(fd);
        tree_deinit(&tree);

        if (strcmp(is, should) != 0)
                fprintf(stderr, "is:\n%sshould be:\n%s", is, should);
        assert(strcmp(is, should) == 0);
}

static void test_table(void) {
        struct tb_task tasks[] = {
                make_task(1, 0, NOW_NS - 90 * SECOND_NS, "init"),
                make_task(4194304, 1, NOW_NS - SECOND_NS, "\xc3\xa9t\xc3\xa9"),
                make_task(4194303, 4194304, NOW_NS - SECOND_NS, "a b"),
        };
        TaskTable table = {
                .columns = { find("pid"), find("name"), find("age"), find("user") },
                .n_columns = 4,
                .view = view,
                .header = true,
        };

        check_table(&table,
                    tasks,
                    N(tasks),
                    false,
                    "    PID NAME   AGE USER\n"
                    "      1 init 1m30s root\n"
                    "4194304 \xc3\xa9t\xc3\xa9  1.00s root\n"
                    "4194303 a b  1.00s root\n");

        /* Cut at a character, and never padded behind the last. */
        table.width = 10;
        table.header = false;
        check_table(&table, tasks, 2, false, "      1 in\n4194304 \xc3\xa9t\n");
        table.width = 0;
        table.n_columns = 2;
        table.header = true;
        check_table(&table, tasks + 2, 1, false, "    PID NAME\n4194303 a b\n");
        table.header = false;
        check_table(&table, tasks, N(tasks), true, "      1 init\n4194304 `-\xc3\xa9t\xc3\xa9\n4194303   `-a b\n");
        table.columns[1] = find("age");
        check_table(&table, tasks, 2, false, "      1 1m30s\n4194304 1.00s\n");
        table.header = true;
        check_table(&table, tasks, 0, false, "PID AGE\n");
}

static int read_options(PsOptions *options, const char *arguments) {
        static char line[512];
        char *argv[32];
        int argc = 0;

        *options = (PsOptions){ .header = true };
        snprintf(line, sizeof(line), "ps %s", arguments);
        for (char *word = strtok(line, " "); word; word = strtok(NULL, " "))
                argv[argc++] = word;
        argv[argc] = NULL;
        optind = 0;
        return ps_options_read(options, argc, argv);
}

static void check_columns(const PsOptions *options, const char *should) {
        char is[256] = "";

        for (size_t i = 0; i < options->n_columns; ++i) {
                strcat(is, i ? "," : "");
                strcat(is, options->columns[i]->name);
        }
        if (strcmp(is, should) != 0)
                fprintf(stderr, "is: %s\nshould be: %s\n", is, should);
        assert(strcmp(is, should) == 0);
}

static void test_options(void) {
        static PsOptions options;

        assert(read_options(&options, "") == -1);
        check_columns(&options, "pid,ppid,user,age,tasks,name");
        assert(!options.programs && !options.tree && options.n_keys == 0 && options.header);

        assert(read_options(&options, "--args --threads --no-header --socket here") == -1);
        check_columns(&options, "pid,tid,ppid,user,age,args");
        assert(options.programs && options.threads && !options.header && strcmp(options.socket_path, "here") == 0);

        assert(read_options(&options, "-o pid,exe -o name --sort -age,pid --sort user") == -1);
        check_columns(&options, "pid,exe,name");
        assert(options.programs && options.n_keys == 3);
        assert(options.keys[0].column == find("age") && options.keys[0].reverse);
        assert(options.keys[1].column == find("pid") && !options.keys[1].reverse);
        assert(options.keys[2].column == find("user") && !options.keys[2].reverse);

        /* By what is not shown, too. */
        assert(read_options(&options, "--sort cgroup") == -1);
        assert(options.programs);
        assert(read_options(&options, "--json") == -1);
        assert(options.json && !options.programs);
        assert(read_options(&options, "--json --args --tree") == -1);
        assert(options.programs && options.tree);

        assert(read_options(&options, "--tree --uid 5 --pid 7 --comm x* --cgroup /a") == -1);
        assert(options.tree && options.filter.wanted.n_subtrees == 0);
        assert(options.filter.wanted.n_uids == 1 && options.filter.wanted.uids[0] == 5);
        assert(options.filter.wanted.n_pids == 1 && options.filter.wanted.n_comms == 1);
        assert(options.filter.wanted.n_cgroups == 1);
        assert(read_options(&options, "--tree=12 --tree=13") == -1);
        assert(options.tree && options.filter.wanted.n_subtrees == 2 && options.filter.wanted.subtrees[1] == 13);

        assert(read_options(&options, "-o pid,pids") == EXIT_STATUS_USAGE);
        assert(read_options(&options, "-o pid,") == EXIT_STATUS_USAGE);
        assert(read_options(&options, "--sort -") == EXIT_STATUS_USAGE);
        assert(read_options(&options, "--sort age,-,pid") == EXIT_STATUS_USAGE);
        assert(read_options(&options, "--tree -o pid,exe") == EXIT_STATUS_USAGE);
        assert(read_options(&options, "--tree=0") == EXIT_STATUS_USAGE);
        assert(read_options(&options, "--tree 12") == EXIT_STATUS_USAGE);
        assert(read_options(&options, "--args -o pid") == EXIT_STATUS_USAGE);
        assert(read_options(&options, "--json -o pid") == EXIT_STATUS_USAGE);
        assert(read_options(&options, "--nonzero") == EXIT_STATUS_USAGE);
        assert(read_options(&options, "--cpu 0") == EXIT_STATUS_USAGE);
        assert(read_options(&options,
                            "-o pid,pid,pid,pid,pid,pid,pid,pid -o pid,pid,pid,pid,pid,pid,pid,pid "
                            "-o pid,pid,pid,pid,pid,pid,pid,pid -o pid,pid,pid,pid,pid,pid,pid,pid") == -1);
        assert(read_options(&options,
                            "-o pid,pid,pid,pid,pid,pid,pid,pid -o pid,pid,pid,pid,pid,pid,pid,pid "
                            "-o pid,pid,pid,pid,pid,pid,pid,pid -o pid,pid,pid,pid,pid,pid,pid,pid,pid") == EXIT_STATUS_USAGE);
        assert(read_options(&options, "--sort pid,pid,pid,pid,pid,pid,pid,pid,pid") == EXIT_STATUS_USAGE);
}

static void test_terminal(void) {
        size_t columns = 3;
        int fds[2];

        assert(terminal_fit("\xc3\xa9t\xc3\xa9s", &columns) == 5 && columns == 0);
        columns = 9;
        assert(terminal_fit("\xc3\xa9t\xc3\xa9s", &columns) == 6 && columns == 5);
        columns = 0;
        assert(terminal_fit("abc", &columns) == 0);
        assert(pipe(fds) == 0);
        assert(terminal_width(fds[1]) == 0);

        assert(setenv("LC_ALL", "C.UTF-8", 1) == 0 && terminal_utf8());
        assert(setenv("LC_ALL", "C", 1) == 0 && !terminal_utf8());
        assert(setenv("LC_ALL", "no_SUCH", 1) == 0 && !terminal_utf8());
}

int main(void) {
        alarm(60);
        setenv("TZ", "UTC", 1);

        test_roster();
        test_cells();
        test_longest_cell();
        test_every_column();
        test_tree();
        test_tree_parents();
        test_tree_rings();
        test_tree_threads();
        test_tree_chain();
        test_table();
        test_options();
        test_terminal();
        return 0;
}
