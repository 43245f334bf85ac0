/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "clients/columns.h"
#include "clients/output.h"
#include "clients/tree.h"

typedef struct Table Table;

/* How many columns there can be side by side. */
#define TABLE_COLUMNS_MAX 32

struct Table {
        const Column *columns[TABLE_COLUMNS_MAX];
        size_t n_columns;
        ColumnView view;
        bool utf8;                      /* draw a forest with lines */
        bool header;
        size_t width;                   /* lines are cut there; 0: nowhere */
};

int table_write(const Table *table,
                const struct tb_task *const *tasks,
                TreeNode *const *nodes,
                size_t n_rows,
                Output *output);
