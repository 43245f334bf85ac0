/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/*
 * The screen of taskbroker top without a terminal: keys, columns, settings, the
 * order of the table, the tree, the cursor, pauses and the lines of statistics.
 */

#include <errno.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clients/cli/text/stats_lines.h"
#include "clients/cli/top/top_cell.h"
#include "clients/cli/top/top_keys.h"
#include "clients/cli/top/top_menu.h"
#include "clients/cli/top/top_page_exited.h"
#include "clients/cli/top/top_page_table.h"
#include "clients/cli/top/top_pause.h"
#include "clients/cli/top/top_prompt.h"
#include "clients/cli/top/top_settings.h"
#include "clients/cli/top/top_table.h"
#include "clients/cli/top/top_view.h"
#include "tests/unit/live_rig.h"

#define N(array) (sizeof(array) / sizeof(*(array)))

static Users users;

static const LiveColumn *column_of(const char *name) {
        const LiveColumn *column = live_column_find(name, strlen(name));

        assert(column);
        return column;
}

static TopView view_of(const Live *live, const TopSettings *settings) {
        return (TopView){
                .live = live,
                .settings = settings,
                .columns = { .live = live, .users = &users },
                .now_ns = AT(10),
        };
}

/* A key has one function on a page, each that the help names a text, and the names of the last line fit. */
static void test_keys(void) {
        char name[8];
        size_t n;
        const TopKey *keys = top_keys_all(&n);

        for (size_t i = 0; i < n; ++i) {
                assert(keys[i].codes[0] != SCREEN_KEY_NONE && keys[i].run);
                assert(!keys[i].names == !keys[i].help);
                assert(!keys[i].bar || keys[i].names);
                if (keys[i].bar)
                        assert(strlen(top_keys_name(keys + i, name)) > 0);
                for (size_t k = 0; k < TOP_KEY_CODES_MAX; ++k)
                        if (keys[i].codes[k])
                                assert(top_keys_find(keys[i].page, keys[i].codes[k]) == keys + i);
        }
        assert(!top_keys_find(NULL, SCREEN_KEY_NONE) && !top_keys_find(NULL, 0x1f600));
        assert(top_keys_find(NULL, SCREEN_KEY_F(1)) && top_keys_find(NULL, SCREEN_KEY_F(1)) == top_keys_find(NULL, 'h'));
        assert(!top_keys_find(NULL, 'S') && top_keys_find(&top_page_table, 'S')->run == top_page_exited_show);
        assert(top_keys_find(&top_page_exited, 'S')->run == top_page_table_show);
}

static void test_settings(void) {
        TopSettings settings, read;
        char text[4096], again[4096];

        top_settings_init(&settings);
        assert(settings.n_columns > 5 && settings.sort == column_of("cpu"));
        assert(settings.columns[settings.n_columns - 1] == column_of("command"));

        settings.tree = settings.threads = true;
        settings.command_lines = false;
        settings.interval_ms = 2500;
        settings.span_s = 600;
        settings.sort = column_of("read");
        top_settings_toggle(&settings, column_of("ppid"));
        top_settings_toggle(&settings, column_of("swap"));
        assert(top_settings_print(&settings, text, sizeof(text)) == strlen(text));
        top_settings_init(&read);
        top_settings_parse(&read, text);
        assert(top_settings_print(&read, again, sizeof(again)) > 0);
        assert(strcmp(text, again) == 0);
        assert(read.interval_ms == 2500 && read.sort == column_of("read") && read.tree && !read.command_lines);

        /* In its place, and away again. */
        assert(top_settings_has(&settings, column_of("swap")));
        assert(settings.columns[settings.n_columns - 1] == column_of("command"));
        top_settings_toggle(&settings, column_of("swap"));
        assert(!top_settings_has(&settings, column_of("swap")));
}

/* Whatever a file has in it: what is right counts, and the rest is passed over. */
static void test_settings_garbage(void) {
        TopSettings settings, standard;
        char text[2000];

        top_settings_init(&standard);
        top_settings_init(&settings);
        top_settings_parse(&settings,
                           "columns=nothing,,=,\nsort=\ntree=2\ntree\n=1\ninterval_ms=99\ninterval_ms=60001\n"
                           "span_s=99999999999999999999999\ngraphs=-1\n\n\ncolumns\nunknown=1\nsort=cpu ");
        assert(memcmp(&settings, &standard, sizeof(settings)) == 0);

        top_settings_parse(&settings, "columns=command,pid,pid,cpu,command,none\ntree=1\ngarbage\x01\xff");
        assert(settings.n_columns == 3 && settings.tree);
        assert(settings.columns[0] == column_of("pid") && settings.columns[1] == column_of("cpu"));
        assert(settings.columns[2] == column_of("command"));

        srand(3);
        for (int i = 0; i < 20000; ++i) {
                size_t n = (size_t)rand() % (sizeof(text) - 1);
                static const char *const words[] = { "columns=", "sort=", "pid", "command", ",", "\n", "tree=", "1", "=" };

                text[0] = 0;
                for (size_t at = 0; at + 16 < n;)
                        at += (size_t)sprintf(text + at, "%s", rand() % 5 ? words[(size_t)rand() % N(words)] : "\xfe\x02");
                top_settings_parse(&settings, text);
                assert(settings.n_columns >= 1 && settings.n_columns <= TOP_SETTINGS_COLUMNS_MAX && settings.sort);
                for (size_t k = 0; k + 1 < settings.n_columns; ++k)
                        assert(settings.columns[k]->width > 0);
        }
}

