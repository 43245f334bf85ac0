/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The actions of keys on the table and on the settings: one function per row of the table
 * of keys, in top_keys.c. A key that opens a page, a menu or a prompt has its function
 * there.
 *
 * Called while the table is up to date with the model. Draws nothing.
 */

#include <stdio.h>
#include <string.h>

#include "clients/cli/base/file.h"
#include "clients/cli/top/top_actions.h"
#include "clients/cli/top/top_pause.h"

/* Left and right move the command by so many characters. */
#define ACTIONS_SHIFT 8u

static void actions_switch(Top *top, bool *flag, const char *on, const char *off) {
        *flag = !*flag;
        top_state_say(top, SCREEN_GOOD, "%s", *flag ? on : off);
        top_state_change(top);
}

void top_actions_tree(Top *top, uint32_t code) {
        (void)code;
        actions_switch(top, &top->settings.tree, "a tree: each under the process that made it", "a list");
}

void top_actions_kernel_threads(Top *top, uint32_t code) {
        (void)code;
        actions_switch(top,
                       &top->settings.kernel_threads,
                       "with the kernel's threads",
                       "without the kernel's threads");
}

void top_actions_command_lines(Top *top, uint32_t code) {
        (void)code;
        actions_switch(top, &top->settings.command_lines, "command lines", "names");
}

/* Samples have either processes or threads: the broker is asked for other samples, and a pause ends. */
void top_actions_threads(Top *top, uint32_t code) {
        (void)code;
        top->settings.threads = !top->settings.threads;
        top->paused = top_pause_end(top->paused, &top->live);
        top->reopen = true;
        top_state_say(top,
                      SCREEN_GOOD,
                      top->settings.threads ? "each thread by itself" : "processes, with all their threads");
}

void top_actions_graphs(Top *top, uint32_t code) {
        (void)code;
        top->settings.graphs = !top->settings.graphs;
}

void top_actions_sort(Top *top, const LiveColumn *column) {
        top->settings.sort = column;
        top->settings.inverted = false;
        top->settings.tree = false;
        top_state_say(top, SCREEN_GOOD, "sorted by %s: %s", column->header, column->help);
        top_state_change(top);
}

static void actions_sort_by(Top *top, const char *name) {
        const LiveColumn *column = live_column_find(name, strlen(name));

        if (column)
                top_actions_sort(top, column);
}

void top_actions_sort_cpu(Top *top, uint32_t code) {
        (void)code;
        actions_sort_by(top, "cpu");
}

void top_actions_sort_memory(Top *top, uint32_t code) {
        (void)code;
        actions_sort_by(top, "peak");
}

void top_actions_sort_time(Top *top, uint32_t code) {
        (void)code;
        actions_sort_by(top, "time");
}

void top_actions_sort_pid(Top *top, uint32_t code) {
        (void)code;
        actions_sort_by(top, "pid");
}

void top_actions_sort_read(Top *top, uint32_t code) {
        (void)code;
        actions_sort_by(top, "read");
}

void top_actions_sort_written(Top *top, uint32_t code) {
        (void)code;
        actions_sort_by(top, "write");
}

void top_actions_invert(Top *top, uint32_t code) {
        (void)code;
        top->settings.inverted = !top->settings.inverted;
        top_state_change(top);
}

/* Moves on to the next row, so that several rows are tagged by several strokes. */
void top_actions_tag(Top *top, uint32_t code) {
        LiveRow *row = top_table_row(&top->table);

        (void)code;
        if (!row)
                return;
        row->marks ^= TOP_ROW_TAGGED;
        top_table_move(&top->table, 1);
}

void top_actions_untag(Top *top, uint32_t code) {
        const Live *live = top->paused ? top->paused : &top->live;

        (void)code;
        for (size_t i = 0; i < live->n_rows; ++i)
                live->rows[i]->marks &= ~(uint32_t)TOP_ROW_TAGGED;
}

/* The row under the cursor, if it can be folded; else NULL, with a message if there is no tree. */
static LiveRow *actions_branch(Top *top) {
        LiveRow *row = top_table_row(&top->table);

        if (!row)
                return NULL;
        if (!top->settings.tree) {
                top_state_say(top, SCREEN_WARNING, "Only a tree can be folded: F5 makes one.");
                return NULL;
        }

        top_state_change(top);
        return row;
}

