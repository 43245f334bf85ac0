/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/*
 * The command line of taskbroker top.
 */

#include <assert.h>
#include <getopt.h>
#include <string.h>

#include "clients/cli/base/exit_status.h"
#include "clients/cli/model/interval.h"
#include "clients/cli/top/top_options.h"

static TopOptions options;

static int read_options(const char *line) {
        static char words[256];
        char *argv[32] = {(char *)"top"};
        int argc = 1;

        memset(&options, 0, sizeof(options));
        strcpy(words, line);
        for (char *word = strtok(words, " "); word; word = strtok(NULL, " "))
                argv[argc++] = word;
        optind = 0;
        return top_options_read(&options, argc, argv);
}

static void test_right(void) {
        assert(read_options("") == -1);
        assert(!options.batch && options.interval_ms == 0 && options.iterations == 0 && !options.sort);
        assert(read_options("-b") == -1 && options.interval_ms == INTERVAL_MS_DEFAULT);

        assert(read_options("-b -n 3 -d 0.25 --json -H -c -u root -p 12 -p 13 --sort -write --all --rows 5") == -1);
        assert(options.batch && options.json && options.threads && options.arguments && options.idle);
        assert(options.iterations == 3 && options.interval_ms == 250 && options.rows == 5);
        assert(strcmp(options.sort->name, "write") == 0 && options.reverse);
        assert(options.filter.wanted.n_uids == 1 && options.filter.wanted.n_pids == 2 && options.filter.pids[1] == 13);

        assert(read_options("--batch -o pid,cpu,command --tree=7 --comm x* --cgroup /a --ascii --threads --args") ==
               -1);
        assert(options.n_columns == 3 && strcmp(options.columns[2]->name, "command") == 0);
        assert(options.tree && options.filter.wanted.n_subtrees == 1 && options.ascii);
        assert(options.filter.wanted.n_comms == 1 && options.filter.wanted.n_cgroups == 1);

        assert(read_options("--tree") == -1);
        assert(options.tree && options.filter.wanted.n_subtrees == 0);
        assert(read_options("-d 60") == -1 && options.interval_ms == 60000);
        assert(read_options("-d 0.1") == -1 && options.interval_ms == 100);
}

static void test_wrong(void) {
        static const char *const lines[] = {
                "-d 0.09",        "-d 60.1",          "-d x",     "-b -n 0", "-n 3", "--json",      "-b --sort age2",
                "-b -o pid,,cpu", "-b --json -o pid", "--rows 3", "-x",      "word", "-b --rows 0", "-p 0",
                "--sort",         "-b --tree",       "--all",
        };

        for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); ++i)
                assert(read_options(lines[i]) == EXIT_STATUS_USAGE);
}

int main(void) {
        test_right();
        test_wrong();
        return 0;
}
