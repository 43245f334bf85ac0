/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The page with the help: the keys from the table of keys, the columns from the table
 * of columns, and the meaning of the words that stand in place of values.
 */

#include <stdio.h>
#include <string.h>

#include "clients/cli/base/text_width.h"
#include "clients/cli/model/live_columns.h"
#include "clients/cli/top/top_page_help.h"

/* The column of the texts, behind the names. */
#define HELP_TEXT 16u

typedef struct Help Help;
typedef struct TopPageHelp TopPageHelp;

struct TopPageHelp {
        const TopPage *before;          /* the page that was left for the help */
        size_t first;                   /* the line at the top of the screen */
        size_t n_lines;
};

/* The help while it is drawn. */
struct Help {
        const TopView *view;
        size_t line;                    /* so many lines are done */
        size_t first;                   /* the line at the top of the screen */
};

static void help_put_row(Help *help, enum screen_style style, size_t at, const char *text) {
        size_t rows = help->view->screen->rows, width = help->view->screen->columns;

        if (help->line >= help->first && help->line - help->first + 1 < rows) {
                size_t row = help->line - help->first;

                screen_put(help->view->screen, row, at, width - at, style, text);
        }
        ++help->line;
}

/* Takes a row that ends with a word. The help is ASCII. */
static bool help_take_row(char *row, size_t n_row, const char **rest, size_t width, enum text_form form) {
        char *space;

        if (text_row(row, n_row, rest, width, form) == 0)
                return false;

        space = **rest && **rest != ' ' ? strrchr(row, ' ') : NULL;
        if (space && space > row) {
                *rest -= strlen(space + 1);
                *space = 0;
        }
        *rest += strspn(*rest, " ");
        return true;
}

/* Writes a text on as many lines as it takes, the first beside the name. */
static void help_put(Help *help, enum screen_style style, const char *name, const char *text) {
        enum text_form form = screen_form(help->view->screen);
        char row[TEXT_FIT_MAX(SCREEN_COLUMNS_MAX)];
        size_t width = help->view->screen->columns, begin = help->line;
        const char *rest = text ? text : name;

        if (!text) {
                while (help_take_row(row, sizeof(row), &rest, width, form))
                        help_put_row(help, style, 0, row);
        } else {
                while (help_take_row(row, sizeof(row), &rest, width - HELP_TEXT, form))
                        help_put_row(help, SCREEN_PLAIN, HELP_TEXT, row);
        }
        if (help->line == begin)
                ++help->line;
        if (text && begin >= help->first && begin - help->first + 1 < help->view->screen->rows)
                screen_put(help->view->screen, begin - help->first, 0, HELP_TEXT - 1, style, name);
}

static void help_put_words(Help *help) {
        static const char *const words[][2] = {
                { "hidden", "you may not see it: another user's task, or one with more rights" },
                { "off", "not counted: delay accounting was off, or not known, when the task was forked" },
                { "", "(sysctl kernel.task_delayacct=1 turns it on, for tasks forked from then on)" },
                { "n/a", "this kernel does not keep it" },
                { "..", "not sampled yet, or only once" },
                { "lost", "it ended, and its statistics were lost" },
                { "+", "behind a total: at least so much; threads of it ended unseen, or without statistics" },
                { "!", "in a graph: events were lost at this time" },
                { "own, part, *", "beside the value of a graph: only your own tasks; only counted tasks" },
        };

        help_put(help, SCREEN_STRONG, "In the place of a value", NULL);
        for (size_t i = 0; i < sizeof(words) / sizeof(*words); ++i)
                help_put(help, SCREEN_NAME, words[i][0], words[i][1]);
}

static void help_put_keys(Help *help, const Top *top) {
        for (size_t i = 0; i < top->n_keys; ++i)
                if (top->keys[i].names)
                        help_put(help, SCREEN_NAME, top->keys[i].names, top->keys[i].help);
}

static size_t page_help_draw(Top *top, TopView *view) {
        TopPageHelp *page = top_state_page(top, &top_page_help);
        Help help = { .view = view, .first = page->first };

        help_put(&help,
                 SCREEN_STRONG,
                 "taskbroker top " TASKBROKER_VERSION ": every key only looks; nothing is changed.",
                 NULL);
        help_put(&help, SCREEN_PLAIN, "", NULL);
        help_put_keys(&help, top);
        help_put(&help, SCREEN_PLAIN, "", NULL);
        help_put_words(&help);
        help_put(&help, SCREEN_PLAIN, "", NULL);
        help_put(&help, SCREEN_STRONG, "Columns", NULL);
        for (const LiveColumn *column = live_column_next(NULL); column; column = live_column_next(column))
                help_put(&help, SCREEN_NAME, column->header, column->help);
        help_put(&help, SCREEN_PLAIN, "", NULL);
        help_put(&help, SCREEN_PLAIN, "PEAK is the peak of the resident memory: taskstats has no current one.", NULL);
        page->n_lines = help.line;

        return 0;
}

static void page_help_move(Top *top, ptrdiff_t by) {
        TopPageHelp *help = top_state_page(top, &top_page_help);
        size_t n_lines = help->n_lines + 1, rows = top->screen.rows;

        help->first = top_list_clamp(help->first, by, n_lines > rows ? n_lines - rows : 0);
}

/* Any other key goes back to the page before. */
static void page_help_key(Top *top, uint32_t code) {
        const TopPageHelp *help = top_state_page(top, &top_page_help);

        (void)code;
        top_state_show(top, help->before);
}

const TopPage top_page_help = {
        .n_state = sizeof(TopPageHelp),
        .draw = page_help_draw,
        .move = page_help_move,
        .key = page_help_key,
        .bar = "any key: back; arrows: more",
};

void top_page_help_show(Top *top, uint32_t code) {
        TopPageHelp *help = top_state_page(top, &top_page_help);

        (void)code;
        if (top->page != &top_page_help)
                help->before = top->page;
        help->first = 0;
        top_state_show(top, &top_page_help);
}
