/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/*
 * The columns of tasks: their cells and their order.
 */

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clients/cli/text/task_columns.h"
#include "tests/unit/task_rig.h"

#define TEXT(text) text, sizeof(text) - 1

static void check_cell(const char *name, const struct tb_task *task, const char *should) {
        char text[TASK_COLUMN_TEXT_MAX];

        task_column_write(find(name), &view, task, text);
        if (strcmp(text, should) != 0)
                fprintf(stderr, "%s is: %s\nshould be: %s\n", name, text, should);
        assert(strcmp(text, should) == 0);
}

static void test_cells(void) {
        struct tb_task task = make_task(12, 0, NOW_NS - 90 * SECOND_NS, "na\nme");

        check_cell("pid", &task, "12");
        check_cell("ppid", &task, "-");
        check_cell("maker", &task, "-");
        task.parent = (struct tb_process_id){ .known = true };
        task.maker = (struct tb_process_id){ .known = true, .pid = 7 };
        check_cell("ppid", &task, "0");
        check_cell("maker", &task, "7");
        check_cell("session", &task, "-");
        task.session_leader = (struct tb_process_id){ .known = true };
        check_cell("session", &task, "0");
        task.session_leader.pid = 9;
        check_cell("session", &task, "9");
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

        /* A start time from /proc is exact to 10 ms only, and may be later than now. */
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
}

/* A value of 0 is unknown if the fork of the task was lost. */
static void test_unknown_cells(void) {
        struct tb_task task = make_task(12, 0, 0, "");

        task.task_unknown = true;
        check_cell("ppid", &task, "-");
        check_cell("session", &task, "-");
        check_cell("uid", &task, "-");
        check_cell("gid", &task, "-");
        check_cell("user", &task, "-");
        check_cell("name", &task, "-");
        check_cell("args", &task, "[-]");
        check_cell("flags", &task, "u");
        task.uid = 5;
        check_cell("uid", &task, "5");
}

static void test_program_cells(void) {
        struct tb_program program;
        struct tb_task task = make_task(12, 1, 1, "sh");

        task.program = &program;
        program = make_program(TEXT("sh\0-c\0echo \"a\"\0\0"));
        check_cell("args", &task, "sh -c 'echo \"a\"' ''");
        program = make_program(TEXT("one\0"));
        check_cell("args", &task, "one");
        program = make_program(TEXT("set by itself"));
        check_cell("args", &task, "'set by itself'");
        program.truncated = true;
        check_cell("args", &task, "'set by itself'...");

        /* The path of the executable was cut, not the command line. */
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

/* The longest command line that the broker sends, of bytes that are all escaped. */
static void test_longest_cell(void) {
        static char cmdline[CMDLINE_MAX + 1], text[TASK_COLUMN_TEXT_MAX];
        struct tb_program program = make_program(cmdline, CMDLINE_MAX);
        struct tb_task task = make_task(1, 0, 1, "x");

        memset(cmdline, '\xff', CMDLINE_MAX);
        program.truncated = true;
        task.program = &program;
        task_column_write(find("args"), &view, &task, text);
        assert(strlen(text) == 4 * CMDLINE_MAX + 6 && strcmp(text + 4 * CMDLINE_MAX + 2, "'...") == 0);

        /* A longer command line is cut. */
        program.n_cmdline = CMDLINE_MAX + 1;
        task_column_write(find("args"), &view, &task, text);
        assert(strlen(text) == 4 * CMDLINE_MAX + 6);
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
        assert(n == 20);

        assert(task_column_compare(find("pid"), &view, &a, &b) < 0);
        assert(task_column_compare(find("started"), &view, &a, &b) < 0);
        assert(task_column_compare(find("age"), &view, &a, &b) > 0);
        assert(task_column_compare(find("name"), &view, &a, &b) < 0);
        b.uid = 4294967294u;
        assert(task_column_compare(find("user"), &view, &a, &b) > 0);
        assert(task_column_compare(find("uid"), &view, &a, &b) < 0);
        assert(!task_column_find("pids", 4) && !task_column_find("", 0) && task_column_find("pid,tid", 3));
}

int main(void) {
        setenv("TZ", "UTC", 1);

        test_cells();
        test_unknown_cells();
        test_program_cells();
        test_longest_cell();
        test_every_column();
        return 0;
}
