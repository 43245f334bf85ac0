/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "taskbroker/taskbroker.h"

#include "clients/cli/base/cmdline.h"
#include "clients/cli/base/users.h"
#include "clients/cli/model/task_list.h"

typedef struct TaskColumn TaskColumn;
typedef struct TaskColumnView TaskColumnView;

/* Room for a cell: the longest is a command line. */
#define TASK_COLUMN_TEXT_MAX CMDLINE_TEXT_MAX

/* All that a cell depends on besides its task. */
struct TaskColumnView {
        Users *users;
        uint64_t now_ns;                /* since the epoch: the time that ages are relative to */
        const TaskList *parents;        /* where parents are looked up; NULL: no column needs them */
};

struct TaskColumn {
        const char *name;               /* as -o and --sort have it */
        const char *header;
        const char *help;
        bool right;                     /* aligned to the right */
        bool program;                   /* is about the program, which the broker must be asked for */
        bool parent;                    /* is about the parent, for which all processes must be asked for */
        bool branch;                    /* a forest can be drawn in it */
        size_t offset;                  /* for a number: its place in struct tb_task */
        void (*write)(const TaskColumn *column, const TaskColumnView *view, const struct tb_task *task, char *text);
        int (*compare)(const TaskColumn *column,
                       const TaskColumnView *view,
                       const struct tb_task *a,
                       const struct tb_task *b);
};

const TaskColumn *task_column_find(const char *name, size_t n_name);
const TaskColumn *task_column_next(const TaskColumn *column);
void task_column_write(const TaskColumn *column, const TaskColumnView *view, const struct tb_task *task, char *text);
int task_column_compare(const TaskColumn *column,
                        const TaskColumnView *view,
                        const struct tb_task *a,
                        const struct tb_task *b);
