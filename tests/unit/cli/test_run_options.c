/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/*
 * The command line of taskbroker run.
 */

#include <assert.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "clients/cli/run/run_options.h"

static int read_options(RunOptions *options, const char *arguments) {
        static char line[512];
        static char *argv[32];
        int argc = 0;

        *options = (RunOptions){ .n_top = 10 };
        snprintf(line, sizeof(line), "run %s", arguments);
        for (char *word = strtok(line, " "); word; word = strtok(NULL, " "))
                argv[argc++] = word;
        argv[argc] = NULL;
        optind = 0;
        return run_options_read(options, argc, argv);
}

static void test_options(void) {
        RunOptions options;

        assert(read_options(&options, "--args --json --top 3 -O file --socket here make -j2 --json") == -1);
        assert(options.args && options.json && options.n_top == 3);
        assert(strcmp(options.file, "file") == 0 && strcmp(options.socket_path, "here") == 0);
        assert(strcmp(options.command[0], "make") == 0 && strcmp(options.command[2], "--json") == 0);
        assert(!options.command[3]);
        assert(read_options(&options, "-- -x") == -1);
        assert(strcmp(options.command[0], "-x") == 0 && !options.command[1] && !options.json);
        assert(read_options(&options, "--top 0 make") == -1 && options.n_top == 0);

        /* A wrong option ends with a status of its own: 2 could be the status of the command. */
        assert(read_options(&options, "") == RUN_FAILED);
        assert(read_options(&options, "--") == RUN_FAILED);
        assert(read_options(&options, "--top x make") == RUN_FAILED);
        assert(read_options(&options, "--nonsense make") == RUN_FAILED);
        assert(read_options(&options, "-O") == RUN_FAILED);
}

int main(void) {
        test_options();
        return 0;
}
