/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The command line of taskbroker top.
 */

#include <stdio.h>
#include <string.h>

#include "clients/cli/base/error.h"
#include "clients/cli/base/exit_status.h"
#include "clients/cli/base/option.h"
#include "clients/cli/model/interval.h"
#include "clients/cli/top/top_options.h"

enum {
        OPTION_ALL = 256,
        OPTION_ARGS,
        OPTION_ASCII,
        OPTION_JSON,
        OPTION_ROWS,
        OPTION_SOCKET,
        OPTION_SORT,
        OPTION_TREE,
};

static void top_options_help(void) {
        fputs("Usage: taskbroker [--socket PATH] top [OPTION]...\n"
              "\n"
              "Shows what tasks use while they live, and what those used that ended.\n"
              "\n"
              "  -b, --batch        print samples instead of drawing a screen\n"
              "  -n COUNT           end after COUNT samples (needs -b)\n"
              "  -d SECONDS         a sample so often, from 0.1 to 60 (default: 1)\n"
              "      --json         one JSON object a line (needs -b)\n"
              "      --all          tasks too that did not run since the sample before (with -b)\n"
              "      --rows COUNT   so many tasks a sample at most (with -b)\n"
              "  -H, --threads      threads instead of processes\n"
              "  -c, --args         command lines instead of names\n"
              "  -o COLUMN[,COLUMN]...\n"
              "                     these columns\n"
              "      --sort [-]COLUMN\n"
              "                     in this order, backwards with - (default: cpu)\n"
              "      --tree[=PID]   as a forest, on a screen; with PID, only this process and all that\n"
              "                     descends from it\n"
              "      --ascii        draw with ASCII only\n",
              stdout);
        filter_options_print_help(FILTER_HELP_LETTERS);
        fputs("      --socket PATH  the broker's socket\n"
              "  -h, --help         this text\n"
              "\n"
              "Columns:\n",
              stdout);
        for (const LiveColumn *column = live_column_next(NULL); column; column = live_column_next(column))
                printf("  %-10s %s\n", column->name, column->help);
}

static int top_options_read_columns(TopOptions *options, const char *value) {
        const char *name;
        size_t n;

        while (option_next_name(&value, &name, &n)) {
                const LiveColumn *column = live_column_find(name, n);

                if (!column)
                        return error_column("top", "-o", name, n);
                if (options->n_columns == TOP_COLUMNS_MAX)
                        return error_usage("top", "-o: there can be %d columns at most.", TOP_COLUMNS_MAX);
                options->columns[options->n_columns++] = column;
        }

        return EXIT_STATUS_OK;
}

static int top_options_read_sort(TopOptions *options, const char *value) {
        options->reverse = *value == '-';
        value += options->reverse;
        options->sort = live_column_find(value, strlen(value));

        return options->sort ? EXIT_STATUS_OK : error_column("top", "--sort", value, strlen(value));
}

static int top_options_read_count(const char *option, const char *value, uint64_t *ret_count) {
        if (!option_read_number(value, 1, UINT64_MAX, ret_count))
                return error_usage("top", "%s %s: it is a number of at least 1.", option, value);

        return EXIT_STATUS_OK;
}

static int top_options_read_tree(TopOptions *options, const char *value) {
        options->tree = true;
        if (!value)
                return EXIT_STATUS_OK;

        return filter_options_read_option(&options->filter, "top", FILTER_OPTIONS_OPTION_TREE, value);
}

static int top_options_read_one(void *closure, int c, const char *value) {
        TopOptions *options = closure;

        if (filter_options_owns(c))
                return filter_options_read_option(&options->filter, "top", c, value);

        switch (c) {
        case 'H':
                options->threads = true;
                return EXIT_STATUS_OK;
        case 'b':
                options->batch = true;
                return EXIT_STATUS_OK;
        case 'c':
        case OPTION_ARGS:
                options->arguments = true;
                return EXIT_STATUS_OK;
        case 'd':
                return interval_read("top", value, &options->interval_ms);
        case 'n':
                return top_options_read_count("-n", value, &options->iterations);
        case 'o':
                return top_options_read_columns(options, value);
        case 'p':
                return filter_options_read_option(&options->filter, "top", FILTER_OPTIONS_OPTION_PID, value);
        case 'u':
                return filter_options_read_option(&options->filter, "top", FILTER_OPTIONS_OPTION_UID, value);
        case OPTION_ALL:
                options->idle = true;
                return EXIT_STATUS_OK;
        case OPTION_ASCII:
                options->ascii = true;
                return EXIT_STATUS_OK;
        case OPTION_JSON:
                options->json = true;
                return EXIT_STATUS_OK;
        case OPTION_ROWS:
                return top_options_read_count("--rows", value, &options->rows);
        case OPTION_SOCKET:
                options->socket_path = value;
                return EXIT_STATUS_OK;
        case OPTION_SORT:
                return top_options_read_sort(options, value);
        case OPTION_TREE:
                return top_options_read_tree(options, value);
        }

        return EXIT_STATUS_USAGE;
}

/* Checks the options together, and fills in defaults. Returns VERB_CONTINUE, or the status of wrong usage. */
static int top_options_complete(TopOptions *options) {
        if (options->json && !options->batch)
                return error_usage("top", "--json: it is for -b; a screen is not written in JSON.");
        if (options->json && options->n_columns)
                return error_usage("top", "-o: JSON has all that is known of a task, not columns.");
        if ((options->iterations || options->rows) && !options->batch)
                return error_usage("top", "-n, --rows: they are for -b.");
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
        /* Before the filter's own: the first of two that have a name is taken. */
        static const struct option table[] = {
                {"tree", optional_argument, NULL, OPTION_TREE},
                {"all", no_argument, NULL, OPTION_ALL},
                {"args", no_argument, NULL, OPTION_ARGS},
                {"ascii", no_argument, NULL, OPTION_ASCII},
                {"batch", no_argument, NULL, 'b'},
                {"help", no_argument, NULL, 'h'},
                {"json", no_argument, NULL, OPTION_JSON},
                {"rows", required_argument, NULL, OPTION_ROWS},
                {"socket", required_argument, NULL, OPTION_SOCKET},
                {"sort", required_argument, NULL, OPTION_SORT},
                {"threads", no_argument, NULL, 'H'},
                FILTER_OPTIONS_LONG_OPTIONS_TASKS
                {NULL, 0, NULL, 0},
        };
        static const OptionSet set = {
                .verb = "top",
                .letters = ":Hbcd:hn:o:p:u:",
                .table = table,
                .help = top_options_help,
                .read = top_options_read_one,
        };
        int r;

        filter_options_init(&options->filter);
        r = option_parse(&set, argc, argv, options);
        if (r != VERB_CONTINUE)
                return r;
        if (optind < argc)
                return error_usage("top", "%s: top takes options only.", argv[optind]);

        return top_options_complete(options);
}
