/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

typedef struct RunOptions RunOptions;

/* Exit statuses of run, besides the command's own: as of env(1), timeout(1) and the shells. */
enum {
        RUN_FAILED = 125,               /* the command was not run, and not for its own fault */
        RUN_NOT_EXECUTABLE = 126,
        RUN_NOT_FOUND = 127,
        RUN_SIGNALLED = 128,            /* and the number of the signal */
};

struct RunOptions {
        const char *socket_path;
        const char *file;               /* where the account goes; NULL: standard error */
        bool args;
        bool json;
        size_t n_top;
        char **command;                 /* ends with NULL */
};

int run_options_read(RunOptions *options, int argc, char **argv);
