/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The command line of taskbroker run.
 */

#include <getopt.h>
#include <stdint.h>
#include <stdio.h>

#include "clients/cli/base/error.h"
#include "clients/cli/base/exit_status.h"
#include "clients/cli/base/option.h"
#include "clients/cli/run/run_options.h"

enum {
        OPTION_ARGS = 256,
        OPTION_JSON,
        OPTION_SOCKET,
        OPTION_TOP,
};

static void run_options_help(void) {
        fputs("Usage: taskbroker [--socket PATH] run [OPTION]... [--] COMMAND [ARGUMENT]...\n"
              "\n"
              "Runs the command, and prints on standard error what it and all its descendants\n"
              "used: what they forked, however short it lived, is in the report.\n"
              "\n"
              "      --args         the command line of each name's most expensive run, of those known\n"
              "      --top N        so many names, the most expensive ones (default: 10)\n"
              "      --json         one JSON object\n"
              "  -O FILE            write to FILE instead of standard error\n"
              "      --socket PATH  the broker's socket\n"
              "  -h, --help         this text\n"
              "\n"
              "Ends with the status of the command; 128 and the number of the signal that ended it;\n"
              "127 where it is not found, 126 where it cannot be run, and 125 where it was not\n"
              "run because the broker, or the command line, would not have it.\n",
              stdout);
}

static int run_options_read_one(void *closure, int c, const char *value) {
        RunOptions *options = closure;
        uint64_t number;

        switch (c) {
        case 'O':
                options->file = value;
                return EXIT_STATUS_OK;
        case OPTION_ARGS:
                options->args = true;
                return EXIT_STATUS_OK;
        case OPTION_JSON:
                options->json = true;
                return EXIT_STATUS_OK;
        case OPTION_SOCKET:
                options->socket_path = value;
                return EXIT_STATUS_OK;
        case OPTION_TOP:
                if (!option_read_number(value, 0, UINT32_MAX, &number))
                        return error_usage("run", "--top %s: how many names to show is a whole number.", value);
                options->n_top = (size_t)number;
                return EXIT_STATUS_OK;
        }

        return EXIT_STATUS_USAGE;
}

/**
 * run_options_read() - read the command line
 * @options:    output; set to the defaults before; the command points into @argv
 * @argc:       the number of arguments, with the verb
 * @argv:       the arguments, with the verb
 *
 * Return: VERB_CONTINUE, or the exit status. Wrong usage has the status RUN_FAILED: the
 *         command may have the status 2.
 */
int run_options_read(RunOptions *options, int argc, char **argv) {
        static const struct option table[] = {
                { "args", no_argument, NULL, OPTION_ARGS },
                { "help", no_argument, NULL, 'h' },
                { "json", no_argument, NULL, OPTION_JSON },
                { "socket", required_argument, NULL, OPTION_SOCKET },
                { "top", required_argument, NULL, OPTION_TOP },
                { NULL, 0, NULL, 0 },
        };
        static const OptionSet set = {
                .verb = "run",
                .letters = "+:hO:",
                .table = table,
                .help = run_options_help,
                .read = run_options_read_one,
        };
        int r;

        r = option_parse(&set, argc, argv, options);
        if (r != VERB_CONTINUE)
                return r == EXIT_STATUS_OK ? EXIT_STATUS_OK : RUN_FAILED;
        if (optind >= argc) {
                error_usage("run", "There is no command to run.");
                return RUN_FAILED;
        }

        options->command = argv + optind;
        return VERB_CONTINUE;
}
