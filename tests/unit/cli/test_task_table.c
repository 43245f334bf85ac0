/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/*
 * Tasks as a table: widths, branches, and lines that are cut.
 */

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "clients/cli/text/task_table.h"
#include "tests/unit/task_rig.h"

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

        /* Lines are cut between characters, and have no spaces after the last column. */
        table.width = 10;
        table.header = false;
        check_table(&table, tasks, 2, false, "      1 i+\n4194304 \xc3\xa9+\n");
        table.width = 0;
        table.n_columns = 2;
        table.header = true;
        check_table(&table, tasks + 2, 1, false, "    PID NAME\n4194303 a b\n");
        table.header = false;
        tasks[1].parent.start_boot_ns = tasks[0].start_boot_ns;
        tasks[2].parent.start_boot_ns = tasks[1].start_boot_ns;
        check_table(&table, tasks, N(tasks), true, "      1 init\n4194304 `-\xc3\xa9t\xc3\xa9\n4194303   `-a b\n");
        table.columns[1] = find("age");
        check_table(&table, tasks, 2, false, "      1 1m30s\n4194304 1.00s\n");
        table.header = true;
        check_table(&table, tasks, 0, false, "PID AGE\n");
}

/* Columns are straight with any names: their widths are the widths on a terminal. */
static void test_odd_names(void) {
        struct tb_task tasks[] = {
                make_task(1, 0, NOW_NS - SECOND_NS, "plain"),
                make_task(2, 1, NOW_NS - SECOND_NS, "\xe4\xb8\x96\xe8\x93\xae\xe4\xb8\x96"),
                make_task(4294967295, 1, NOW_NS - SECOND_NS, "e\xcc\x81" "e\xcc\x81x"),
                make_task(4, 1, NOW_NS - SECOND_NS, "\xff\x1b"),
                make_task(5, 1, NOW_NS - SECOND_NS, "a\xe2\x80\x8b"),
        };
        TaskTable table = {
                .columns = { find("name"), find("pid") },
                .n_columns = 2,
                .view = view,
        };

        check_table(&table,
                    tasks,
                    N(tasks),
                    false,
                    "plain                  1\n"
                    "\xe4\xb8\x96\xe8\x93\xae\xe4\xb8\x96                 2\n"
                    "e\xcc\x81" "e\xcc\x81x           4294967295\n"
                    "\\xff\\x1b               4\n"
                    "a\\xe2\\x80\\x8b          5\n");

        /* On a narrow terminal a text is cut with a mark, and a number is left out as a whole. */
        table.width = 4;
        check_table(&table,
                    tasks,
                    N(tasks),
                    false,
                    "pla+\n"
                    "\xe4\xb8\x96+\n"
                    "e\xcc\x81" "e\xcc\x81x \n"
                    "+\n"
                    "a+\n");
        table.columns[0] = find("pid");
        table.columns[1] = find("name");
        table.width = 8;
        check_table(&table, tasks + 2, 2, false, "+\n+\n");
        table.width = 12;
        check_table(&table, tasks + 2, 2, false, "4294967295 +\n         4 +\n");
}

int main(void) {
        setenv("TZ", "UTC", 1);

        test_table();
        test_odd_names();
        return 0;
}
