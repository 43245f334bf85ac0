/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The options that restrict what a verb shows: --uid, --pid and so on, one for each row
 * of proto/filter_criteria.h.
 *
 * The row's shape says where a value goes. The row's VALUE says which function reads it:
 * filter_options_parse_user() for USER, and so on. Called by the verbs' option readers.
 * The broker does the filtering: see Filter in broker.proto.
 */

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clients/cli/base/error.h"
#include "clients/cli/base/exit_status.h"
#include "clients/cli/base/option.h"
#include "clients/cli/connect/cgroup_path.h"
#include "clients/cli/connect/filter_options.h"

/* PID_MAX_LIMIT of the kernel. */
#define PID_MAX 4194304u

/* The broker's own limit: NR_CPUS of the largest kernels. */
#define CPUS_MAX 8192u

#define MOUNTS "/proc/self/mountinfo"

/* An empty filter. */
void filter_options_init(FilterOptions *filter) {
        *filter = (FilterOptions){ 0 };
#define POINT_NUMBERS(name) filter->wanted.name = filter->name;
#define POINT_TEXTS(name) filter->wanted.name = filter->name;
#define POINT_PATHS(name) filter->wanted.name = filter->name;
#define POINT_CPU_LIST(name)
#define POINT_FLAG(name)
#define POINT(name, NAME, shape, ...) POINT_##shape(name)
        FILTER_CRITERIA(POINT)
#undef POINT
}

static int filter_options_too_many(const char *verb, const char *option, unsigned int n_max) {
        return error_usage(verb, "--%s: it can be given %u times at most.", option, n_max);
}

/*
 * Values. Each function returns EXIT_STATUS_OK, or the status of error_usage().
 */

static int filter_options_parse_user(const char *verb, const char *option, const char *value, uint32_t *ret_number) {
        uid_t uid;

        (void)option;
        if (!option_read_user(value, &uid))
                return error_usage(verb,
                                   "%s: there is no such user; "
                                   "name one, or give a number from 0 to 4294967294.",
                                   value);

        *ret_number = (uint32_t)uid;
        return EXIT_STATUS_OK;
}

static int filter_options_parse_pid(const char *verb, const char *option, const char *value, uint32_t *ret_number) {
        uint64_t pid;

        if (!option_read_number(value, 1, PID_MAX, &pid))
                return error_usage(verb, "--%s %s: a process id is a number from 1 to %u.", option, value, PID_MAX);

        *ret_number = (uint32_t)pid;
        return EXIT_STATUS_OK;
}

static int filter_options_check_glob(const char *verb, const char *option, const char *value, unsigned int max_bytes) {
        if (!*value)
                return error_usage(verb, "--%s: the pattern is empty; give a name, or one with *, ? or [...].", option);
        if (strlen(value) > max_bytes)
                return error_usage(verb,
                                   "--%s: the pattern is longer than %u bytes; a task's name has 15 at most.",
                                   option,
                                   max_bytes);

        return EXIT_STATUS_OK;
}

/* The path of a control group, from its root in the hierarchy on, without slashes at the end. */
static int filter_options_parse_path(const char *verb, const char *option, const char *value, unsigned int max_bytes,
                                     char *path) {
        int r = cgroup_path_resolve(MOUNTS, value, path, (size_t)max_bytes + 1);

        if (r == -EXDEV)
                return error_usage(verb,
                                   "--%s %s: this path is in the hierarchy of a controller. The broker knows groups by "
                                   "the unified hierarchy and by systemd's; /proc/PID/cgroup shows a process' own.",
                                   option,
                                   value);
        if (r == -ENAMETOOLONG)
                return error_usage(verb,
                                   "--%s: the path is longer than the %u bytes that the broker takes; "
                                   "name a group above it.",
                                   option,
                                   max_bytes);
        if (r < 0)
                return error_usage(verb,
                                   "--%s %s: the path of a control group begins with /, such as "
                                   "/system.slice/ssh.service; /proc/PID/cgroup shows a process' own.",
                                   option,
                                   value);

        return EXIT_STATUS_OK;
}

/* Takes a processor's number off the list; -1: the list has no number there. */
static long cpus_next(const char **text) {
        unsigned long number;
        char *end;

        if (!isdigit((unsigned char)**text))
                return -1;
        number = strtoul(*text, &end, 10);
        *text = end;

        return number < CPUS_MAX ? (long)number : -1;
}

/* As the kernel writes it: "0-3,8". */
static bool cpus_are_list(const char *text) {
        long first, last;

        for (;; ++text) {
                first = last = cpus_next(&text);
                if (first >= 0 && *text == '-') {
                        ++text;
                        last = cpus_next(&text);
                }
                if (first < 0 || last < first)
                        return false;
                if (*text != ',')
                        return !*text;
        }
}

