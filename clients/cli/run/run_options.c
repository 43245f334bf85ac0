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

static void run_help(void) {
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
              "The exit status is the command's; 128 and the number of the signal that ended it;\n"
              "127 where it is not found, 126 where it cannot be run, and 125 where it was not\n"
              "run because the broker, or the command line, would not have it.\n",
              stdout);
}

static int run_read_option(RunOptions *options, int c, const char *value) {
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
 * @options:    output; what it holds already are the defaults
 * @argc:       of the verb
 * @argv:       of the verb; the command is a part of it
 *
 * Return: VERB_CONTINUE, or the exit status. That of wrong usage is
 *         RUN_FAILED: 2 would be the command's.
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
        int c;

        while ((c = getopt_long(argc, argv, "+:hO:", table, NULL)) >= 0) {
                if (c == 'h') {
                        run_help();
                        return EXIT_STATUS_OK;
                }
                if (c == '?' || c == ':') {
                        error_option("run", c, argv);
                        return RUN_FAILED;
                }
                if (run_read_option(options, c, optarg) != EXIT_STATUS_OK)
                        return RUN_FAILED;
        }
        if (optind >= argc) {
                error_usage("run", "There is no command to run.");
                return RUN_FAILED;
        }

        options->command = argv + optind;
        return VERB_CONTINUE;
}
