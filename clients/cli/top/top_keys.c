/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The keys: one table says which key does what, what the help says of it, and what
 * the bar at the bottom calls it. They are htop's wherever htop has one. Pure.
 */

#include <stdio.h>
#include <string.h>

#include "clients/cli/top/top_keys.h"
#include "clients/cli/tui/screen.h"

#define F(n) SCREEN_KEY_F(n)
#define CTRL(letter) SCREEN_KEY_CTRL(letter)

static const TopKey top_keys[] = {
        { TOP_HELP, { F(1), 'h', '?' }, "F1 h ?", "this help", "Help" },
        { TOP_COLUMNS, { F(2), 'C' }, "F2 C", "choose the columns", "Columns" },
        { TOP_SEARCH, { F(3), '/' }, "F3 /", "search; F3 again, or n: the next one", "Search" },
        { TOP_FILTER, { F(4), '\\' }, "F4 \\", "show only what has this text in it", "Filter" },
        { TOP_TREE, { F(5), 't' }, "F5 t", "who was made by whom", "Tree" },
        { TOP_SORT, { F(6), '<', '>' }, "F6 < >", "choose the column to sort by", "Sort" },
        { TOP_DETAIL, { SCREEN_KEY_ENTER }, "Enter", "one process: its graphs, and all its statistics", "Detail" },
        { TOP_SHORT_LIVED, { 'S' }, "S", "what has ended, ranked by command", "Ended" },
        { TOP_QUIT, { F(10), 'q' }, "F10 q", "quit", "Quit" },

        { TOP_SEARCH_NEXT, { 'n' }, NULL, NULL, NULL },
        { TOP_UP, { SCREEN_KEY_UP, CTRL('p') }, NULL, NULL, NULL },
        { TOP_DOWN, { SCREEN_KEY_DOWN, CTRL('n') }, NULL, NULL, NULL },
        { TOP_LEFT, { SCREEN_KEY_LEFT, CTRL('b') }, NULL, NULL, NULL },
        { TOP_RIGHT, { SCREEN_KEY_RIGHT, CTRL('f') }, NULL, NULL, NULL },
        { TOP_PAGE_UP, { SCREEN_KEY_PAGE_UP }, NULL, NULL, NULL },
        { TOP_PAGE_DOWN, { SCREEN_KEY_PAGE_DOWN }, NULL, NULL, NULL },
        { TOP_HOME, { SCREEN_KEY_HOME, CTRL('a') }, NULL, NULL, NULL },
        { TOP_END, { SCREEN_KEY_END, CTRL('e') }, "arrows", "move, as PgUp, PgDn, Home, End; left and right: along the command", NULL },

        { TOP_SORT_CPU, { 'P' }, "P M T N", "sort by CPU, peak memory, time, number", NULL },
        { TOP_SORT_MEMORY, { 'M' }, NULL, NULL, NULL },
        { TOP_SORT_TIME, { 'T' }, NULL, NULL, NULL },
        { TOP_SORT_PID, { 'N' }, NULL, NULL, NULL },
        { TOP_SORT_READ, { 'R' }, "R O", "sort by what is read, by what is written", NULL },
        { TOP_SORT_WRITE, { 'O' }, NULL, NULL, NULL },
        { TOP_INVERT, { 'I' }, "I", "the other way round", NULL },
        { TOP_USER, { 'u' }, "u", "only one user's", NULL },
        { TOP_THREADS, { 'H' }, "H", "threads, or processes", NULL },
        { TOP_KERNEL_THREADS, { 'K' }, "K", "with or without the kernel's own threads", NULL },
        { TOP_COMMAND_LINES, { 'c' }, "c", "command lines, or names", NULL },
        { TOP_TAG, { ' ' }, "Space", "tag; the sums of what is tagged are shown", NULL },
        { TOP_UNTAG, { 'U' }, "U", "untag all", NULL },
        { TOP_FOLLOW, { 'F' }, "F", "the cursor follows its process", NULL },
        { TOP_UNFOLD, { '+' }, "+ - *", "of a tree: unfold, fold, either", NULL },
        { TOP_FOLD, { '-' }, NULL, NULL, NULL },
        { TOP_FOLD_SWITCH, { '*' }, NULL, NULL, NULL },
        { TOP_PAUSE, { 'Z' }, "Z", "pause, and go on", NULL },
        { TOP_INTERVAL, { 'd' }, "d", "seconds from one sample to the next", NULL },
        { TOP_GRAPHS, { 'g' }, "g", "graphs, or more rows", NULL },
        { TOP_SPAN_LESS, { '(' }, "( )", "graphs of a shorter, of a longer time", NULL },
        { TOP_SPAN_MORE, { ')' }, NULL, NULL, NULL },
        { TOP_RESET, { '0' }, "0", "of what has ended: begin anew", NULL },
        { TOP_WRITE_SETTINGS, { 'W' }, "W", "write the settings; leaving does so too", NULL },
        { TOP_REDRAW, { CTRL('l') }, "Ctrl-L", "draw everything again", NULL },
        { TOP_BACK, { SCREEN_KEY_ESCAPE }, "Esc", "back; remove the filter", NULL },
        { TOP_READ_ONLY, { F(7), F(8), F(9), 'k' }, NULL, NULL, NULL },
};

#define N_TOP_KEYS (sizeof(top_keys) / sizeof(*top_keys))

/* What a key does in the table of processes; TOP_NOTHING: nothing. */
enum top_action top_key_action(uint32_t key) {
        if (key == SCREEN_KEY_NONE)
                return TOP_NOTHING;
        for (size_t i = 0; i < N_TOP_KEYS; ++i)
                for (size_t k = 0; k < TOP_KEYS_PER_ACTION; ++k)
                        if (top_keys[i].keys[k] == key)
                                return top_keys[i].action;

        return TOP_NOTHING;
}

/* All of them, one by one: the first after NULL, NULL after the last. */
const TopKey *top_key_next(const TopKey *key) {
        if (!key)
                return top_keys;

        return ++key < top_keys + N_TOP_KEYS ? key : NULL;
}

/* The first of a line's names: what the bar shows before the word. */
const char *top_key_name(const TopKey *key, char name[static 8]) {
        snprintf(name, 8, "%.*s", (int)strcspn(key->names, " "), key->names);
        return name;
}
