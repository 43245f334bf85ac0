/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * FilterOptions: the options that restrict what a verb shows, read into a tb_filter. The
 * options, their values and their help are the rows of proto/filter_criteria.h.
 */

#include <getopt.h>
#include <stdbool.h>
#include <stdint.h>

#include "taskbroker/taskbroker.h"

#include "proto/filter_criteria.h"

typedef struct FilterOptions FilterOptions;

/* Numbers for getopt_long(), FILTER_OPTIONS_OPTION_UID and so on: above the verbs' own. */
enum {
        _FILTER_OPTIONS_OPTION_BEFORE = 1023,
#define OPTION_NUMBER(name, NAME, shape, max, max_bytes, scope, noun, nouns, OPTION, ...)                              \
        FILTER_OPTIONS_OPTION_##OPTION,
        FILTER_CRITERIA(OPTION_NUMBER)
#undef OPTION_NUMBER
                _FILTER_OPTIONS_OPTION_BEHIND,
};

/* Entries of a table for getopt_long(): of the options about tasks, and of all. Each ends with a comma. */
#define FILTER_OPTIONS_ARGUMENT_NUMBERS required_argument
#define FILTER_OPTIONS_ARGUMENT_TEXTS required_argument
#define FILTER_OPTIONS_ARGUMENT_PATHS required_argument
#define FILTER_OPTIONS_ARGUMENT_CPU_LIST required_argument
#define FILTER_OPTIONS_ARGUMENT_FLAG no_argument
#define FILTER_OPTIONS_LONG(name, NAME, shape, max, max_bytes, scope, noun, nouns, OPTION, option, ...)               \
        { option, FILTER_OPTIONS_ARGUMENT_##shape, NULL, FILTER_OPTIONS_OPTION_##OPTION },
#define FILTER_OPTIONS_LONG_IF_TASK(...) FILTER_OPTIONS_LONG(__VA_ARGS__)
#define FILTER_OPTIONS_LONG_IF_EVENT(...)
#define FILTER_OPTIONS_LONG_IF(name, NAME, shape, max, max_bytes, scope, ...)                                          \
        FILTER_OPTIONS_LONG_IF_##scope(name, NAME, shape, max, max_bytes, scope, __VA_ARGS__)
#define FILTER_OPTIONS_LONG_OPTIONS_TASKS FILTER_CRITERIA(FILTER_OPTIONS_LONG_IF)
#define FILTER_OPTIONS_LONG_OPTIONS FILTER_CRITERIA(FILTER_OPTIONS_LONG)

/* The lines that filter_options_print_help() prints beside those about tasks. */
enum {
        FILTER_HELP_EVENTS = 1u << 0,   /* the options about events */
        FILTER_HELP_TREE = 1u << 1,     /* --tree; other verbs have an option of that name, with a line of its own */
        FILTER_HELP_LETTERS = 1u << 2,  /* -u and -p, where the verb has them */
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
bool filter_options_owns(int option);
int filter_options_read_option(FilterOptions *filter, const char *verb, int option, const char *value);
void filter_options_print_help(uint32_t help);
