/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* TaskPages: an array of tasks by number, made in pages. The task table owns the tasks. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "broker/model/task.h"

/* The kernel's own limit of a task's number. */
#define TASK_PAGES_LIMIT (4096u * 1024u)

typedef struct TaskPage TaskPage;
typedef struct TaskPages TaskPages;

struct TaskPages {
        TaskPage *pages[4096];          /* by tid >> 10; NULL: no task is there */
        TaskPage *spare[8];             /* pages whose last task ended */
        size_t n_spare;
        size_t n_made;                  /* with the spare ones */
};

void task_pages_deinit(TaskPages *pages);
bool task_pages_put(TaskPages *pages, Task *task, uint32_t tid);
void task_pages_clear(TaskPages *pages, uint32_t tid);
Task *task_pages_get(const TaskPages *pages, uint32_t tid);
Task *task_pages_next(const TaskPages *pages, uint32_t from_tid);
uint32_t task_pages_end(const TaskPages *pages);
size_t task_pages_bytes(const TaskPages *pages);
