/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "clients/cli/base/output.h"
#include "clients/cli/model/tree.h"
#include "clients/cli/text/task_columns.h"

typedef struct TaskTable TaskTable;

/* How many columns there can be side by side. */
#define TASK_TABLE_COLUMNS_MAX 32

struct TaskTable {
        const TaskColumn *columns[TASK_TABLE_COLUMNS_MAX];
        size_t n_columns;
        TaskColumnView view;
        bool utf8;                      /* draw a forest with lines */
        bool header;
        size_t width;                   /* lines are cut there; 0: nowhere */
};

int task_table_write(const TaskTable *table,
                const struct tb_task *const *tasks,
                TreeNode *const *nodes,
                size_t n_rows,
                Output *output);
