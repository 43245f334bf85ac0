/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The command line of taskbroker run.
 */

#include <getopt.h>
#include <stdint.h>

#include "clients/cli/base/error.h"
#include "clients/cli/base/exit_status.h"
#include "clients/cli/base/option_set.h"
#include "clients/cli/run/run_options.h"

static const Option run_options_rows[] = {
        { OPTION_SET_TRUE, 0, "args", NULL, "the command line of each name's most expensive run, of those known",
          .offset = offsetof(RunOptions, args) },
        { OPTION_NUMBER, 0, "top", "N", "so many names, the most expensive ones (default: 10)",
          .offset = offsetof(RunOptions, n_top), .max = UINT32_MAX,
          .wrong = "how many names to show is a whole number." },
        { OPTION_SET_TRUE, 0, "json", NULL, "one JSON object", .offset = offsetof(RunOptions, json) },
        { OPTION_TEXT, 'O', NULL, "FILE", "write to FILE instead of standard error",
          .offset = offsetof(RunOptions, file) },
        OPTION_SET_ROWS_COMMON(RunOptions),
};

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
        static const OptionSet set = {
                .verb = "run",
                .rows = run_options_rows,
                .n_rows = sizeof(run_options_rows) / sizeof(*run_options_rows),
                .command = true,
                .head = "Usage: taskbroker [--socket PATH] run [OPTION]... [--] COMMAND [ARGUMENT]...\n"
                        "\n"
                        "Runs the command, and prints on standard error what it and all its descendants\n"
                        "used: what they forked, however short it lived, is in the report.\n"
                        "\n",
                .tail = "\n"
                        "Ends with the status of the command; 128 and the number of the signal that ended it;\n"
                        "127 where it is not found, 126 where it cannot be run, and 125 where it was not\n"
                        "run because the broker, or the command line, would not have it.\n",
        };
        int r;

        r = option_set_parse(&set, argc, argv, options);
        if (r != VERB_CONTINUE)
                return r == EXIT_STATUS_OK ? EXIT_STATUS_OK : RUN_FAILED;
        if (optind >= argc) {
                error_usage("run", "There is no command to run.");
                return RUN_FAILED;
        }

        options->command = argv + optind;
        return VERB_CONTINUE;
}
