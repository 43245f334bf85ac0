/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The tasks of a snapshot, kept: what the library hands out is gone with the next
 * message.
 *
 * Owns its copies, and what their programs point to. Pure.
 */

#include <errno.h>
#include <stdlib.h>

#include "clients/cli/connect/program.h"
#include "clients/cli/model/task_list.h"

static int task_list_make_room(TaskList *roster) {
        size_t n_room = roster->n_room ? 2 * roster->n_room : 256;
        struct tb_task *tasks;

        if (roster->n_tasks < roster->n_room)
                return 0;

        tasks = reallocarray(roster->tasks, n_room, sizeof(*tasks));
        if (!tasks)
                return -ENOMEM;

        roster->tasks = tasks;
        roster->n_room = n_room;
        return 0;
}

/**
 * task_list_add() - keep a task
 * @roster:     the roster; zeroed, it is empty
 * @task:       the task, copied
 *
 * Return: 0, or -ENOMEM.
 */
int task_list_add(TaskList *roster, const struct tb_task *task) {
        struct tb_program *program = NULL;
        int r;

        r = task_list_make_room(roster);
        if (r < 0)
                return r;
        if (task->program) {
                program = program_copy(task->program);
                if (!program)
                        return -ENOMEM;
        }

        roster->tasks[roster->n_tasks] = *task;
        roster->tasks[roster->n_tasks++].program = program;
        return 0;
}

void task_list_deinit(TaskList *roster) {
        for (size_t i = 0; i < roster->n_tasks; ++i)
                free((void *)roster->tasks[i].program);
        free(roster->tasks);
        *roster = (TaskList)TASK_LIST_NULL;
}
