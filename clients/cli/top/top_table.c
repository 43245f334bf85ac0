/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The table of processes or threads: which rows are in it, their order, and the
 * cursor. top_page_table.c draws it.
 *
 * top_table_refresh() makes it from the rows of the model. It must be called after
 * each message to the model and each change of the settings: the rows belong to the
 * model, which may free them with its next message.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "clients/cli/top/top_table.h"
#include "clients/cli/top/top_view.h"

void top_table_deinit(TopTable *table) {
        tree_deinit(&table->tree);
        free(table->tasks);
        free(table->entries);
        free(table->rows);
        *table = (TopTable)TOP_TABLE_NULL;
}

/* Whether the name or the command line has the text. */
static bool table_matches(const LiveRow *row, const char *text) {
        static char arguments[CMDLINE_TEXT_MAX];

        if (strcasestr(row->comm, text))
                return true;

        return row->program && cmdline_text(arguments, row->program) > 0 && strcasestr(arguments, text);
}

static bool table_shows(const TopTable *table, const TopView *view, const LiveRow *row) {
        if (table->user_only && row->uid != table->user)
                return false;
        if (row->kernel_thread && !view->settings->kernel_threads)
                return false;

        return !table->filter[0] || table_matches(row, table->filter);
}

/* Puts the entries in the order of the tree, without those below a folded row. */
static int table_make_tree(TopTable *table) {
        const struct tb_task **pointers;
        TopTableEntry *sorted;
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
                        .parent = row->parent,
                        .start_boot_ns = row->start_boot_ns,
                        .start_time_ns = row->start_time_ns,
                        .seeded = true,
                };
                pointers[i] = table->tasks + i;
        }
        if (tree_init(&table->tree, pointers, table->n_entries) < 0)
                goto no_memory;

        for (size_t i = 0; i < table->n_entries; ++i) {
                const TreeNode *node = table->tree.order[i];
                TopTableEntry entry = table->entries[node->task - table->tasks];

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

/* A cursor that follows goes to its task. Any other stays on its line, or on the last line. */
static void table_place_cursor(TopTable *table) {
        bool found = false;

        for (size_t i = 0; i < table->n_entries && table->follow && !found; ++i) {
                const LiveRow *row = table->entries[i].row;

                if (row->tid == table->followed && row->start_boot_ns == table->followed_start_ns) {
                        table->list.cursor = i;
                        found = true;
                }
        }
        if (!found)
                table->follow = false;
        if (table->list.cursor >= table->n_entries)
                table->list.cursor = table->n_entries ? table->n_entries - 1 : 0;
}

static int table_make_room(TopTable *table, size_t n) {
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
 * top_table_refresh() - make the table from the rows of the model
 * @table:      the table
 * @view:       has the rows, and the settings
 *
 * Return: 0, or -ENOMEM: the table is empty then.
 */
int top_table_refresh(TopTable *table, const TopView *view) {
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
                /* A tree is sorted by number: branches that move with each sample cannot be read. */
                r = live_column_sort(table->rows,
                                     n,
                                     settings->tree ? live_column_find("tid", strlen("tid")) : settings->sort,
                                     &view->columns,
                                     settings->tree ? false : settings->inverted);
        }
        if (r >= 0) {
                for (size_t i = 0; i < n; ++i)
                        table->entries[i] = (TopTableEntry){ .row = table->rows[i] };
                table->n_entries = n;
                if (settings->tree && n > 0)
                        r = table_make_tree(table);
        }
        if (r < 0)
                table->n_entries = 0;
        table_place_cursor(table);

        return r;
}

/* The row under the cursor; NULL: the table is empty. */
LiveRow *top_table_row(const TopTable *table) {
        return table->list.cursor < table->n_entries ? table->entries[table->list.cursor].row : NULL;
}

/* Moves the cursor, which does not follow its task then: as in htop. */
void top_table_move(TopTable *table, ptrdiff_t by) {
        top_list_move(&table->list, table->n_entries, by);
        table->follow = false;
}

void top_table_follow(TopTable *table, bool follow) {
        const LiveRow *row = top_table_row(table);

        table->follow = follow && row;
        if (!table->follow)
                return;
        table->followed = row->tid;
        table->followed_start_ns = row->start_boot_ns;
}

/* Moves the cursor to the next row that has the text searched for; without @next it may stay where it is. */
bool top_table_search(TopTable *table, bool next) {
        if (!table->search[0])
                return true;

        for (size_t i = 0; i < table->n_entries; ++i) {
                size_t at = (table->list.cursor + i + (next ? 1 : 0)) % table->n_entries;

                if (!table_matches(table->entries[at].row, table->search))
                        continue;
                table->list.cursor = at;
                table->follow = false;
                return true;
        }

        return false;
}
