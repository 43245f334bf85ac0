/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The table of processes or threads: which rows are shown, in which order, and
 * where the cursor is.
 *
 * top_page_table_refresh() makes it of the model's rows, whenever these or the settings
 * have changed: the rows are the model's and may go with its next message.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clients/cli/base/format.h"
#include "clients/cli/top/top_columns.h"
#include "clients/cli/top/top_page_table.h"
#include "clients/cli/top/top_view.h"

/* The command's column has at least so many, and of a wide screen a quarter, or other columns go. */
#define TABLE_COMMAND_MIN 18u
#define TABLE_COMMAND_SHARE 4u

void top_page_table_deinit(TopPageTable *table) {
        tree_deinit(&table->tree);
        free(table->tasks);
        free(table->entries);
        free(table->rows);
        *table = (TopPageTable)TOP_PAGE_TABLE_NULL;
}

/* What the filter and the search look into. */
static bool table_matches(const LiveRow *row, const char *text) {
        char arguments[CMDLINE_TEXT_MAX];

        if (strcasestr(row->comm, text))
                return true;

        return row->program && cmdline_text(arguments, row->program) > 0 && strcasestr(arguments, text);
}

static bool table_shows(const TopPageTable *table, const TopView *view, const LiveRow *row) {
        if (table->user_only && row->uid != table->user)
                return false;
        if (row->kernel_thread && !view->settings->kernel_threads)
                return false;

        return !table->filter[0] || table_matches(row, table->filter);
}

/* In the order of the tree, without what is under a folded row. */
static int table_make_tree(TopPageTable *table) {
        const struct tb_task **pointers;
        TopEntry *sorted;
        size_t n = 0, folded_level = SIZE_MAX;

        table->tasks = calloc(table->n_entries + 1, sizeof(*table->tasks));
        pointers = calloc(table->n_entries + 1, sizeof(*pointers));
        sorted = calloc(table->n_entries + 1, sizeof(*sorted));
        if (!table->tasks || !pointers || !sorted)
                goto no_memory;

        for (size_t i = 0; i < table->n_entries; ++i) {
                const LiveRow *row = table->entries[i].row;

                table->tasks[i] = (struct tb_task){
                        .pid = row->pid,
                        .tid = row->tid,
                        .ppid = row->ppid,
                        .start_time_ns = row->start_time_ns,
                        .seeded = true,
                };
                pointers[i] = table->tasks + i;
        }
        if (tree_init(&table->tree, pointers, table->n_entries) < 0)
                goto no_memory;

        for (size_t i = 0; i < table->n_entries; ++i) {
                const TreeNode *node = table->tree.order[i];
                TopEntry entry = table->entries[node->task - table->tasks];

                if (node->level > folded_level)
                        continue;
                folded_level = SIZE_MAX;
                entry.node = node;
                if ((entry.row->marks & TOP_ROW_FOLDED) && node->first_child) {
                        entry.folded = true;
                        folded_level = node->level;
                }
                sorted[n++] = entry;
        }
        memcpy(table->entries, sorted, n * sizeof(*sorted));
        table->n_entries = n;
        free(sorted);
        free(pointers);
        return 0;

no_memory:
        free(sorted);
        free(pointers);
        return -ENOMEM;
}

/* A cursor that follows goes where its task is; else it stays on its line, as long as there is one. */
static void table_place_cursor(TopPageTable *table) {
        bool found = false;

        for (size_t i = 0; i < table->n_entries && table->follow && !found; ++i) {
                const LiveRow *row = table->entries[i].row;

                if (row->tid == table->followed && row->start_time_ns == table->followed_start_ns) {
                        table->cursor = i;
                        found = true;
                }
        }
        if (!found)
                table->follow = false;
        if (table->cursor >= table->n_entries)
                table->cursor = table->n_entries ? table->n_entries - 1 : 0;
}

static int table_make_room(TopPageTable *table, size_t n) {
        if (n <= table->n_room)
                return 0;

        free(table->entries);
        free(table->rows);
        table->n_room = n + n / 2;
        table->entries = calloc(table->n_room, sizeof(*table->entries));
        table->rows = calloc(table->n_room, sizeof(*table->rows));
        if (table->entries && table->rows)
                return 0;

        table->n_room = 0;
        return -ENOMEM;
}

/**
 * top_page_table_refresh() - make the table of the rows as they are now
 * @table:      the table
 * @view:       what it is of
 *
 * Return: 0, or -ENOMEM: it is empty then.
 */
int top_page_table_refresh(TopPageTable *table, const TopView *view) {
        const TopSettings *settings = view->settings;
        const Live *live = view->live;
        size_t n = 0;
        int r;

        tree_deinit(&table->tree);
        free(table->tasks);
        table->tasks = NULL;
        table->n_entries = 0;

        r = table_make_room(table, live->n_rows);
        if (r >= 0) {
                for (size_t i = 0; i < live->n_rows; ++i)
                        if (table_shows(table, view, live->rows[i]))
                                table->rows[n++] = live->rows[i];
                /* A tree whose branches jump with what they use cannot be read: it is in the order of numbers. */
                r = live_sort(table->rows,
                              n,
                              settings->tree ? live_column_find("tid", strlen("tid")) : settings->sort,
                              &view->columns,
                              settings->tree ? false : settings->inverted);
        }
        if (r >= 0) {
                for (size_t i = 0; i < n; ++i)
                        table->entries[i] = (TopEntry){ .row = table->rows[i] };
                table->n_entries = n;
                if (settings->tree && n > 0)
                        r = table_make_tree(table);
        }
        if (r < 0)
                table->n_entries = 0;
        table_place_cursor(table);

        return r;
}