static int filter_options_parse_list(const char *verb, const char *option, const char *value) {
        if (!cpus_are_list(value))
                return error_usage(verb,
                                   "--%s %s: processors are a list of numbers and ranges below %u, such as 0-3,8.",
                                   option,
                                   value,
                                   CPUS_MAX);

        return EXIT_STATUS_OK;
}

/*
 * The function that reads a VALUE, and the place of a shape's value.
 */

#define PARSE_USER filter_options_parse_user
#define PARSE_PID filter_options_parse_pid
#define PARSE_GLOB filter_options_check_glob
#define PARSE_PATH filter_options_parse_path
#define PARSE_LIST filter_options_parse_list

#define REFUSE_MANY(name, option, max)                                         \
        if (filter->wanted.n_##name == (max))                                  \
                return filter_options_too_many(verb, option, max);
#define READ_NUMBERS(name, max, max_bytes, option, VALUE)                      \
        REFUSE_MANY(name, option, max)                                         \
        r = PARSE_##VALUE(verb, option, value, &filter->name[filter->wanted.n_##name]); \
        filter->wanted.n_##name += r == EXIT_STATUS_OK;                        \
        return r;
#define READ_TEXTS(name, max, max_bytes, option, VALUE)                        \
        REFUSE_MANY(name, option, max)                                         \
        r = PARSE_##VALUE(verb, option, value, max_bytes);                     \
        if (r == EXIT_STATUS_OK)                                               \
                filter->name[filter->wanted.n_##name++] = value;               \
        return r;
#define READ_PATHS(name, max, max_bytes, option, VALUE)                        \
        REFUSE_MANY(name, option, max)                                         \
        filter->name[filter->wanted.n_##name] = filter->name##_bytes[filter->wanted.n_##name]; \
        r = PARSE_##VALUE(verb, option, value, max_bytes, filter->name##_bytes[filter->wanted.n_##name]); \
        filter->wanted.n_##name += r == EXIT_STATUS_OK;                        \
        return r;
#define READ_CPU_LIST(name, max, max_bytes, option, VALUE)                     \
        if (filter->wanted.name)                                               \
                return error_usage(verb, "--%s: it can be given once; give one list, such as 0-3,8.", option); \
        r = PARSE_##VALUE(verb, option, value);                                \
        if (r == EXIT_STATUS_OK)                                               \
                filter->wanted.name = value;                                   \
        return r;
#define READ_FLAG(name, max, max_bytes, option, VALUE)                         \
        filter->wanted.name = true;                                            \
        return EXIT_STATUS_OK;

/**
 * filter_options_read_option() - take an option
 * @filter:     gets it
 * @verb:       the verb that has the option, for the error text
 * @option:     FILTER_OPTIONS_OPTION_*
 * @value:      its value; kept as a pointer, but for paths
 *
 * Return: EXIT_STATUS_OK, or the status of error_usage().
 */
int filter_options_read_option(FilterOptions *filter, const char *verb, int option, const char *value) {
        int r;

        switch (option) {
#define READ(name, NAME, shape, max, max_bytes, scope, noun, nouns, OPTION, option, VALUE, help)                       \
        case FILTER_OPTIONS_OPTION_##OPTION:                                                                           \
                READ_##shape(name, max, max_bytes, option, VALUE)
        FILTER_CRITERIA(READ)
#undef READ
        }

        return EXIT_STATUS_USAGE;
}

/* The function of the rows: the row's member is the FilterOptions. */
int filter_options_read_row(const Option *option, const char *verb, const char *value, void *options) {
        return filter_options_read_option(option_set_member(option, options), verb, option->number, value);
}

/*
 * The rows.
 */

#define VALUE_USER "USER"
#define VALUE_PID "PID"
#define VALUE_GLOB "GLOB"
#define VALUE_PATH "PATH"
#define VALUE_LIST "LIST"
#define VALUE_NONE NULL

#define ROW(name, NAME, shape, max, max_bytes, scope, noun, nouns, OPTION, option, VALUE, text)                        \
        { OPTION_READ, 0, option, VALUE_##VALUE, text, .number = FILTER_OPTIONS_OPTION_##OPTION,                       \
          .read = filter_options_read_row },
#define ROW_IF_TASK(...) ROW(__VA_ARGS__)
#define ROW_IF_EVENT(...)
#define ROW_IF(name, NAME, shape, max, max_bytes, scope, ...)                                                          \
        ROW_IF_##scope(name, NAME, shape, max, max_bytes, scope, __VA_ARGS__)

static const Option filter_options_rows_tasks[] = { FILTER_CRITERIA(ROW_IF) };
static const Option filter_options_rows_all[] = { FILTER_CRITERIA(ROW) };

const OptionGroup filter_options_tasks = {
        .rows = filter_options_rows_tasks,
        .n_rows = sizeof(filter_options_rows_tasks) / sizeof(*filter_options_rows_tasks),
};

const OptionGroup filter_options_all = {
        .rows = filter_options_rows_all,
        .n_rows = sizeof(filter_options_rows_all) / sizeof(*filter_options_rows_all),
};
