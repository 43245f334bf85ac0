/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The first page: the header, and the table of processes or threads below it.
 *
 * Draws the table that top_table.c keeps. Changes nothing in it but which part of it is
 * on the screen.
 */

#include <stdio.h>
#include <string.h>

#include "clients/cli/base/format.h"
#include "clients/cli/base/text_width.h"
#include "clients/cli/top/top_cell.h"
#include "clients/cli/top/top_columns.h"
#include "clients/cli/top/top_header.h"
#include "clients/cli/top/top_page_table.h"

/* The command gets a quarter of a wide screen. Other columns are left out if it would have less than so many. */
#define TABLE_COMMAND_MIN 18u
#define TABLE_COMMAND_SHARE 4u
#define TABLE_COMMAND_GIVES 8u

typedef struct TableColumn TableColumn;

/* A column as it is drawn. */
struct TableColumn {
        const LiveColumn *column;
        size_t width;                   /* 0: the rest of the line */
};

static size_t table_last_shown(const TopTable *table) {
        size_t end = table->list.first + table->list.n_shown;

        return end < table->n_entries ? end : table->n_entries;
}

/* Numbers on the screen that are wider than their column widen it. Texts are cut. */
static size_t table_measure(const TopTable *table, const TopView *view, const LiveColumn *column) {
        static TopCell cell;
        size_t width = column->width, n;

        for (size_t i = table->list.first; i < table_last_shown(table) && width > 0; ++i) {
                top_cell_write(column, view, table->entries[i].row, &cell);
                n = cell.whole ? text_width(cell.text, screen_form(view->screen)) : 0;
                if (n > width)
                        width = n;
        }

        return width;
}

static void table_add_column(const TopTable *table, const TopView *view, const LiveColumn *column,
                             TableColumn *chosen) {
        *chosen = (TableColumn){ .column = column, .width = table_measure(table, view, column) };
}

/* The columns that all need. For wide numbers the command gives some of its own. */
static size_t table_needed(const TableColumn *chosen, size_t n, size_t command) {
        size_t needed = 0, wider = 0;

        for (size_t i = 0; i < n; ++i) {
                needed += chosen[i].width ? chosen[i].width + 1 : command;
                wider += chosen[i].width - chosen[i].column->width;
        }

        return needed - (wider < TABLE_COMMAND_GIVES ? wider : TABLE_COMMAND_GIVES);
}

/* The columns for which there is room. The column of the highest rank is left out first. */
static size_t table_choose(const TopTable *table, const TopView *view, TableColumn *chosen) {
        const LiveColumn *tid = live_column_find("tid", strlen("tid"));
        size_t n_columns = view->screen->columns, n = 0, command = n_columns / TABLE_COMMAND_SHARE, out;

        command = command > TABLE_COMMAND_MIN + 2 ? command - 2 : TABLE_COMMAND_MIN;
        for (size_t i = 0; i < view->settings->n_columns; ++i) {
                const LiveColumn *column = view->settings->columns[i];

                table_add_column(table, view, column, chosen + n++);
                /* Threads of a process differ in their own numbers only. */
                if (view->settings->threads && strcmp(column->name, "pid") == 0 &&
                    !top_settings_has(view->settings, tid))
                        table_add_column(table, view, tid, chosen + n++);
        }
        while (n > 1 && table_needed(chosen, n, command) > n_columns) {
                out = 0;
                for (size_t i = 1; i < n; ++i)
                        if (top_columns_rank(chosen[i].column) > top_columns_rank(chosen[out].column))
                                out = i;
                if (top_columns_rank(chosen[out].column) == 0)
                        break;
                --n;
                memmove(chosen + out, chosen + out + 1, (n - out) * sizeof(*chosen));
        }

        return n;
}

static void table_draw_header(const TopView *view, size_t row, const TableColumn *columns, size_t n_columns) {
        size_t at = 0;

        screen_fill(view->screen, row, 0, view->screen->columns, SCREEN_HEADER);
        for (size_t i = 0; i < n_columns; ++i) {
                const LiveColumn *column = columns[i].column;
                bool sorted = column == view->settings->sort && !view->settings->tree;
                size_t width = columns[i].width ? columns[i].width : view->screen->columns - at;
                enum screen_style style = sorted ? SCREEN_HEADER_SORT : SCREEN_HEADER;

                if (at >= view->screen->columns)
                        return;
                if (sorted)
                        screen_fill(view->screen, row, at, width, style);
                if (!column->right)
                        screen_put(view->screen, row, at, width, style, column->header);
                else
                        screen_put_right(view->screen, row, at, width, style, column->header);
                at += width + 1;
        }
}

