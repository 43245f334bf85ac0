/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

#include "taskbroker/taskbroker.h"

typedef struct TaskList TaskList;

struct TaskList {
        struct tb_task *tasks;
        size_t n_tasks;
        size_t n_room;
        const struct tb_task **by_tid;  /* made by task_list_index(), for task_list_find_process() */
};

#define TASK_LIST_NULL { 0 }

int task_list_add(TaskList *list, const struct tb_task *task);
int task_list_index(TaskList *list);
const struct tb_task *task_list_find_process(const TaskList *list, const struct tb_process_id *id);
void task_list_deinit(TaskList *list);
