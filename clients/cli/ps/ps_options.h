/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "clients/cli/connect/filter_options.h"
#include "clients/cli/text/task_columns.h"
#include "clients/cli/text/task_table.h"

typedef struct PsKey PsKey;
typedef struct PsOptions PsOptions;

#define PS_KEYS_MAX 8

struct PsKey {
        const TaskColumn *column;
        bool reverse;
};

/* Holds a FilterOptions: it must not be copied. */
struct PsOptions {
        const char *socket_path;
        bool tree;
        bool threads;
        bool args;                      /* command lines */
        bool programs;                  /* the broker must send the programs */
        bool json;
        bool header;
        bool numeric;                   /* users as numbers */
        const TaskColumn *columns[TASK_TABLE_COLUMNS_MAX];
        size_t n_columns;
        PsKey keys[PS_KEYS_MAX];
        size_t n_keys;
        FilterOptions filter;
};

int ps_options_read(PsOptions *options, int argc, char **argv);
