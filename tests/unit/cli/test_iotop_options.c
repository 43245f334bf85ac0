/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/*
 * The command line of taskbroker iotop.
 */

#include <assert.h>
#include <getopt.h>
#include <string.h>

#include "clients/cli/iotop/iotop_options.h"

static int read_options(IotopOptions *options, const char *line) {
        static char words[256];
        char *argv[16] = {(char *)"iotop"};
        int argc = 1;

        memset(options, 0, sizeof(*options));
        strcpy(words, line);
        for (char *word = strtok(words, " "); word; word = strtok(NULL, " "))
                argv[argc++] = word;
        optind = 0;
        return iotop_options_read(options, argc, argv);
}

static void test_options(void) {
        static IotopOptions options;

        assert(read_options(&options, "-o -b -n 3 -d 0.5 -p 12 -p 13 -u root -P -a -k") == -1);
        assert(options.only && options.batch && options.processes && options.accumulated && options.kilobytes);
        assert(options.iterations == 3 && options.interval_ms == 500 && options.n_pids == 2 && options.pids[1] == 13);
        assert(options.filter.wanted.n_uids == 1 && options.filter.uids[0] == 0);
        assert(!options.time && options.quiet == 0);

        assert(read_options(&options, "-qqq -t") == -1);
        assert(options.quiet == 3 && options.time && options.batch);
        assert(read_options(&options, "--only --batch --iter=2 --delay=1 --pid=1 --user=0 --processes --accumulated "
                                      "--kilobytes --time --quiet --no-help") == -1);

        assert(read_options(&options, "-d 0.01") == 2);
        assert(read_options(&options, "-d 61") == 2);
        assert(read_options(&options, "-n 0") == 2);
        assert(read_options(&options, "-p x") == 2);
        assert(read_options(&options, "-x") == 2);
        assert(read_options(&options, "word") == 2);
}

int main(void) {
        test_options();
        return 0;
}