void top_actions_fold(Top *top, uint32_t code) {
        LiveRow *row = actions_branch(top);

        (void)code;
        if (row)
                row->marks |= TOP_ROW_FOLDED;
}

void top_actions_unfold(Top *top, uint32_t code) {
        LiveRow *row = actions_branch(top);

        (void)code;
        if (row)
                row->marks &= ~(uint32_t)TOP_ROW_FOLDED;
}

void top_actions_fold_switch(Top *top, uint32_t code) {
        LiveRow *row = actions_branch(top);

        (void)code;
        if (row)
                row->marks ^= TOP_ROW_FOLDED;
}

void top_actions_follow(Top *top, uint32_t code) {
        (void)code;
        top_table_follow(&top->table, !top->table.follow);
}

void top_actions_left(Top *top, uint32_t code) {
        (void)code;
        top->table.shift -= top->table.shift < ACTIONS_SHIFT ? top->table.shift : ACTIONS_SHIFT;
}

void top_actions_right(Top *top, uint32_t code) {
        (void)code;
        top->table.shift += ACTIONS_SHIFT;
}

void top_actions_search_next(Top *top, uint32_t code) {
        (void)code;
        (void)top_table_search(&top->table, true);
}

void top_actions_filter(Top *top, const char *text) {
        snprintf(top->table.filter, sizeof(top->table.filter), "%s", text);
        top_state_change(top);
}

/* One step back: first the filter goes, then the choice of a user, then the following cursor. Only q ends top. */
void top_actions_back(Top *top, uint32_t code) {
        (void)code;
        if (top->table.filter[0])
                top->table.filter[0] = 0;
        else if (top->table.user_only)
                top->table.user_only = false;
        else
                top->table.follow = false;
        top_state_change(top);
}

void top_actions_pause(Top *top, uint32_t code) {
        (void)code;
        if (top->paused) {
                top->paused = top_pause_end(top->paused, &top->live);
        } else {
                top->paused = top_pause_begin(&top->live);
                if (!top->paused)
                        top_state_say(top, SCREEN_BAD, "There is too little memory to pause.");
        }
        top_state_change(top);
}

static const uint32_t actions_spans_s[] = { 30, 60, 180, 300, 600, 900 };

#define N_SPANS (sizeof(actions_spans_s) / sizeof(*actions_spans_s))

/* The first span that is not shorter than the present one. */
static size_t actions_span(const Top *top) {
        size_t i = 0;

        while (i + 1 < N_SPANS && actions_spans_s[i] < top->settings.span_s)
                ++i;

        return i;
}

void top_actions_span_longer(Top *top, uint32_t code) {
        size_t i = actions_span(top);

        (void)code;
        if (i + 1 < N_SPANS && actions_spans_s[i] <= top->settings.span_s)
                ++i;
        top->settings.span_s = actions_spans_s[i];
}

void top_actions_span_shorter(Top *top, uint32_t code) {
        size_t i = actions_span(top);

        (void)code;
        top->settings.span_s = actions_spans_s[i > 0 ? i - 1 : 0];
}

void top_actions_write_settings(Top *top, uint32_t code) {
        int r;

        (void)code;
        if (!top->settings_path[0]) {
                top_state_say(top,
                              SCREEN_BAD,
                              "There is no place for the settings: neither XDG_CONFIG_HOME nor HOME is set.");
                return;
        }
        r = top_settings_write(&top->settings, top->settings_path);
        if (r < 0) {
                top_state_say(top,
                              SCREEN_BAD,
                              "The settings cannot be written to %s: %s.",
                              top->settings_path,
                              file_error(r));
                return;
        }
        top->settings_written = top->settings;
        top_state_say(top, SCREEN_GOOD, "The settings are in %s.", top->settings_path);
}

/* Moves the cursor of the page, or scrolls it. */
void top_actions_move(Top *top, uint32_t code) {
        size_t height = top->page->height ? top->page->height(top) : top->screen.rows / 2;
        ptrdiff_t by;

        if (top_list_step(code, height, &by))
                top->page->move(top, by);
}

/* Keys that change tasks in htop. */
void top_actions_read_only(Top *top, uint32_t code) {
        (void)code;
        top_state_say(top, SCREEN_WARNING, "taskbroker top only looks: it sends no signals and sets no nice values.");
}

void top_actions_redraw(Top *top, uint32_t code) {
        (void)code;
        screen_redraw(&top->screen);
}

void top_actions_quit(Top *top, uint32_t code) {
        (void)code;
        top->quit = true;
}
