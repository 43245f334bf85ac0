/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "clients/cli/connect/filter_options.h"
#include "clients/cli/model/live_columns.h"

typedef struct TopOptions TopOptions;

#define TOP_COLUMNS_MAX 24

/* Holds a FilterOptions: it must not be copied. */
struct TopOptions {
        const char *socket_path;
        bool batch;
        bool json;
        uint64_t iterations; /* 0: no end */
        uint32_t interval_ms;
        bool threads;
        bool arguments;         /* command lines instead of names */
        bool numeric;           /* users as numbers */
        bool idle;              /* batch: also those that did not run */
        const LiveColumn *sort; /* NULL: not given */
        bool reverse;
        const LiveColumn *columns[TOP_COLUMNS_MAX];
        size_t n_columns; /* 0: not given */
        uint64_t rows;    /* batch: at most so many a sample; 0: all */
        FilterOptions filter;

        /* The screen's. */
        bool tree;
        bool ascii; /* no signs but ASCII */
};

int top_options_read(TopOptions *options, int argc, char **argv);
