/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "clients/cli/history/history_clock.h"

typedef enum HistoryForm HistoryForm;
typedef struct HistoryList HistoryList;
typedef struct HistoryOptions HistoryOptions;

/* Values of an option that may be given several times. */
#define HISTORY_VALUES_MAX 32

enum HistoryForm {
        HISTORY_TABLE,
        HISTORY_JSON,
        HISTORY_CSV,
};

struct HistoryList {
        const char *values[HISTORY_VALUES_MAX];
        size_t n;
};

struct HistoryOptions {
        const char *socket_path;        /* every verb takes it */
        const char *db_path;            /* NULL: the default */
        uint64_t now_ns;                /* the wall clock at the start, for relative times */
        HistorySpan span;
        const char *boot;
        HistoryList users, comms, args, cgroups, units, pids;
        bool nonzero;
        uint64_t min_cpu_ns, min_io_bytes, longer_than_ns;
        HistoryForm form;
        bool numeric, no_pager;
        uint64_t rows;                  /* 0: no limit */
        const char *by;                 /* top, diff: the group */
        const char *sort;               /* top: the rank */
        const char *svg_path;
};

int history_options_read(HistoryOptions *options, int argc, char **argv);
int history_options_time(const char *text, uint64_t now_ns, uint64_t *ret_ns);
