/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

#include "taskbroker/taskbroker.h"

typedef struct TaskList TaskList;

struct TaskList {
        struct tb_task *tasks;
        size_t n_tasks;
        size_t n_room;
};

#define TASK_LIST_NULL { 0 }

int task_list_add(TaskList *list, const struct tb_task *task);
void task_list_deinit(TaskList *list);