/* The row under the cursor; NULL: there is none. */
LiveRow *top_page_table_row(const TopPageTable *table) {
        return table->cursor < table->n_entries ? table->entries[table->cursor].row : NULL;
}

/* As htop: who moves the cursor does not follow any more. */
void top_page_table_move(TopPageTable *table, ptrdiff_t by) {
        size_t last = table->n_entries ? table->n_entries - 1 : 0;

        if (by < 0)
                table->cursor = (size_t)-by > table->cursor ? 0 : table->cursor - (size_t)-by;
        else
                table->cursor = (size_t)by > last - table->cursor ? last : table->cursor + (size_t)by;
        table->follow = false;
}

void top_page_table_follow(TopPageTable *table, bool follow) {
        const LiveRow *row = top_page_table_row(table);

        table->follow = follow && row;
        if (!table->follow)
                return;
        table->followed = row->tid;
        table->followed_start_ns = row->start_time_ns;
}

/* Moves the cursor to the next row that has the text searched for; without @next it may stay. */
bool top_page_table_search(TopPageTable *table, const TopView *view, bool next) {
        (void)view;
        if (!table->search[0])
                return true;

        for (size_t i = 0; i < table->n_entries; ++i) {
                size_t at = (table->cursor + i + (next ? 1 : 0)) % table->n_entries;

                if (!table_matches(table->entries[at].row, table->search))
                        continue;
                table->cursor = at;
                table->follow = false;
                return true;
        }

        return false;
}

/* Which columns there is room for: those of the highest rank go first. */
static size_t table_choose(const TopView *view, size_t n_columns, const LiveColumn **chosen) {
        size_t n = 0, width = 0, command = n_columns / TABLE_COMMAND_SHARE, out;

        command = command > TABLE_COMMAND_MIN + 2 ? command - 2 : TABLE_COMMAND_MIN;
        for (size_t i = 0; i < view->settings->n_columns; ++i) {
                const LiveColumn *column = view->settings->columns[i];

                chosen[n++] = column;
                width += column->width ? column->width + 1 : command;
                /* Threads are told apart by their own numbers. */
                if (view->settings->threads && strcmp(column->name, "pid") == 0 &&
                    !top_settings_has(view->settings, live_column_find("tid", strlen("tid")))) {
                        chosen[n++] = live_column_find("tid", strlen("tid"));
                        width += chosen[n - 1]->width + 1;
                }
        }
        while (n > 1 && width > n_columns) {
                out = 0;
                for (size_t i = 1; i < n; ++i)
                        if (top_column_rank(chosen[i]) > top_column_rank(chosen[out]))
                                out = i;
                if (top_column_rank(chosen[out]) == 0)
                        break;
                width -= chosen[out]->width + 1;
                n--;
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
static enum screen_style table_row_style(const TopPageTable *table, const TopEntry *entry, bool cursor) {
        if (cursor)
                return table->follow ? SCREEN_CURSOR_FOLLOW : SCREEN_CURSOR;
        if (entry->row->marks & TOP_ROW_TAGGED)
                return SCREEN_TAGGED;

        return entry->row->ended || entry->row->exited ? SCREEN_DIM : SCREEN_PLAIN;
}

static size_t table_draw_branches(const TopView *view,
                                  const TopEntry *entry,
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

/* How it ended, before the command, where no column tells it. */
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

/* A text of which the left end is scrolled away: whole characters. */
static const char *table_shifted(const char *text, size_t shift) {
        for (; *text && shift > 0; --shift)
                do
                        text++;
                while (((unsigned char)*text & 0xc0) == 0x80);

        return text;
}

static void table_draw_entry(const TopPageTable *table,
                             const TopView *view,
                             const TopEntry *entry,
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
                top_column_cell(column, view, entry->row, &cell);
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

/**
 * top_page_table_draw() - draw the header, and the rows around the cursor
 * @table:      the table, refreshed
 * @view:       what it is of
 * @row:        the first line of the screen
 * @n_rows:     how many there are, the header included
 */
void top_page_table_draw(TopPageTable *table, const TopView *view, size_t row, size_t n_rows) {
        const LiveColumn *columns[TOP_SETTINGS_COLUMNS_MAX + 1];
        size_t n_columns = table_choose(view, view->screen->columns, columns);

        if (n_rows == 0)
                return;

        table_draw_header(view, row, columns, n_columns);
        table->n_shown = n_rows - 1;
        if (table->first + table->n_shown > table->n_entries)
                table->first = table->n_entries > table->n_shown ? table->n_entries - table->n_shown : 0;
        if (table->cursor < table->first)
                table->first = table->cursor;
        if (table->cursor >= table->first + table->n_shown)
                table->first = table->cursor - table->n_shown + 1;

        for (size_t i = 0; i < table->n_shown && table->first + i < table->n_entries; ++i)
                table_draw_entry(table,
                                 view,
                                 table->entries + table->first + i,
                                 row + 1 + i,
                                 table->first + i == table->cursor,
                                 columns,
                                 n_columns);
}
