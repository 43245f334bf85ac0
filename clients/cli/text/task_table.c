/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Tasks as a table: one line per task, each column as wide as its widest cell.
 *
 * Each cell is written twice, first to measure it: to keep all cells would take more
 * memory than the tasks themselves.
 */

#include <string.h>

#include "clients/cli/base/text_width.h"
#include "clients/cli/text/task_table.h"

#define HEADER_ON "\033[1m"
#define HEADER_OFF "\033[0m"
#define CELL_CUT "+"

/* The branches of a forest, then the longest cell. */
#define CELL_MAX (TASK_COLUMN_TEXT_MAX + TREE_BRANCHES_MAX)

typedef struct TaskTableLine TaskTableLine;

/* A line while it is written, and the columns of the terminal that are left. */
struct TaskTableLine {
        Output *output;
        size_t room;
        int error;
};

static void table_line_add(TaskTableLine *line, const char *text, size_t n_text) {
        if (line->error >= 0)
                line->error = output_write(line->output, text, n_text);
}

/* A text that does not fit ends the line. */
static void table_line_add_text(TaskTableLine *line, const char *text) {
        bool cut = text_width(text, TEXT_LINE) > line->room;
        static char fitted[CELL_MAX];

        line->room -= text_fit(fitted, sizeof(fitted), text, line->room, TEXT_LINE);
        if (cut)
                line->room = 0;
        table_line_add(line, fitted, strlen(fitted));
}

static void table_line_add_spaces(TaskTableLine *line, size_t n) {
        for (; n > 0 && line->room > 0; --n, --line->room)
                table_line_add(line, " ", 1);
}

static void table_line_begin(TaskTableLine *line, const TaskTable *table) {
        line->room = table->width ? table->width : SIZE_MAX;
}

static void table_line_add_cell(TaskTableLine *line,
                                const TaskTable *table,
                                size_t i,
                                const char *text,
                                const size_t *widths) {
        size_t columns = text_width(text, TEXT_LINE), padding = columns < widths[i] ? widths[i] - columns : 0;
        bool right = table->columns[i]->right;

        if (i > 0)
                table_line_add_spaces(line, 1);

        /* A part of a number would be read as another number: the mark stands for the whole. */
        if (right && padding + columns > line->room) {
                table_line_add_text(line, line->room > 0 ? CELL_CUT : "");
                line->room = 0;
                return;
        }
        if (right)
                table_line_add_spaces(line, padding);
        table_line_add_text(line, text);

        /* No spaces behind the last cell: a narrow terminal would wrap the line for them. */
        if (!right && i + 1 < table->n_columns)
                table_line_add_spaces(line, padding);
}

/* The column in which a forest is drawn: the first that can have branches. */
static size_t task_table_branch_column(const TaskTable *table) {
        size_t i = 0;

        while (i < table->n_columns && !table->columns[i]->branch)
                ++i;

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
        static char text[CELL_MAX];
        size_t width;

        for (size_t i = 0; i < table->n_columns; ++i) {
                widths[i] = table->header ? text_width(table->columns[i]->header, TEXT_LINE) : 0;
                if (i + 1 == table->n_columns && !table->columns[i]->right)
                        return;

                for (size_t row = 0; row < n_rows; ++row) {
                        task_table_cell(table, i, tasks[row], nodes ? nodes[row] : NULL, text);
                        width = text_width(text, TEXT_LINE);
                        if (width > widths[i])
                                widths[i] = width;
                }
        }
}

static void task_table_write_header(const TaskTable *table, const size_t *widths, TaskTableLine *line) {
        table_line_begin(line, table);
        if (line->output->colour)
                table_line_add(line, HEADER_ON, strlen(HEADER_ON));
        for (size_t i = 0; i < table->n_columns; ++i)
                table_line_add_cell(line, table, i, table->columns[i]->header, widths);
        if (line->output->colour)
                table_line_add(line, HEADER_OFF, strlen(HEADER_OFF));
        table_line_add(line, "\n", 1);
}

/**
 * task_table_write() - write tasks as a table
 * @table:      the columns, and how to write them
 * @tasks:      the tasks, in their order
 * @nodes:      the place of each task in a forest; NULL: no forest
 * @n_rows:     the number of tasks
 * @output:     the output
 *
 * Return: As output_write().
 */
int task_table_write(const TaskTable *table,
                     const struct tb_task *const *tasks,
                     TreeNode *const *nodes,
                     size_t n_rows,
                     Output *output) {
        size_t widths[TASK_TABLE_COLUMNS_MAX] = { 0 };
        TaskTableLine line = { .output = output };
        static char text[CELL_MAX];

        task_table_measure(table, tasks, nodes, n_rows, widths);
        if (table->header)
                task_table_write_header(table, widths, &line);

        for (size_t row = 0; row < n_rows && line.error >= 0; ++row) {
                table_line_begin(&line, table);
                for (size_t i = 0; i < table->n_columns; ++i) {
                        task_table_cell(table, i, tasks[row], nodes ? nodes[row] : NULL, text);
                        table_line_add_cell(&line, table, i, text, widths);
                }
                table_line_add(&line, "\n", 1);
        }

        return line.error;
}