static void test_settings_file(void) {
        char directory[] = "/tmp/taskbroker-unit-XXXXXX", path[200], there[200];
        TopSettings settings, read;
        struct rlimit before;
        int r;

        assert(mkdtemp(directory));
        assert(setenv("XDG_CONFIG_HOME", directory, 1) == 0);
        assert(top_settings_path(path, sizeof(path)) == 0);
        snprintf(there, sizeof(there), "%s/taskbroker/top", directory);
        assert(strcmp(path, there) == 0);

        top_settings_init(&settings);
        settings.tree = true;
        top_settings_init(&read);
        assert(top_settings_read(&read, path) == 0 && !read.tree);
        assert(top_settings_write(&settings, path) == 0);
        settings.span_s = 60;
        assert(top_settings_write(&settings, path) == 0);
        assert(top_settings_read(&read, path) == 0 && read.tree && read.span_s == 60);

        /* Where there is no room for all of it, what was there stays, and no other file. */
        assert(getrlimit(RLIMIT_FSIZE, &before) == 0);
        assert(setrlimit(RLIMIT_FSIZE, &(struct rlimit){ 10, before.rlim_max }) == 0);
        settings.span_s = 300;
        r = top_settings_write(&settings, path);
        assert(setrlimit(RLIMIT_FSIZE, &before) == 0);
        assert(r == -EIO);
        assert(top_settings_read(&read, path) == 0 && read.span_s == 60);

        /* Neither a directory in its place nor a pipe hangs or harms. */
        assert(unlink(path) == 0 && mkfifo(path, 0600) == 0);
        assert(top_settings_read(&read, path) <= 0);
        assert(unlink(path) == 0 && mkdir(path, 0700) == 0);
        assert(top_settings_read(&read, path) < 0);
        assert(top_settings_write(&settings, path) < 0);
        assert(rmdir(path) == 0);

        snprintf(path, sizeof(path), "%s/taskbroker", directory);
        assert(rmdir(path) == 0 && rmdir(directory) == 0);

        assert(setenv("XDG_CONFIG_HOME", "relative", 1) == 0 && setenv("HOME", "/home/x", 1) == 0);
        assert(top_settings_path(path, sizeof(path)) == 0 && strcmp(path, "/home/x/.config/taskbroker/top") == 0);
        assert(unsetenv("HOME") == 0 && top_settings_path(path, sizeof(path)) == -ENOENT);
}

/* 10 and 11 are busy, 12 is idle and withholds its input and output, 13 has ended. */
static void make_live(Live *live) {
        Made rows[] = {
                { .pid = 10, .start = -9, .comm = "low" },
                { .pid = 11, .start = -8, .comm = "high" },
                { .pid = 12, .start = -7, .comm = "idle", .groups = GROUPS_ALL & ~GROUP_IO, .withheld = GROUP_IO },
                { .pid = 13, .start = -6, .comm = "ended", .groups = GROUPS_ALL & ~GROUP_DELAYS, .uncounted = GROUP_DELAYS },
        };

        live_init(live);
        for (size_t i = 0; i < N(rows); ++i)
                send_row(live, rows + i, 1);
        send_sample(live, 1, true);
        rows[0].cpu_ns = 100000000;
        rows[0].read_bytes = 9000;
        rows[1].cpu_ns = 900000000;
        for (size_t i = 0; i < 3; ++i)
                send_row(live, rows + i, 2);
        send_ended(live, rows + 3, 2);
        send_sample(live, 2, false);
        assert(live->n_rows == 4);
}

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

        /* What is not known comes last in both directions. */
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

        /* It stays on its line, or goes where its task goes. */
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
        for (size_t i = 0; i < live.n_rows; ++i)
                live.rows[i]->ppid = live.rows[i]->pid == 10 ? 0 : live.rows[i]->pid == 13 ? 11 : 10;
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

        /* Nothing has no tree. */
        strcpy(table.filter, "nothing");
        assert(top_table_refresh(&table, &view) == 0 && table.n_entries == 0);

        /* A parent that the filter leaves out leaves its children. */
        strcpy(table.filter, "ended");
        assert(top_table_refresh(&table, &view) == 0);
        check_order(&table, "ended ");
        assert(table.entries[0].node->level == 0);

        top_table_deinit(&table);
        live_deinit(&live);
}

