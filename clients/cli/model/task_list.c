/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The tasks of a snapshot, as copies: the task in a message of the library is valid only
 * until the next message.
 *
 * Owns the copies and their programs. Pure.
 */

#include <errno.h>
#include <stdlib.h>

#include "clients/cli/connect/program.h"
#include "clients/cli/model/task_list.h"

static int task_list_make_room(TaskList *list) {
        size_t n_room = list->n_room ? 2 * list->n_room : 256;
        struct tb_task *tasks;

        if (list->n_tasks < list->n_room)
                return 0;

        tasks = reallocarray(list->tasks, n_room, sizeof(*tasks));
        if (!tasks)
                return -ENOMEM;

        list->tasks = tasks;
        list->n_room = n_room;
        return 0;
}

/**
 * task_list_add() - keep a task
 * @list:       the list; zeroed, it is empty
 * @task:       the task, copied
 *
 * Return: 0, or -ENOMEM.
 */
int task_list_add(TaskList *list, const struct tb_task *task) {
        struct tb_program *program = NULL;
        int r;

        r = task_list_make_room(list);
        if (r < 0)
                return r;
        if (task->program) {
                program = program_copy(task->program);
                if (!program)
                        return -ENOMEM;
        }

        list->tasks[list->n_tasks] = *task;
        list->tasks[list->n_tasks++].program = program;
        return 0;
}

void task_list_deinit(TaskList *list) {
        for (size_t i = 0; i < list->n_tasks; ++i)
                free((void *)list->tasks[i].program);
        free(list->tasks);
        *list = (TaskList)TASK_LIST_NULL;
}
