/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "clients/cli/base/output.h"
#include "clients/cli/model/tree.h"
#include "clients/cli/text/task_columns.h"

typedef struct TaskTable TaskTable;

/* The most columns of a table. */
#define TASK_TABLE_COLUMNS_MAX 32

struct TaskTable {
        const TaskColumn *columns[TASK_TABLE_COLUMNS_MAX];
        size_t n_columns;
        TaskColumnView view;
        bool utf8;                      /* a forest is drawn with lines */
        bool header;
        size_t width;                   /* longer lines are cut; 0: no line is cut */
};

int task_table_write(const TaskTable *table,
                     const struct tb_task *const *tasks,
                     TreeNode *const *nodes,
                     size_t n_rows,
                     Output *output);