/* Nothing that is not known shows as a number. */
static void test_cells(void) {
        static TopCell cell;
        TopSettings settings;
        TopView view;
        Live live;
        LiveRow *row;

        make_live(&live);
        top_settings_init(&settings);
        view = view_of(&live, &settings);

        row = live_find(&live, 12);
        top_cell_write(column_of("read"), &view, row, &cell);
        assert(strcmp(cell.text, "hidden") == 0 && cell.style == SCREEN_DIM);
        top_cell_write(column_of("writes"), &view, row, &cell);
        assert(strcmp(cell.text, "hidden") == 0);
        top_cell_write(column_of("cpu"), &view, row, &cell);
        assert(strcmp(cell.text, "0.0") == 0);

        row = live_find(&live, 13);
        top_cell_write(column_of("io"), &view, row, &cell);
        assert(strcmp(cell.text, "off") == 0 && cell.style == SCREEN_DIM);
        top_cell_write(column_of("swap"), &view, row, &cell);
        assert(strcmp(cell.text, "off") == 0);

        row = live_find(&live, 11);
        top_cell_write(column_of("cpu"), &view, row, &cell);
        assert(strcmp(cell.text, "90.0") == 0 && cell.style == SCREEN_PLAIN);

        live_deinit(&live);
}

static const StatsLine *stat_of(const StatsLine *stats, size_t n, const char *name) {
        for (size_t i = 0; i < n; ++i)
                if (strcmp(stats[i].heading ? stats[i].heading : stats[i].name, name) == 0)
                        return stats + i;

        assert(!"there is such a line");
        return NULL;
}

static size_t lines_of(const Live *live, const LiveRow *row, StatsLine lines[static STATS_LINES_MAX]) {
        MetricRates rates;

        live_rates(live, row, &rates);
        return stats_lines(row->sampled ? &row->stats : NULL, &rates, row->ended, lines);
}

static void test_stats(void) {
        static StatsLine stats[STATS_LINES_MAX];
        Live live;
        size_t n;

        make_live(&live);
        n = lines_of(&live, live_find(&live, 11), stats);
        assert(n < STATS_LINES_MAX);
        assert(strcmp(stat_of(stats, n, "cpu_run_virtual_total_ns")->value, "900ms") == 0);
        assert(strcmp(stat_of(stats, n, "cpu_run_virtual_total_ns")->rate, "90.0%") == 0);
        assert(strcmp(stat_of(stats, n, "for a processor")->value, "450ms") == 0);
        n = lines_of(&live, live_find(&live, 10), stats);
        assert(strcmp(stat_of(stats, n, "read_bytes")->value, "8.8K") == 0);
        assert(strcmp(stat_of(stats, n, "read_bytes")->note, "9 000 bytes") == 0);

        /* A group that is not there has one line, which says why. */
        n = lines_of(&live, live_find(&live, 12), stats);
        assert(strstr(stat_of(stats, n, "input and output")->note, "hidden"));
        for (size_t i = 0; i < n; ++i)
                assert(stats[i].heading || strcmp(stats[i].name, "read_bytes") != 0);
        n = lines_of(&live, live_find(&live, 13), stats);
        assert(strstr(stat_of(stats, n, "other waiting")->note, "not counted"));
        for (size_t i = 0; i < n; ++i)
                assert(stats[i].heading || strcmp(stats[i].name, "for storage") != 0);

        live_deinit(&live);
}

/* What is paused stays, whatever becomes of the model; marks go back. */
static void test_pause(void) {
        Live live, *paused;
        uint64_t value;

        make_live(&live);
        live_find(&live, 10)->marks = TOP_ROW_TAGGED;
        paused = top_pause_begin(&live);
        assert(paused && paused->n_rows == 4 && paused->n_alive == live.n_alive);
        send_sample(&live, 3, false);
        live_expire(&live, AT(1000));
        assert(live.n_rows == 3);
        for (size_t i = 0; i < 4; ++i) {
                assert(live_total(paused, paused->rows[i], METRIC_CPU, &value) == METRIC_KNOWN);
                paused->rows[i]->marks ^= TOP_ROW_TAGGED;
        }
        paused = top_pause_end(paused, &live);
        assert(!paused && live_find(&live, 10)->marks == 0 && live_find(&live, 11)->marks == TOP_ROW_TAGGED);
        assert(!top_pause_end(NULL, &live));

        live_deinit(&live);
}

