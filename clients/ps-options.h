/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "clients/columns.h"
#include "clients/filter.h"
#include "clients/table.h"

typedef struct PsKey PsKey;
typedef struct PsOptions PsOptions;

#define PS_KEYS_MAX 8

struct PsKey {
        const Column *column;
        bool reverse;
};

/* Holds a Filter: it must not be copied. */
struct PsOptions {
        const char *socket_path;
        bool tree;
        bool threads;
        bool programs;                  /* the broker must say what the processes run */
        bool json;
        bool header;
        const Column *columns[TABLE_COLUMNS_MAX];
        size_t n_columns;
        PsKey keys[PS_KEYS_MAX];
        size_t n_keys;
        Filter filter;
};

int ps_options_read(PsOptions *options, int argc, char **argv);
