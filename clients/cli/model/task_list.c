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

static int task_list_compare(const void *a, const void *b) {
        const struct tb_task *one = *(const struct tb_task *const *)a, *other = *(const struct tb_task *const *)b;

        return (one->tid > other->tid) - (one->tid < other->tid);
}

/**
 * task_list_index() - prepare a complete list for look-ups
 * @list:       the list; no task is added any more
 *
 * Return: 0, or -ENOMEM.
 */
int task_list_index(TaskList *list) {
        const struct tb_task **by_tid = calloc(list->n_tasks + 1, sizeof(struct tb_task *));

        if (!by_tid)
                return -ENOMEM;

        for (size_t i = 0; i < list->n_tasks; ++i)
                by_tid[i] = list->tasks + i;
        qsort(by_tid, list->n_tasks, sizeof(*by_tid), task_list_compare);
        free(list->by_tid);
        list->by_tid = by_tid;
        return 0;
}

/* The leader of a process; NULL: the list does not have it, or only another process with its number. */
const struct tb_task *task_list_find_process(const TaskList *list, const struct tb_process_id *id) {
        struct tb_task wanted = { .tid = id->pid };
        const struct tb_task *key = &wanted, **found;

        if (!list->by_tid || !id->known || !id->pid || !id->start_boot_ns)
                return NULL;

        found = bsearch(&key, list->by_tid, list->n_tasks, sizeof(*list->by_tid), task_list_compare);
        return found && (*found)->start_boot_ns == id->start_boot_ns ? *found : NULL;
}

void task_list_deinit(TaskList *list) {
        free(list->by_tid);
        for (size_t i = 0; i < list->n_tasks; ++i)
                free((void *)list->tasks[i].program);
        free(list->tasks);
        *list = (TaskList)TASK_LIST_NULL;
}
