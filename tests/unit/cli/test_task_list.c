/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/*
 * The copies of the tasks of a snapshot.
 */

#include <assert.h>
#include <string.h>

#include "clients/cli/model/task_list.h"
#include "tests/unit/task_rig.h"

static void test_copies(void) {
        TaskList tasks = TASK_LIST_NULL;
        char cmdline[] = "a\0b";
        struct tb_program program = make_program(cmdline, sizeof(cmdline));
        struct tb_task task = make_task(1, 0, 1, "one");

        /* Data from the library is valid only until the next message. */
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

/* A process is found by its identity, and not by its number alone. */
static void test_find(void) {
        static const struct {
                const char *what;
                struct tb_process_id id;
                bool found;
        } rows[] = {
                { "the process", { .known = true, .pid = 30, .start_boot_ns = 300 }, true },
                { "an earlier one with its number", { .known = true, .pid = 30, .start_boot_ns = 299 }, false },
                { "a number without a start", { .known = true, .pid = 30 }, false },
                { "not known", { .pid = 30, .start_boot_ns = 300 }, false },
                { "no process", { .known = true }, false },
                { "another", { .known = true, .pid = 31, .start_boot_ns = 310 }, false },
        };
        TaskList tasks = TASK_LIST_NULL;

        for (uint32_t i = 10; i > 0; --i) {
                struct tb_task task = make_task(10 * i, 0, 1, "x");

                task.start_boot_ns = 100 * i;
                assert(task_list_add(&tasks, &task) == 0);
        }
        assert(!task_list_find_process(&tasks, &rows[0].id));
        assert(task_list_index(&tasks) == 0);
        for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); ++i) {
                const struct tb_task *found = task_list_find_process(&tasks, &rows[i].id);

                assert(!!found == rows[i].found && (!found || found->pid == rows[i].id.pid));
        }
        task_list_deinit(&tasks);
}

int main(void) {
        test_find();
        test_copies();
        return 0;
}
