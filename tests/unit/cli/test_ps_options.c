/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/*
 * The command line of taskbroker ps.
 */

#include <assert.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "clients/cli/base/exit_status.h"
#include "clients/cli/ps/ps_options.h"
#include "tests/unit/task_rig.h"

static int read_options(PsOptions *options, const char *arguments) {
        static char line[512];
        char *argv[32];
        int argc = 0;

        *options = (PsOptions){ .header = true };
        snprintf(line, sizeof(line), "ps %s", arguments);
        for (char *word = strtok(line, " "); word; word = strtok(NULL, " "))
                argv[argc++] = word;
        argv[argc] = NULL;
        optind = 0;
        return ps_options_read(options, argc, argv);
}

static void check_columns(const PsOptions *options, const char *should) {
        char is[256] = "";

        for (size_t i = 0; i < options->n_columns; ++i) {
                strcat(is, i ? "," : "");
                strcat(is, options->columns[i]->name);
        }
        if (strcmp(is, should) != 0)
                fprintf(stderr, "is: %s\nshould be: %s\n", is, should);
        assert(strcmp(is, should) == 0);
}

static void test_options(void) {
        static PsOptions options;

        assert(read_options(&options, "") == -1);
        check_columns(&options, "pid,ppid,user,age,tasks,name");
        assert(!options.programs && !options.tree && options.n_keys == 0 && options.header);

        assert(read_options(&options, "--args --threads --no-header --socket here") == -1);
        check_columns(&options, "pid,tid,ppid,user,age,args");
        assert(options.programs && options.threads && !options.header && strcmp(options.socket_path, "here") == 0);

        assert(read_options(&options, "-o pid,exe -o name --sort -age,pid --sort user") == -1);
        check_columns(&options, "pid,exe,name");
        assert(options.programs && options.n_keys == 3);
        assert(options.keys[0].column == find("age") && options.keys[0].reverse);
        assert(options.keys[1].column == find("pid") && !options.keys[1].reverse);
        assert(options.keys[2].column == find("user") && !options.keys[2].reverse);

        /* A column that is not shown can be a sort key. Its values are requested too. */
        assert(read_options(&options, "--sort cgroup") == -1);
        assert(options.programs);
        assert(read_options(&options, "--json") == -1);
        assert(options.json && !options.programs);
        assert(read_options(&options, "--json --args --tree") == -1);
        assert(options.programs && options.tree);

        assert(read_options(&options, "--tree --uid 5 --pid 7 --comm x* --cgroup /a") == -1);
        assert(options.tree && options.filter.wanted.n_subtrees == 0);
        assert(options.filter.wanted.n_uids == 1 && options.filter.wanted.uids[0] == 5);
        assert(options.filter.wanted.n_pids == 1 && options.filter.wanted.n_comms == 1);
        assert(options.filter.wanted.n_cgroups == 1);
        assert(read_options(&options, "--tree=12 --tree=13") == -1);
        assert(options.tree && options.filter.wanted.n_subtrees == 2 && options.filter.wanted.subtrees[1] == 13);

        assert(read_options(&options, "-o pid,pids") == EXIT_STATUS_USAGE);
        assert(read_options(&options, "-o pid,") == EXIT_STATUS_USAGE);
        assert(read_options(&options, "--sort -") == EXIT_STATUS_USAGE);
        assert(read_options(&options, "--sort age,-,pid") == EXIT_STATUS_USAGE);
        assert(read_options(&options, "--tree -o pid,exe") == EXIT_STATUS_USAGE);
        assert(read_options(&options, "--tree=0") == EXIT_STATUS_USAGE);
        assert(read_options(&options, "--tree 12") == EXIT_STATUS_USAGE);
        assert(read_options(&options, "--args -o pid") == EXIT_STATUS_USAGE);
        assert(read_options(&options, "--json -o pid") == EXIT_STATUS_USAGE);
        assert(read_options(&options, "--nonzero") == EXIT_STATUS_USAGE);
        assert(read_options(&options, "--cpu 0") == EXIT_STATUS_USAGE);
        assert(read_options(&options,
                            "-o pid,pid,pid,pid,pid,pid,pid,pid -o pid,pid,pid,pid,pid,pid,pid,pid "
                            "-o pid,pid,pid,pid,pid,pid,pid,pid -o pid,pid,pid,pid,pid,pid,pid,pid") == -1);
        assert(read_options(&options, "-o pid,pid,pid,pid,pid,pid,pid,pid -o pid,pid,pid,pid,pid,pid,pid,pid "
                                      "-o pid,pid,pid,pid,pid,pid,pid,pid -o pid,pid,pid,pid,pid,pid,pid,pid,pid") ==
               EXIT_STATUS_USAGE);
        assert(read_options(&options, "--sort pid,pid,pid,pid,pid,pid,pid,pid,pid") == EXIT_STATUS_USAGE);
}

int main(void) {
        test_options();
        return 0;
}
