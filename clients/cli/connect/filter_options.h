/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * FilterOptions: the options that restrict what a verb shows, read into a tb_filter. The
 * options, their values and their help are the rows of proto/filter_criteria.h.
 */

#include <stdbool.h>
#include <stdint.h>

#include "taskbroker/taskbroker.h"

#include "clients/cli/base/option_set.h"
#include "proto/filter_criteria.h"

typedef struct FilterOptions FilterOptions;

/* The rows of the options about tasks, and of all. The row of the group names the verb's FilterOptions. */
extern const OptionGroup filter_options_tasks;
extern const OptionGroup filter_options_all;

/* FILTER_OPTIONS_OPTION_UID and so on: the number of a row. */
enum {
#define FILTER_OPTIONS_NUMBER(name, NAME, shape, max, max_bytes, scope, noun, nouns, OPTION, ...)                      \
        FILTER_OPTIONS_OPTION_##OPTION,
        FILTER_CRITERIA(FILTER_OPTIONS_NUMBER)
#undef FILTER_OPTIONS_NUMBER
};

/* Holds what @wanted points to: it must not be copied. Texts stay the command line's, but for paths. */
struct FilterOptions {
        struct tb_filter wanted;        /* for tb_subscription */
#define VALUES_NUMBERS(name, max, max_bytes) uint32_t name[max];
#define VALUES_TEXTS(name, max, max_bytes) const char *name[max];
#define VALUES_PATHS(name, max, max_bytes) const char *name[max]; char name##_bytes[max][(max_bytes) + 1];
#define VALUES_CPU_LIST(name, max, max_bytes)
#define VALUES_FLAG(name, max, max_bytes)
#define VALUES(name, NAME, shape, max, max_bytes, ...) VALUES_##shape(name, max, max_bytes)
        FILTER_CRITERIA(VALUES)
#undef VALUES
#undef VALUES_FLAG
#undef VALUES_CPU_LIST
#undef VALUES_PATHS
#undef VALUES_TEXTS
#undef VALUES_NUMBERS
};

void filter_options_init(FilterOptions *filter);
int filter_options_read_option(FilterOptions *filter, const char *verb, int option, const char *value);
int filter_options_read_row(const Option *option, const char *verb, const char *value, void *options);
