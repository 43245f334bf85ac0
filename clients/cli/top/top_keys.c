/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The keys: one table says on which page a key has which function, what the help
 * says of it, and the word in the last line. Keys that htop has do the same here.
 *
 * To add a key: a row here, and its function.
 */

#include <stdio.h>
#include <string.h>

#include "clients/cli/top/top_actions.h"
#include "clients/cli/top/top_keys.h"
#include "clients/cli/top/top_menus.h"
#include "clients/cli/top/top_page_command.h"
#include "clients/cli/top/top_page_detail.h"
#include "clients/cli/top/top_page_exited.h"
#include "clients/cli/top/top_page_help.h"
#include "clients/cli/top/top_page_table.h"
#include "clients/cli/top/top_prompts.h"

#define F(n) SCREEN_KEY_F(n)
#define CTRL(letter) SCREEN_KEY_CTRL(letter)
#define ESCAPE SCREEN_KEY_ESCAPE
#define ENTER SCREEN_KEY_ENTER
#define LEFT SCREEN_KEY_LEFT
#define RIGHT SCREEN_KEY_RIGHT

/* The keys of top_list_step(). */
#define MOVES_1 SCREEN_KEY_UP, CTRL('p'), SCREEN_KEY_DOWN, CTRL('n'), SCREEN_KEY_PAGE_UP, SCREEN_KEY_PAGE_DOWN
#define MOVES_2 SCREEN_KEY_HOME, CTRL('a'), SCREEN_KEY_END, CTRL('e')

#define ALL NULL
#define TABLE &top_page_table
#define DETAIL &top_page_detail
#define COMMAND &top_page_command
#define EXITED &top_page_exited

