/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

typedef struct RunOptions RunOptions;

/* Exit statuses besides the status of the command: as env(1), timeout(1) and shells have them. */
enum {
        RUN_FAILED = 125,               /* the command was not run, or its report is lost, and this is not its fault */
        RUN_NOT_EXECUTABLE = 126,
        RUN_NOT_FOUND = 127,
        RUN_SIGNALLED = 128,            /* plus the number of the signal */
};

struct RunOptions {
        const char *socket_path;
        const char *file;               /* the report is written to it; NULL: standard error */
        bool args;
        bool json;
        uint64_t n_top;
        char **command;                 /* ends with NULL */
};

int run_options_read(RunOptions *options, int argc, char **argv);
