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

int main(void) {
        test_copies();
        return 0;
}
