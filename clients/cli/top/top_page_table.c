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
#include "clients/cli/top/top_cell.h"
#include "clients/cli/top/top_columns.h"
#include "clients/cli/top/top_header.h"
#include "clients/cli/top/top_page_table.h"

/* The command gets a quarter of a wide screen. Other columns are left out if it would have less than so many. */
#define TABLE_COMMAND_MIN 18u
#define TABLE_COMMAND_SHARE 4u

/* The columns for which there is room. The column of the highest rank is left out first. */
static size_t table_choose(const TopView *view, size_t n_columns, const LiveColumn **chosen) {
        size_t n = 0, width = 0, command = n_columns / TABLE_COMMAND_SHARE, out;

        command = command > TABLE_COMMAND_MIN + 2 ? command - 2 : TABLE_COMMAND_MIN;
        for (size_t i = 0; i < view->settings->n_columns; ++i) {
                const LiveColumn *column = view->settings->columns[i];

                chosen[n++] = column;
                width += column->width ? column->width + 1 : command;
                /* Threads of a process differ in their own numbers only. */
                if (view->settings->threads && strcmp(column->name, "pid") == 0 &&
                    !top_settings_has(view->settings, live_column_find("tid", strlen("tid")))) {
                        chosen[n++] = live_column_find("tid", strlen("tid"));
                        width += chosen[n - 1]->width + 1;
                }
        }
        while (n > 1 && width > n_columns) {
                out = 0;
                for (size_t i = 1; i < n; ++i)
                        if (top_columns_rank(chosen[i]) > top_columns_rank(chosen[out]))
                                out = i;
                if (top_columns_rank(chosen[out]) == 0)
                        break;
                width -= chosen[out]->width + 1;
                --n;
                memmove(chosen + out, chosen + out + 1, (n - out) * sizeof(*chosen));
        }

        return n;
}

static void table_draw_header(const TopView *view, size_t row, const LiveColumn *const *columns, size_t n_columns) {
        size_t at = 0;

        screen_fill(view->screen, row, 0, view->screen->columns, SCREEN_HEADER);
        for (size_t i = 0; i < n_columns; ++i) {
                const LiveColumn *column = columns[i];
                bool sorted = column == view->settings->sort && !view->settings->tree;
                size_t width = column->width ? column->width : view->screen->columns - at;
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

/* The rest of a text whose left end is scrolled away. Counts characters, not bytes. */
static const char *table_shifted(const char *text, size_t shift) {
        for (; *text && shift > 0; --shift)
                do
                        ++text;
                while (((unsigned char)*text & 0xc0) == 0x80);

        return text;
}

static void table_draw_entry(const TopTable *table,
                             const TopView *view,
                             const TopTableEntry *entry,
                             size_t row,
                             bool cursor,
                             const LiveColumn *const *columns,
                             size_t n_columns) {
        enum screen_style of_row = table_row_style(table, entry, cursor), style;
        bool tells_end = false;
        static TopCell cell;
        size_t at = 0;

        if (cursor)
                screen_fill(view->screen, row, 0, view->screen->columns, of_row);
        for (size_t i = 0; i < n_columns && at < view->screen->columns; ++i) {
                const LiveColumn *column = columns[i];
                size_t width = column->width ? column->width : view->screen->columns - at;
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
                        text = table_shifted(text, table->shift);
                }
                if (!column->right)
                        screen_put(view->screen, row, at, width, style, text);
                else
                        screen_put_right(view->screen, row, at, width, style, text);
                at += width + 1;
        }
}

static void table_draw(TopTable *table, const TopView *view, size_t row, size_t n_rows) {
        const LiveColumn *columns[TOP_SETTINGS_COLUMNS_MAX + 1];
        size_t n_columns = table_choose(view, view->screen->columns, columns);

        if (n_rows == 0)
                return;

        table_draw_header(view, row, columns, n_columns);
        top_list_fit(&table->list, table->n_entries, n_rows - 1);
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
