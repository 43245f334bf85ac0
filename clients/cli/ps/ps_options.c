/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The command line of taskbroker ps.
 */

#include <errno.h>
#include <stdio.h>

#include "clients/cli/base/error.h"
#include "clients/cli/base/exit_status.h"
#include "clients/cli/base/option_set.h"
#include "clients/cli/ps/ps_options.h"

static void ps_options_print_columns(void) {
        for (const TaskColumn *column = task_column_next(NULL); column; column = task_column_next(column))
                printf("  %-10s %s\n", column->name, column->help);
}

static int ps_options_add_column(void *closure, const char *name, size_t n_name, bool reverse) {
        PsOptions *options = closure;
        const TaskColumn *column = task_column_find(name, n_name);

        (void)reverse;
        if (!column)
                return -ENOENT;
        if (options->n_columns == TASK_TABLE_COLUMNS_MAX)
                return -ENOSPC;

        options->columns[options->n_columns++] = column;
        return 0;
}

static int ps_options_add_key(void *closure, const char *name, size_t n_name, bool reverse) {
        PsOptions *options = closure;
        const TaskColumn *column = task_column_find(name, n_name);

        if (!column)
                return -ENOENT;
        if (options->n_keys == PS_KEYS_MAX)
                return -ENOSPC;

        options->keys[options->n_keys++] = (PsKey){ .column = column, .reverse = reverse };
        return 0;
}

static int ps_options_read_columns(const Option *option, const char *verb, const char *value, void *options) {
        static const OptionColumns columns = {
                .option = "-o",
                .n_max = TASK_TABLE_COLUMNS_MAX,
                .too_many = "there can be",
                .add = ps_options_add_column,
        };

        (void)option;
        return option_set_read_columns(&columns, verb, value, options);
}

static int ps_options_read_keys(const Option *option, const char *verb, const char *value, void *options) {
        static const OptionColumns columns = {
                .option = "--sort",
                .reversible = true,
                .n_max = PS_KEYS_MAX,
                .too_many = "it can be by",
                .add = ps_options_add_key,
        };

        (void)option;
        return option_set_read_columns(&columns, verb, value, options);
}

static int ps_options_read_tree(const Option *option, const char *verb, const char *value, void *closure) {
        PsOptions *options = closure;

        options->tree = true;
        return value ? filter_options_read_row(option, verb, value, options) : EXIT_STATUS_OK;
}

/* The row "tree" stands before the criterion of the filter, which it replaces. */
static const Option ps_options_rows[] = {
        { OPTION_READ, 0, "tree", "[=PID]", "as a forest; with PID, only this process and all that descends from it",
          .offset = offsetof(PsOptions, filter), .number = FILTER_OPTIONS_OPTION_TREE, .read = ps_options_read_tree },
        { OPTION_SET_TRUE, 0, "threads", NULL, "threads too, not only processes",
          .offset = offsetof(PsOptions, threads) },
        { OPTION_SET_TRUE, 0, "args", NULL,
          "command lines instead of names; with --json, all that is known of programs",
          .offset = offsetof(PsOptions, args) },
        { OPTION_SET_TRUE, 0, "json", NULL, "one JSON object a line", .offset = offsetof(PsOptions, json) },
        { OPTION_SET_TRUE, 'N', "numeric", NULL, "users as numbers", .offset = offsetof(PsOptions, numeric) },
        { OPTION_READ, 'o', NULL, "COLUMN[,COLUMN]...", "these columns", .read = ps_options_read_columns },
        { OPTION_READ, 0, "sort", "[-]COLUMN[,[-]COLUMN]...", "in this order, backwards with - (default: pid)",
          .read = ps_options_read_keys },
        { OPTION_SET_FALSE, 0, "no-header", NULL, "no line with the columns' names",
          .offset = offsetof(PsOptions, header) },
        { OPTION_GROUP, .group = &filter_options_tasks, .offset = offsetof(PsOptions, filter) },
        { OPTION_LETTER, 'u', "uid", "USER", .help = NULL },
        { OPTION_LETTER, 'p', "pid", "PID", .help = NULL },
        { OPTION_LETTER, 'C', "comm", "GLOB", .help = NULL },
        OPTION_SET_ROWS_COMMON(PsOptions),
};

static bool ps_options_has_branch(const PsOptions *options) {
        for (size_t i = 0; i < options->n_columns; ++i)
                if (options->columns[i]->branch)
                        return true;

        return false;
}

static bool ps_options_needs_programs(const PsOptions *options) {
        for (size_t i = 0; i < options->n_columns; ++i)
                if (options->columns[i]->program)
                        return true;
        for (size_t i = 0; i < options->n_keys; ++i)
                if (options->keys[i].column->program)
                        return true;

        return false;
}

/* Checks the options together, and fills in defaults. Returns VERB_CONTINUE, or the status of wrong usage. */
static int ps_options_complete(PsOptions *options) {
        if (options->n_columns && options->json)
                return error_usage("ps", "-o: JSON has all that is known of a task, not columns.");
        if (options->n_columns && options->args)
                return error_usage("ps", "--args: with -o, name the column args instead.");

        if (!options->n_columns) {
                ps_options_read_columns(NULL, "ps",
                                        options->threads ? "pid,tid,ppid,user,age" : "pid,ppid,user,age,tasks",
                                        options);
                ps_options_read_columns(NULL, "ps", options->args ? "args" : "name", options);
        }
        /* With a process, --tree selects tasks too: then no column needs to show the branches. */
        if (options->tree && !options->filter.wanted.n_subtrees && !options->json && !ps_options_has_branch(options))
                return error_usage("ps", "--tree: it is drawn in the column name or args; -o must have one.");
        options->programs = options->args || ps_options_needs_programs(options);

        return VERB_CONTINUE;
}

/**
 * ps_options_read() - read the command line
 * @options:    output; set to the defaults before; keeps pointers into @argv
 * @argc:       the number of arguments, with the verb
 * @argv:       the arguments, with the verb
 *
 * Return: VERB_CONTINUE, or the exit status.
 */
int ps_options_read(PsOptions *options, int argc, char **argv) {
        static const OptionSet set = {
                .verb = "ps",
                .rows = ps_options_rows,
                .n_rows = sizeof(ps_options_rows) / sizeof(*ps_options_rows),
                .arguments = true,
                .head = "Usage: taskbroker [--socket PATH] ps [OPTION]...\n"
                        "\n"
                        "Prints the tasks that are alive.\n"
                        "\n",
                .tail = "\n"
                        "Columns:\n",
                .print_tail = ps_options_print_columns,
        };
        int r;

        filter_options_init(&options->filter);
        r = option_set_parse(&set, argc, argv, options);
        if (r != VERB_CONTINUE)
                return r;
        if (optind < argc)
                return error_usage("ps",
                                   options->tree ? "%s: ps takes options only; a subtree is --tree=PID."
                                                 : "%s: ps takes options only.",
                                   argv[optind]);

        return ps_options_complete(options);
}