static void test_exited(void) {
        static const struct {
                const char *comm;
                uint64_t cpu_ns;
        } ends[] = { { "cc1", 50 }, { "sh", 1 }, { "cc1", 60 }, { "sh", 2 }, { "sh", 3 }, { "make", 70 } };
        TopPageExited ended = TOP_PAGE_EXITED_NULL;
        Live live;

        live_init(&live);
        send_sample(&live, 1, true);
        for (unsigned int i = 0; i < N(ends); ++i) {
                Made made = { .pid = 100 + i, .start = 1.5, .comm = ends[i].comm, .cpu_ns = ends[i].cpu_ns };

                send_ended(&live, &made, 1.8);
        }
        send_sample(&live, 2, false);

        assert(top_page_exited_refresh(&ended, &live.exited) == 0 && ended.n_commands == 3);
        assert(strcmp(ended.commands[0]->comm, "cc1") == 0 && ended.commands[0]->used[METRIC_CPU] == 110);
        ended.inverted = true;
        assert(top_page_exited_refresh(&ended, &live.exited) == 0);
        assert(strcmp(ended.commands[0]->comm, "sh") == 0);
        ended.inverted = false;
        for (int i = 0; i < 3; ++i)
                top_page_exited_sort(&ended, -1);
        assert(top_page_exited_refresh(&ended, &live.exited) == 0);
        assert(strcmp(ended.commands[0]->comm, "sh") == 0 && ended.commands[0]->n_ended == 3);
        top_list_move(&ended.list, ended.n_commands, 100);
        assert(ended.list.cursor == 2);

        top_page_exited_deinit(&ended);
        live_deinit(&live);
}

static void test_prompt(void) {
        TopPrompt prompt = { .text = "" };

        assert(top_prompt_key(&prompt, 'a') == TOP_PROMPT_TYPED);
        assert(top_prompt_key(&prompt, 0xe9) == TOP_PROMPT_TYPED && strcmp(prompt.text, "a\xc3\xa9") == 0);
        assert(top_prompt_key(&prompt, 0x1f600) == TOP_PROMPT_TYPED);
        assert(top_prompt_key(&prompt, SCREEN_KEY_BACKSPACE) == TOP_PROMPT_TYPED && strcmp(prompt.text, "a\xc3\xa9") == 0);
        assert(top_prompt_key(&prompt, SCREEN_KEY_BACKSPACE) == TOP_PROMPT_TYPED && strcmp(prompt.text, "a") == 0);
        assert(top_prompt_key(&prompt, SCREEN_KEY_F(3)) == TOP_PROMPT_OTHER);
        assert(top_prompt_key(&prompt, SCREEN_KEY_ENTER) == TOP_PROMPT_DONE);
        assert(top_prompt_key(&prompt, SCREEN_KEY_ESCAPE) == TOP_PROMPT_CANCELLED);
        for (int i = 0; i < 1000; ++i)
                assert(top_prompt_key(&prompt, 0x20ac) == TOP_PROMPT_TYPED && strlen(prompt.text) < TOP_PROMPT_MAX);
        for (int i = 0; i < 1000; ++i)
                assert(top_prompt_key(&prompt, SCREEN_KEY_BACKSPACE) == TOP_PROMPT_TYPED);
        assert(!prompt.text[0]);
}

static void test_menu(void) {
        static TopMenu menu;

        assert(top_menu_key(&menu, SCREEN_KEY_DOWN, 5) && menu.list.cursor == 0);
        for (unsigned int i = 0; i < TOP_MENU_MAX; ++i)
                assert(top_menu_add(&menu, "item", i));
        assert(!top_menu_add(&menu, "one too many", 0));
        assert(top_menu_key(&menu, SCREEN_KEY_PAGE_DOWN, 5) && menu.list.cursor == 5);
        assert(top_menu_key(&menu, SCREEN_KEY_END, 5) && menu.list.cursor == TOP_MENU_MAX - 1);
        assert(top_menu_key(&menu, SCREEN_KEY_DOWN, 5) && menu.list.cursor == TOP_MENU_MAX - 1);
        assert(top_menu_key(&menu, SCREEN_KEY_HOME, 5) && menu.list.cursor == 0);
        assert(top_menu_key(&menu, SCREEN_KEY_UP, 5) && menu.list.cursor == 0);
        assert(!top_menu_key(&menu, SCREEN_KEY_ENTER, 5));
}

int main(void) {
        test_keys();
        test_settings();
        test_settings_garbage();
        test_settings_file();
        test_order();
        test_cursor();
        test_tree();
        test_cells();
        test_stats();
        test_pause();
        test_exited();
        test_prompt();
        test_menu();

        return 0;
}
