/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The command line of taskbroker ps.
 */

#include <stdio.h>

#include "clients/cli/base/error.h"
#include "clients/cli/base/exit_status.h"
#include "clients/cli/base/option.h"
#include "clients/cli/ps/ps_options.h"

enum {
        OPTION_ARGS = 256,
        OPTION_JSON,
        OPTION_NO_HEADER,
        OPTION_SOCKET,
        OPTION_SORT,
        OPTION_THREADS,
        OPTION_TREE,
};

static void ps_options_help(void) {
        fputs("Usage: taskbroker [--socket PATH] ps [OPTION]...\n"
              "\n"
              "Prints the tasks that are alive.\n"
              "\n"
              "      --tree[=PID]   as a forest; with PID, only this process and all that descends from it\n"
              "      --threads      threads too, not only processes\n"
              "      --args         command lines instead of names; with --json, all that is known of programs\n"
              "      --json         one JSON object a line\n"
              "  -o COLUMN[,COLUMN]...\n"
              "                     these columns\n"
              "      --sort [-]COLUMN[,[-]COLUMN]...\n"
              "                     in this order, backwards with - (default: pid)\n"
              "      --no-header    no line with the columns' names\n",
              stdout);
        filter_options_print_help(0);
        fputs("      --socket PATH  the broker's socket\n"
              "  -h, --help         this text\n"
              "\n"
              "Columns:\n",
              stdout);
        for (const TaskColumn *column = task_column_next(NULL); column; column = task_column_next(column))
                printf("  %-10s %s\n", column->name, column->help);
}

static int ps_options_read_columns(PsOptions *options, const char *value) {
        const char *name;
        size_t n;

        while (option_next_name(&value, &name, &n)) {
                const TaskColumn *column = task_column_find(name, n);

                if (!column)
                        return error_column("ps", "-o", name, n);
                if (options->n_columns == TASK_TABLE_COLUMNS_MAX)
                        return error_usage("ps", "-o: there can be %d columns at most.", TASK_TABLE_COLUMNS_MAX);
                options->columns[options->n_columns++] = column;
        }

        return EXIT_STATUS_OK;
}

static int ps_options_read_keys(PsOptions *options, const char *value) {
        const char *name;
        size_t n;

        while (option_next_name(&value, &name, &n)) {
                bool reverse = n > 0 && *name == '-';
                const TaskColumn *column = task_column_find(name + reverse, n - reverse);

                if (!column)
                        return error_column("ps", "--sort", name + reverse, n - reverse);
                if (options->n_keys == PS_KEYS_MAX)
                        return error_usage("ps", "--sort: it can be by %d columns at most.", PS_KEYS_MAX);
                options->keys[options->n_keys++] = (PsKey){ .column = column, .reverse = reverse };
        }

        return EXIT_STATUS_OK;
}

static int ps_options_read_tree(PsOptions *options, const char *value) {
        options->tree = true;
        if (!value)
                return EXIT_STATUS_OK;

        return filter_options_read_option(&options->filter, "ps", FILTER_OPTIONS_OPTION_TREE, value);
}

static int ps_options_read_one(void *closure, int c, const char *value) {
        PsOptions *options = closure;

        if (filter_options_owns(c))
                return filter_options_read_option(&options->filter, "ps", c, value);

        switch (c) {
        case 'o':
                return ps_options_read_columns(options, value);
        case OPTION_ARGS:
                options->args = true;
                return EXIT_STATUS_OK;
        case OPTION_JSON:
                options->json = true;
                return EXIT_STATUS_OK;
        case OPTION_NO_HEADER:
                options->header = false;
                return EXIT_STATUS_OK;
        case OPTION_SOCKET:
                options->socket_path = value;
                return EXIT_STATUS_OK;
        case OPTION_SORT:
                return ps_options_read_keys(options, value);
        case OPTION_THREADS:
                options->threads = true;
                return EXIT_STATUS_OK;
        case OPTION_TREE:
                return ps_options_read_tree(options, value);
        }

        return EXIT_STATUS_USAGE;
}

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
                ps_options_read_columns(options,
                                        options->threads ? "pid,tid,ppid,user,age" : "pid,ppid,user,age,tasks");
                ps_options_read_columns(options, options->args ? "args" : "name");
        }
        if (options->tree && !options->json && !ps_options_has_branch(options))
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
        /* "tree" stands before the option of the filter: getopt_long() takes the first of two names. */
        static const struct option table[] = {
                { "tree", optional_argument, NULL, OPTION_TREE },
                { "args", no_argument, NULL, OPTION_ARGS },
                { "help", no_argument, NULL, 'h' },
                { "json", no_argument, NULL, OPTION_JSON },
                { "no-header", no_argument, NULL, OPTION_NO_HEADER },
                { "socket", required_argument, NULL, OPTION_SOCKET },
                { "sort", required_argument, NULL, OPTION_SORT },
                { "threads", no_argument, NULL, OPTION_THREADS },
                FILTER_OPTIONS_LONG_OPTIONS_TASKS
                { NULL, 0, NULL, 0 },
        };
        static const OptionSet set = {
                .verb = "ps",
                .letters = ":ho:",
                .table = table,
                .help = ps_options_help,
                .read = ps_options_read_one,
        };
        int r;

        filter_options_init(&options->filter);
        r = option_parse(&set, argc, argv, options);
        if (r != VERB_CONTINUE)
                return r;
        if (optind < argc)
                return error_usage("ps",
                                   options->tree ? "%s: ps takes options only; a subtree is --tree=PID."
                                                 : "%s: ps takes options only.",
                                   argv[optind]);

        return ps_options_complete(options);
}