/* A row as a whole may have a style that its cells give way to. */
static enum screen_style table_row_style(const TopTable *table, const TopTableEntry *entry, bool cursor) {
        if (cursor)
                return table->follow ? SCREEN_CURSOR_FOLLOW : SCREEN_CURSOR;
        if (entry->row->marks & TOP_ROW_TAGGED)
                return SCREEN_TAGGED;

        return entry->row->ended || entry->row->exited ? SCREEN_DIM : SCREEN_PLAIN;
}

static size_t table_draw_branches(const TopView *view,
                                  const TopTableEntry *entry,
                                  size_t row,
                                  size_t at,
                                  enum screen_style style) {
        char branches[TREE_BRANCHES_MAX];
        size_t n;

        if (!entry->node)
                return 0;

        tree_branches(entry->node, view->screen->utf8, branches);
        n = screen_put(view->screen, row, at, view->screen->columns, style, branches);
        if (entry->folded)
                n += screen_put(view->screen, row, at + n, view->screen->columns, style, "[+] ");

        return n;
}

/* How the task ended, before its command. Only without the column "state", which has the same. */
static size_t table_draw_end(const TopView *view,
                             const LiveRow *row,
                             size_t line,
                             size_t at,
                             enum screen_style style) {
        char end[FORMAT_MAX], text[FORMAT_MAX + 4];

        if (!row->ended && !row->exited)
                return 0;

        snprintf(text,
                 sizeof(text),
                 "(%s) ",
                 row->termination.known ? format_termination(end, &row->termination) : "ended");
        return screen_put(view->screen, line, at, view->screen->columns, style, text);
}

static void table_draw_entry(const TopTable *table,
                             const TopView *view,
                             const TopTableEntry *entry,
                             size_t row,
                             bool cursor,
                             const TableColumn *columns,
                             size_t n_columns) {
        enum screen_style of_row = table_row_style(table, entry, cursor), style;
        bool tells_end = false;
        static TopCell cell;
        size_t at = 0;

        if (cursor)
                screen_fill(view->screen, row, 0, view->screen->columns, of_row);
        for (size_t i = 0; i < n_columns && at < view->screen->columns; ++i) {
                const LiveColumn *column = columns[i].column;
                size_t width = columns[i].width ? columns[i].width : view->screen->columns - at;
                const char *text;

                tells_end |= strcmp(column->name, "state") == 0;
                top_cell_write(column, view, entry->row, &cell);
                style = of_row == SCREEN_PLAIN ? cell.style : of_row;
                text = cell.text;
                if (column->width == 0) {
                        size_t used = table_draw_branches(view, entry, row, at, of_row ? of_row : SCREEN_DIM);

                        if (!tells_end)
                                used += table_draw_end(view, entry->row, row, at + used, style);
                        at += used;
                        width = width > used ? width - used : 0;
                        text = text_skip(text, table->shift, screen_form(view->screen));
                }
                if (!column->right)
                        screen_put(view->screen, row, at, width, style, text);
                else
                        screen_put_right(view->screen, row, at, width, style, text);
                at += width + 1;
        }
}

static void table_draw(TopTable *table, const TopView *view, size_t row, size_t n_rows) {
        TableColumn columns[TOP_SETTINGS_COLUMNS_MAX + 1];
        size_t n_columns;

        if (n_rows == 0)
                return;

        top_list_fit(&table->list, table->n_entries, n_rows - 1);
        n_columns = table_choose(table, view, columns);
        table_draw_header(view, row, columns, n_columns);
        for (size_t i = 0; i < table->list.n_shown && table->list.first + i < table->n_entries; ++i)
                table_draw_entry(table,
                                 view,
                                 table->entries + table->list.first + i,
                                 row + 1 + i,
                                 table->list.first + i == table->list.cursor,
                                 columns,
                                 n_columns);
}

static int page_table_refresh(Top *top, const TopView *view) { return top_table_refresh(&top->table, view); }

static size_t page_table_draw(Top *top, TopView *view) {
        size_t row = top_header_rows(view);

        top_header_draw(view);
        table_draw(&top->table, view, row, view->screen->rows - 1 - row);
        return row;
}

static void page_table_move(Top *top, ptrdiff_t by) { top_table_move(&top->table, by); }

/* One line of the table stays in sight. */
static size_t page_table_height(const Top *top) {
        return top->table.list.n_shown > 1 ? top->table.list.n_shown - 1 : top->screen.rows / 2;
}

const TopPage top_page_table = {
        .refresh = page_table_refresh,
        .draw = page_table_draw,
        .move = page_table_move,
        .height = page_table_height,
};

/* Back to the table, from any other page. */
void top_page_table_show(Top *top, uint32_t code) {
        (void)code;
        top_state_show(top, &top_page_table);
}
