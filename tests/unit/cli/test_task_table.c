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

int main(void) {
        setenv("TZ", "UTC", 1);

        test_table();
        return 0;
}
