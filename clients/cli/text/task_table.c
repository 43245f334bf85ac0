/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Tasks as a table: a line each, each column as wide as its widest cell.
 *
 * Every cell is made twice, for its width and for its line: keeping them would
 * take more memory than the tasks themselves.
 */

#include <string.h>

#include "clients/cli/base/terminal.h"
#include "clients/cli/base/text.h"
#include "clients/cli/text/task_table.h"

#define HEADER_ON "\033[1m"
#define HEADER_OFF "\033[0m"

/* A forest's branches before the longest cell. */
#define CELL_MAX (TASK_COLUMN_TEXT_MAX + TREE_BRANCHES_MAX)

typedef struct Line Line;

/* A line on its way out, and how many columns of the terminal it may still take. */
struct Line {
        Output *output;
        size_t room;
        int error;
};

static void line_add(Line *line, const char *text, size_t n_text) {
        if (line->error >= 0)
                line->error = output_write(line->output, text, n_text);
}

static void line_add_text(Line *line, const char *text) {
        line_add(line, text, terminal_fit(text, &line->room));
}

static void line_add_spaces(Line *line, size_t n) {
        for (; n > 0; --n)
                line_add_text(line, " ");
}

static void line_begin(Line *line, const TaskTable *table) {
        line->room = table->width ? table->width : SIZE_MAX;
}

static void line_add_cell(Line *line, const TaskTable *table, size_t i, const char *text, const size_t *widths) {
        size_t columns = text_columns(text), padding = columns < widths[i] ? widths[i] - columns : 0;
        bool right = table->columns[i]->right;

        if (i > 0)
                line_add_spaces(line, 1);
        if (right)
                line_add_spaces(line, padding);
        line_add_text(line, text);

        /* Nothing behind the last one: a narrower terminal must not break the line for spaces. */
        if (!right && i + 1 < table->n_columns)
                line_add_spaces(line, padding);
}

/* The column that a forest is drawn in: the first that takes it. */
static size_t task_table_branch_column(const TaskTable *table) {
        size_t i = 0;

        while (i < table->n_columns && !table->columns[i]->branch)
                i++;

        return i;
}

static void task_table_cell(const TaskTable *table,
                       size_t i_column,
                       const struct tb_task *task,
                       const TreeNode *node,
                       char text[static CELL_MAX]) {
        char *at = text;

        if (node && i_column == task_table_branch_column(table)) {
                tree_branches(node, table->utf8, text);
                at += strlen(text);
        }
        task_column_write(table->columns[i_column], &table->view, task, at);
}

static void task_table_measure(const TaskTable *table,
                          const struct tb_task *const *tasks,
                          TreeNode *const *nodes,
                          size_t n_rows,
                          size_t *widths) {
        char text[CELL_MAX];
        size_t width;

        for (size_t i = 0; i < table->n_columns; ++i) {
                widths[i] = table->header ? text_columns(table->columns[i]->header) : 0;
                if (i + 1 == table->n_columns && !table->columns[i]->right)
                        return;

                for (size_t row = 0; row < n_rows; ++row) {
                        task_table_cell(table, i, tasks[row], nodes ? nodes[row] : NULL, text);
                        width = text_columns(text);
                        if (width > widths[i])
                                widths[i] = width;
                }
        }
}

static void task_table_write_header(const TaskTable *table, const size_t *widths, Line *line) {
        line_begin(line, table);
        if (line->output->colour)
                line_add(line, HEADER_ON, strlen(HEADER_ON));
        for (size_t i = 0; i < table->n_columns; ++i)
                line_add_cell(line, table, i, table->columns[i]->header, widths);
        if (line->output->colour)
                line_add(line, HEADER_OFF, strlen(HEADER_OFF));
        line_add(line, "\n", 1);
}

/**
 * task_table_write() - write tasks as a table
 * @table:      its columns, and how
 * @tasks:      the tasks, in their order
 * @nodes:      where each stands in a forest; NULL: there is none
 * @n_rows:     how many
 * @output:     where to
 *
 * Return: As output_write().
 */
int task_table_write(const TaskTable *table,
                const struct tb_task *const *tasks,
                TreeNode *const *nodes,
                size_t n_rows,
                Output *output) {
        size_t widths[TASK_TABLE_COLUMNS_MAX] = { 0 };
        Line line = { .output = output };
        char text[CELL_MAX];

        task_table_measure(table, tasks, nodes, n_rows, widths);
        if (table->header)
                task_table_write_header(table, widths, &line);

        for (size_t row = 0; row < n_rows && line.error >= 0; ++row) {
                line_begin(&line, table);
                for (size_t i = 0; i < table->n_columns; ++i) {
                        task_table_cell(table, i, tasks[row], nodes ? nodes[row] : NULL, text);
                        line_add_cell(&line, table, i, text, widths);
                }
                line_add(&line, "\n", 1);
        }

        return line.error;
}