/* In the order of the help and of the last line. */
static const TopKey top_keys[] = {
        { ALL, { F(1), 'h', '?' }, top_page_help_show, "F1 h ?", "this help", "Help" },
        { TABLE, { F(2), 'C' }, top_menus_columns, "F2 C", "choose the columns", "Columns" },
        { TABLE, { F(3), '/' }, top_prompts_search, "F3 /", "search; F3 again, or n: the next one", "Search" },
        { TABLE, { F(4), '\\' }, top_prompts_filter, "F4 \\", "show only tasks with this text", "Filter" },
        { TABLE, { F(5), 't' }, top_actions_tree, "F5 t", "each process under its parent", "Tree" },
        { TABLE, { F(6), '<', '>' }, top_menus_sort, "F6 < >", "choose the column to sort by", "Sort" },
        { TABLE,
          { ENTER },
          top_page_detail_show,
          "Enter",
          "one process: its graphs, and all its statistics",
          "Detail" },
        { TABLE, { 'S' }, top_page_exited_show, "S", "tasks that have ended, ranked by command", "Ended" },
        { TABLE, { F(10), 'q' }, top_actions_quit, "F10 q", "quit", "Quit" },

        { ALL,
          { MOVES_1, MOVES_2 },
          top_actions_move,
          "arrows",
          "move, as PgUp, PgDn, Home, End; left and right: along the command",
          NULL },
        { TABLE, { LEFT, CTRL('b') }, top_actions_left, NULL, NULL, NULL },
        { TABLE, { RIGHT, CTRL('f') }, top_actions_right, NULL, NULL, NULL },
        { TABLE, { 'n' }, top_actions_search_next, NULL, NULL, NULL },

        { TABLE, { 'P' }, top_actions_sort_cpu, "P M T N", "sort by CPU, peak memory, time, number", NULL },
        { TABLE, { 'M' }, top_actions_sort_memory, NULL, NULL, NULL },
        { TABLE, { 'T' }, top_actions_sort_time, NULL, NULL, NULL },
        { TABLE, { 'N' }, top_actions_sort_pid, NULL, NULL, NULL },
        { TABLE, { 'R' }, top_actions_sort_read, "R O", "sort by bytes read, by bytes written", NULL },
        { TABLE, { 'O' }, top_actions_sort_written, NULL, NULL, NULL },
        { TABLE, { 'I' }, top_actions_invert, "I", "the other way round", NULL },
        { TABLE, { 'u' }, top_menus_user, "u", "only the tasks of one user", NULL },
        { TABLE, { 'H' }, top_actions_threads, "H", "threads, or processes", NULL },
        { TABLE, { 'K' }, top_actions_kernel_threads, "K", "with or without the kernel's own threads", NULL },
        { TABLE, { 'c' }, top_actions_command_lines, "c", "command lines, or names", NULL },
        { TABLE, { 'w' }, top_page_command_show, "w", "the whole command line, on as many rows as it takes", NULL },
        { TABLE, { ' ' }, top_actions_tag, "Space", "tag; the sums over tagged tasks are shown", NULL },
        { TABLE, { 'U' }, top_actions_untag, "U", "untag all", NULL },
        { TABLE, { 'F' }, top_actions_follow, "F", "the cursor follows its process", NULL },
        { TABLE, { '+' }, top_actions_unfold, "+ - *", "of a tree: unfold, fold, either", NULL },
        { TABLE, { '-' }, top_actions_fold, NULL, NULL, NULL },
        { TABLE, { '*' }, top_actions_fold_switch, NULL, NULL, NULL },
        { ALL, { 'Z' }, top_actions_pause, "Z", "pause, and go on", NULL },
        { ALL, { 'd' }, top_prompts_interval, "d", "seconds from one sample to the next", NULL },
        { ALL, { 'g' }, top_actions_graphs, "g", "graphs, or more rows", NULL },
        { ALL, { '(' }, top_actions_span_shorter, "( )", "graphs of a shorter, of a longer time", NULL },
        { ALL, { ')' }, top_actions_span_longer, NULL, NULL, NULL },
        { EXITED, { '0' }, top_page_exited_reset, "0", "forget the tasks that have ended", NULL },
        { ALL, { 'W' }, top_actions_write_settings, "W", "write the settings; leaving does so too", NULL },
        { ALL, { CTRL('l') }, top_actions_redraw, "Ctrl-L", "draw everything again", NULL },
        { TABLE, { ESCAPE }, top_actions_back, "Esc", "back; remove the filter", NULL },
        { ALL, { F(7), F(8), F(9), 'k' }, top_actions_read_only, NULL, NULL, NULL },

        { DETAIL, { ESCAPE, F(10), 'q', ENTER }, top_page_detail_close, NULL, NULL, NULL },
        { COMMAND, { ESCAPE, F(10), 'q', ENTER, 'w' }, top_page_table_show, NULL, NULL, NULL },
        { EXITED, { ESCAPE, F(10), 'q', 'S' }, top_page_table_show, NULL, NULL, NULL },
        { EXITED, { RIGHT, CTRL('f'), F(6), '>' }, top_page_exited_sort_next, NULL, NULL, NULL },
        { EXITED, { LEFT, CTRL('b'), '<' }, top_page_exited_sort_previous, NULL, NULL, NULL },
        { EXITED, { 'P' }, top_page_exited_sort_cpu, NULL, NULL, NULL },
        { EXITED, { 'I' }, top_page_exited_invert, NULL, NULL, NULL },
};

#define N_TOP_KEYS (sizeof(top_keys) / sizeof(*top_keys))

const TopKey *top_keys_all(size_t *ret_n) {
        *ret_n = N_TOP_KEYS;
        return top_keys;
}

/* The row of a key on a page; NULL: the key has no function there. */
const TopKey *top_keys_find(const TopPage *page, uint32_t code) {
        if (code == SCREEN_KEY_NONE)
                return NULL;
        for (size_t i = 0; i < N_TOP_KEYS; ++i)
                for (size_t k = 0; k < TOP_KEY_CODES_MAX; ++k)
                        if (top_keys[i].codes[k] == code && (!top_keys[i].page || top_keys[i].page == page))
                                return top_keys + i;

        return NULL;
}

/* The first name of a row, which the last line shows before the word. */
const char *top_keys_name(const TopKey *key, char name[static 8]) {
        snprintf(name, 8, "%.*s", (int)strcspn(key->names, " "), key->names);
        return name;
}

/* Takes a key that was pressed. The page must be up to date with the model. */
void top_keys_press(Top *top, uint32_t code) {
        const TopKey *key = top_keys_find(top->page, code);

        if (code == SCREEN_KEY_RESIZE)
                ; /* It is only drawn again. */
        else if (top->dialog)
                top->dialog->key(top, code);
        else if (key)
                key->run(top, code);
        else if (top->page->key)
                top->page->key(top, code);
        else
                return;

        top->dirty = true;
}
