/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The command line of taskbroker top.
 */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "clients/cli/base/error.h"
#include "clients/cli/base/exit_status.h"
#include "clients/cli/base/option_set.h"
#include "clients/cli/model/interval.h"
#include "clients/cli/top/top_options.h"

static void top_options_print_columns(void) {
        for (const LiveColumn *column = live_column_next(NULL); column; column = live_column_next(column))
                printf("  %-10s %s\n", column->name, column->help);
}

static int top_options_add_column(void *closure, const char *name, size_t n_name, bool reverse) {
        TopOptions *options = closure;
        const LiveColumn *column = live_column_find(name, n_name);

        (void)reverse;
        if (!column)
                return -ENOENT;
        if (options->n_columns == TOP_COLUMNS_MAX)
                return -ENOSPC;

        options->columns[options->n_columns++] = column;
        return 0;
}

static int top_options_read_columns(const Option *option, const char *verb, const char *value, void *options) {
        static const OptionColumns columns = {
                .option = "-o",
                .n_max = TOP_COLUMNS_MAX,
                .too_many = "there can be",
                .add = top_options_add_column,
        };

        (void)option;
        return option_set_read_columns(&columns, verb, value, options);
}

static int top_options_read_sort(const Option *option, const char *verb, const char *value, void *closure) {
        TopOptions *options = closure;

        (void)option;
        options->reverse = *value == '-';
        value += options->reverse;
        options->sort = live_column_find(value, strlen(value));

        return options->sort ? EXIT_STATUS_OK : error_column(verb, "--sort", value, strlen(value));
}

static int top_options_read_tree(const Option *option, const char *verb, const char *value, void *closure) {
        TopOptions *options = closure;

        options->tree = true;
        return value ? filter_options_read_row(option, verb, value, options) : EXIT_STATUS_OK;
}

#define TOP_COUNT .min = 1, .max = UINT64_MAX, .wrong = "it is a number of at least 1."

/* The row "tree" stands before the criterion of the filter, which it replaces. */
static const Option top_options_rows[] = {
        { OPTION_SET_TRUE, 'b', "batch", NULL, "print samples instead of drawing a screen",
          .offset = offsetof(TopOptions, batch) },
        { OPTION_NUMBER, 'n', NULL, "COUNT", "end after COUNT samples (needs -b)",
          .offset = offsetof(TopOptions, iterations), TOP_COUNT },
        { OPTION_READ, 'd', NULL, "SECONDS", "a sample so often, from 0.1 to 60 (default: 1)",
          .offset = offsetof(TopOptions, interval_ms), .read = interval_read },
        { OPTION_SET_TRUE, 0, "json", NULL, "one JSON object a line (needs -b)", .offset = offsetof(TopOptions, json) },
        { OPTION_SET_TRUE, 0, "all", NULL, "tasks too that did not run since the sample before (with -b)",
          .offset = offsetof(TopOptions, idle) },
        { OPTION_NUMBER, 0, "rows", "COUNT", "so many tasks a sample at most (with -b)",
          .offset = offsetof(TopOptions, rows), TOP_COUNT },
        { OPTION_SET_TRUE, 'H', "threads", NULL, "threads instead of processes",
          .offset = offsetof(TopOptions, threads) },
        { OPTION_SET_TRUE, 'c', "args", NULL, "command lines instead of names",
          .offset = offsetof(TopOptions, arguments) },
        { OPTION_SET_TRUE, 'N', "numeric", NULL, "users as numbers", .offset = offsetof(TopOptions, numeric) },
        { OPTION_READ, 'o', NULL, "COLUMN[,COLUMN]...", "these columns", .read = top_options_read_columns },
        { OPTION_READ, 0, "sort", "[-]COLUMN", "in this order, backwards with - (default: cpu)",
          .read = top_options_read_sort },
        { OPTION_READ, 0, "tree", "[=PID]",
          "as a forest, on a screen; with PID, only this process and all that\n"
          "descends from it",
          .offset = offsetof(TopOptions, filter), .number = FILTER_OPTIONS_OPTION_TREE, .read = top_options_read_tree },
        { OPTION_SET_TRUE, 0, "ascii", NULL, "draw with ASCII only", .offset = offsetof(TopOptions, ascii) },
        { OPTION_GROUP, .group = &filter_options_tasks, .offset = offsetof(TopOptions, filter) },
        { OPTION_LETTER, 'u', "uid", "USER", .help = NULL },
        { OPTION_LETTER, 'p', "pid", "PID", .help = NULL },
        OPTION_SET_ROWS_COMMON(TopOptions),
};

/* Checks the options together, and fills in defaults. Returns VERB_CONTINUE, or the status of wrong usage. */
static int top_options_complete(TopOptions *options) {
        if (options->json && !options->batch)
                return error_usage("top", "--json: it is for -b; a screen is not written in JSON.");
        if (options->json && options->n_columns)
                return error_usage("top", "-o: JSON has all that is known of a task, not columns.");
        if ((options->iterations || options->rows || options->idle) && !options->batch)
                return error_usage("top", "-n, --rows, --all: they are for -b; a screen has all tasks.");
        if (options->batch && options->tree && !options->filter.wanted.n_subtrees)
                return error_usage("top",
                                   "--tree: a forest is drawn on a screen; with -b it takes a process, --tree=PID.");

        /* The screen has a setting of its own. */
        if (!options->interval_ms && options->batch)
                options->interval_ms = INTERVAL_MS_DEFAULT;

        return VERB_CONTINUE;
}

/**
 * top_options_read() - read the command line
 * @options:    output; set to the defaults before; keeps pointers into @argv
 * @argc:       the number of arguments, with the verb
 * @argv:       the arguments, with the verb
 *
 * Return: VERB_CONTINUE, or the exit status.
 */
int top_options_read(TopOptions *options, int argc, char **argv) {
        static const OptionSet set = {
                .verb = "top",
                .rows = top_options_rows,
                .n_rows = sizeof(top_options_rows) / sizeof(*top_options_rows),
                .head = "Usage: taskbroker [--socket PATH] top [OPTION]...\n"
                        "\n"
                        "Shows what tasks use while they live, and what those used that ended.\n"
                        "\n",
                .tail = "\n"
                        "Columns:\n",
                .print_tail = top_options_print_columns,
        };
        int r;

        filter_options_init(&options->filter);
        r = option_set_parse(&set, argc, argv, options);
        if (r != VERB_CONTINUE)
                return r;

        return top_options_complete(options);
}
