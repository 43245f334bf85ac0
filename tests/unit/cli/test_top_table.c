/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/*
 * The table of the screen: the order of its rows, the cursor, the tree.
 */

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "clients/cli/top/top_table.h"
#include "tests/unit/top_rig.h"

static void check_order(const TopTable *table, const char *names) {
        char is[256] = "";

        for (size_t i = 0; i < table->n_entries; ++i)
                sprintf(is + strlen(is), "%s ", table->entries[i].row->comm);
        if (strcmp(is, names) != 0)
                fprintf(stderr, "is \"%s\", should be \"%s\"\n", is, names);
        assert(strcmp(is, names) == 0);
}

static void test_order(void) {
        TopTable table = TOP_TABLE_NULL;
        TopSettings settings;
        TopView view;
        Live live;

        make_live(&live);
        top_settings_init(&settings);
        view = view_of(&live, &settings);
        assert(top_table_refresh(&table, &view) == 0);
        check_order(&table, "high low idle ended ");

        settings.inverted = true;
        assert(top_table_refresh(&table, &view) == 0);
        assert(table.entries[3].row->pid == 11);

        /* An unknown value comes last in both directions. */
        settings.sort = column_of("read");
        assert(top_table_refresh(&table, &view) == 0);
        assert(table.entries[3].row->pid == 12);
        settings.inverted = false;
        assert(top_table_refresh(&table, &view) == 0);
        assert(table.entries[0].row->pid == 10 && table.entries[3].row->pid == 12);

        settings.sort = column_of("name");
        assert(top_table_refresh(&table, &view) == 0);
        check_order(&table, "ended high idle low ");

        strcpy(table.filter, "D");
        assert(top_table_refresh(&table, &view) == 0);
        check_order(&table, "ended idle ");
        table.filter[0] = 0;
        table.user_only = true;
        table.user = 1;
        assert(top_table_refresh(&table, &view) == 0);
        check_order(&table, "");
        assert(!top_table_row(&table));
        top_table_move(&table, 5);
        top_table_move(&table, -5);

        top_table_deinit(&table);
        live_deinit(&live);
}

static void test_cursor(void) {
        TopTable table = TOP_TABLE_NULL;
        TopSettings settings;
        TopView view;
        Live live;

        make_live(&live);
        top_settings_init(&settings);
        settings.sort = column_of("name");
        view = view_of(&live, &settings);
        assert(top_table_refresh(&table, &view) == 0);
        assert(top_table_row(&table)->pid == 13);
        top_table_move(&table, 1);
        assert(top_table_row(&table)->pid == 11);
        top_table_move(&table, 100);
        assert(top_table_row(&table)->pid == 10);
        top_table_move(&table, -1);
        assert(top_table_row(&table)->pid == 12);

        /* The cursor stays on its line, or follows its task. */
        settings.inverted = true;
        assert(top_table_refresh(&table, &view) == 0);
        assert(top_table_row(&table)->pid == 11);
        top_table_follow(&table, true);
        settings.inverted = false;
        assert(top_table_refresh(&table, &view) == 0);
        assert(table.follow && top_table_row(&table)->pid == 11);
        strcpy(table.filter, "low");
        assert(top_table_refresh(&table, &view) == 0);
        assert(!table.follow && top_table_row(&table)->pid == 10);
        table.filter[0] = 0;
        assert(top_table_refresh(&table, &view) == 0);

        strcpy(table.search, "IDL");
        assert(top_table_search(&table, false) && top_table_row(&table)->pid == 12);
        strcpy(table.search, "h");
        assert(top_table_search(&table, true) && top_table_row(&table)->pid == 11);
        assert(top_table_search(&table, true) && top_table_row(&table)->pid == 11);
        strcpy(table.search, "nothing");
        assert(!top_table_search(&table, true) && top_table_row(&table)->pid == 11);

        top_table_deinit(&table);
        live_deinit(&live);
}

static void test_tree(void) {
        TopTable table = TOP_TABLE_NULL;
        TopSettings settings;
        TopView view;
        Live live;

        make_live(&live);
        for (size_t i = 0; i < live.n_rows; ++i) {
                uint32_t pid = live.rows[i]->pid == 10 ? 0 : live.rows[i]->pid == 13 ? 11 : 10;
                const LiveRow *parent = live_find(&live, pid);

                live.rows[i]->parent = (struct tb_process_id){
                        .known = true,
                        .pid = pid,
                        .start_boot_ns = parent ? parent->start_boot_ns : 0,
                };
        }
        top_settings_init(&settings);
        settings.tree = true;
        view = view_of(&live, &settings);
        assert(top_table_refresh(&table, &view) == 0);
        check_order(&table, "low high ended idle ");
        assert(table.entries[2].node->level == 2 && table.entries[3].node->level == 1);

        table.entries[1].row->marks |= TOP_ROW_FOLDED;
        assert(top_table_refresh(&table, &view) == 0);
        check_order(&table, "low high idle ");
        assert(table.entries[1].folded && !table.entries[2].folded);

        /* A filter that matches nothing leaves an empty tree. */
        strcpy(table.filter, "nothing");
        assert(top_table_refresh(&table, &view) == 0 && table.n_entries == 0);

        /* If the filter leaves out a parent, the child is drawn at the root. */
        strcpy(table.filter, "ended");
        assert(top_table_refresh(&table, &view) == 0);
        check_order(&table, "ended ");
        assert(table.entries[0].node->level == 0);

        top_table_deinit(&table);
        live_deinit(&live);
}

int main(void) {
        test_order();
        test_cursor();
        test_tree();
        return 0;
}
