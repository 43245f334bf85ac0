/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "clients/cli/base/time_form.h"
#include "clients/cli/connect/filter_options.h"

typedef struct WatchOptions WatchOptions;

/* Holds a FilterOptions: it must not be copied. */
struct WatchOptions {
        const char *socket_path;
        uint32_t kinds;         /* TB_KIND_BIT()s of the kinds to print */
        bool threads;
        bool arguments;         /* show command lines */
        bool parents;           /* show the names of parents */
        TimeForm time_form;
        bool numeric;           /* users as numbers */
        bool snapshot;          /* first the tasks that are alive */
        bool json;
        bool strict;
        uint64_t count;         /* 0: no end */
        uint64_t span_ns;       /* 0: no end */
        FilterOptions filter;
};

int watch_options_read(WatchOptions *options, int argc, char **argv);
