/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <getopt.h>
#include <stdbool.h>
#include <stdint.h>

#include "taskbroker/taskbroker.h"

typedef struct FilterOptions FilterOptions;

/* What getopt_long() returns: away from the verbs' own. */
enum {
        FILTER_OPTIONS_OPTION_UID = 1024,
        FILTER_OPTIONS_OPTION_PID,
        FILTER_OPTIONS_OPTION_TREE,
        FILTER_OPTIONS_OPTION_COMM,
        FILTER_OPTIONS_OPTION_CGROUP,
        FILTER_OPTIONS_OPTION_CPU,
        FILTER_OPTIONS_OPTION_NONZERO,
};

/* Entries of a table for getopt_long(), and their lines of --help: those about tasks, and all of them. */
#define FILTER_OPTIONS_LONG_OPTIONS_TASKS                                                                                      \
        { "uid", required_argument, NULL, FILTER_OPTIONS_OPTION_UID },                                                         \
                { "pid", required_argument, NULL, FILTER_OPTIONS_OPTION_PID },                                                 \
                { "tree", required_argument, NULL, FILTER_OPTIONS_OPTION_TREE },                                               \
                { "comm", required_argument, NULL, FILTER_OPTIONS_OPTION_COMM },                                               \
                { "cgroup", required_argument, NULL, FILTER_OPTIONS_OPTION_CGROUP }

#define FILTER_OPTIONS_LONG_OPTIONS                                                                                            \
        FILTER_OPTIONS_LONG_OPTIONS_TASKS, { "cpu", required_argument, NULL, FILTER_OPTIONS_OPTION_CPU },                              \
                { "nonzero", no_argument, NULL, FILTER_OPTIONS_OPTION_NONZERO }

#define FILTER_OPTIONS_HELP_TASKS                                                                                              \
        "      --uid USER     only tasks of this user (a name or a number)\n"                                          \
        "      --pid PID      only this process and its children\n"                                                    \
        "      --tree PID     only this process and all that descends from it\n"                                       \
        "      --comm GLOB    only tasks of such a name\n"                                                             \
        "      --cgroup PATH  only tasks in this control group, and in those below it\n"

#define FILTER_OPTIONS_HELP                                                                                                    \
        FILTER_OPTIONS_HELP_TASKS                                                                                              \
        "      --cpu LIST     only events on these processors, such as 0-3,8\n"                                        \
        "      --nonzero      of exits, only those with a status that is not 0\n"

/* Holds what @wanted points to: it must not be copied. Names and processors stay the command line's. */
struct FilterOptions {
        struct tb_filter wanted;        /* for tb_subscription */
        uint32_t uids[TB_FILTER_UIDS_MAX];
        uint32_t pids[TB_FILTER_PIDS_MAX];
        uint32_t subtrees[TB_FILTER_SUBTREES_MAX];
        const char *comms[TB_FILTER_COMMS_MAX];
        const char *cgroups[TB_FILTER_CGROUPS_MAX];
        char paths[TB_FILTER_CGROUPS_MAX][TB_FILTER_CGROUP_BYTES_MAX + 1];
};

void filter_options_init(FilterOptions *filter);
bool filter_options_owns(int option);
int filter_options_read_option(FilterOptions *filter, const char *verb, int option, const char *value);
