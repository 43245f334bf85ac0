/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The help: the keys, as the table of keys has them; the columns, as their table
 * has them; and what the words in the place of values mean.
 */

#include <stdio.h>
#include <string.h>

#include "clients/cli/model/live_columns.h"
#include "clients/cli/top/top_keys.h"
#include "clients/cli/top/top_page_help.h"
#include "clients/cli/top/top_view.h"

typedef struct Help Help;

struct Help {
        const TopView *view;
        size_t line;                    /* of the text */
        size_t first;                   /* that is shown */
};

static void help_put(Help *help, enum screen_style style, const char *name, const char *text) {
        size_t rows = help->view->screen->rows, width = help->view->screen->columns;

        if (help->line >= help->first && help->line - help->first + 1 < rows) {
                size_t row = help->line - help->first;

                screen_put(help->view->screen, row, 0, width, style, name);
                if (text)
                        screen_put(help->view->screen, row, 16, width - 16, SCREEN_PLAIN, text);
        }
        help->line++;
}

static void help_put_words(Help *help) {
        static const char *const words[][2] = {
                { "hidden", "not for you to know: another user's, or of a program with more rights" },
                { "off", "not counted: delay accounting was off when the task was born" },
                { "", "(sysctl kernel.task_delayacct=1 turns it on, for what is born from then on)" },
                { "n/a", "this kernel does not keep it" },
                { "..", "not sampled yet, or only once" },
                { "lost", "it ended, and its statistics were lost" },
                { "!", "in a graph: events were lost at this time" },
                { "own, part, *", "beside a graph's value: of your own tasks; of those that are counted" },
        };

        help_put(help, SCREEN_STRONG, "In the place of a value", NULL);
        for (size_t i = 0; i < sizeof(words) / sizeof(*words); ++i)
                help_put(help, SCREEN_NAME, words[i][0], words[i][1]);
}

/**
 * top_page_help_draw() - draw all of the screen but its last line
 * @view:       the screen
 * @first:      the line at the top
 *
 * Return: How many lines there are.
 */
size_t top_page_help_draw(const TopView *view, size_t first) {
        Help help = { .view = view, .first = first };

        help_put(&help, SCREEN_STRONG, "taskbroker top " TASKBROKER_VERSION ": every key only looks; nothing is changed.", NULL);
        help_put(&help, SCREEN_PLAIN, "", NULL);
        for (const TopKey *key = top_key_next(NULL); key; key = top_key_next(key))
                if (key->names)
                        help_put(&help, SCREEN_NAME, key->names, key->help);
        help_put(&help, SCREEN_PLAIN, "", NULL);
        help_put_words(&help);
        help_put(&help, SCREEN_PLAIN, "", NULL);
        help_put(&help, SCREEN_STRONG, "Columns", NULL);
        for (const LiveColumn *column = live_column_next(NULL); column; column = live_column_next(column))
                help_put(&help, SCREEN_NAME, column->header, column->help);
        help_put(&help, SCREEN_PLAIN, "", NULL);
        help_put(&help, SCREEN_PLAIN, "PEAK is the peak of the resident memory: taskstats has no current one.", NULL);

        return help.line;
}
