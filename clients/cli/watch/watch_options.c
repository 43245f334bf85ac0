/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The command line of taskbroker watch.
 */

#include <stdio.h>

#include "clients/cli/base/error.h"
#include "clients/cli/base/exit_status.h"
#include "clients/cli/base/option.h"
#include "clients/cli/base/option_set.h"
#include "clients/cli/watch/watch_options.h"
#include "proto/event_kinds.h"

/* "fork, exec, ", and so on: each kind with a comma behind it. */
#define KIND_NAME(NAME, name, ...) #name ", "
#define KIND_NAMES EVENT_KINDS(KIND_NAME)

static int watch_options_read_kinds(const Option *option, const char *verb, const char *value, void *options) {
        char wrong[80];

        if (!option_read_kinds(value, option_set_member(option, options), wrong, sizeof(wrong)))
                return error_usage(verb, "-e %s: \"%s\" is not a kind of event; there are " KIND_NAMES "and all.",
                                   value, wrong);

        return EXIT_STATUS_OK;
}

static int watch_options_read_span(const Option *option, const char *verb, const char *value, void *options) {
        if (!option_read_seconds(value, option_set_member(option, options)))
                return error_usage(verb,
                                   "-t %s: a time is a number of seconds such as 10 or 0.5, "
                                   "greater than 0 and at most 1000000000.",
                                   value);

        return EXIT_STATUS_OK;
}

static int watch_options_read_time(const Option *option, const char *verb, const char *value, void *options) {
        if (!time_form_find(value, option_set_member(option, options)))
                return error_usage(verb, "--time %s: the form of times is " TIME_FORM_NAMES ".", value);

        return EXIT_STATUS_OK;
}

static const Option watch_options_rows[] = {
        { OPTION_READ, 'e', NULL, "KIND[,KIND]...",
          "print these kinds: " KIND_NAMES "or all (default: fork,exec,exit,loss)", .wrapped = true,
          .offset = offsetof(WatchOptions, kinds), .read = watch_options_read_kinds },
        { OPTION_SET_TRUE, 0, "threads", NULL, "threads too, not only processes",
          .offset = offsetof(WatchOptions, threads) },
        { OPTION_SET_TRUE, 0, "args", NULL, "command lines, with execs and exits",
          .offset = offsetof(WatchOptions, arguments) },
        { OPTION_SET_TRUE, 0, "parents", NULL, "the names of parents", .offset = offsetof(WatchOptions, parents) },
        { OPTION_SET_TRUE, 'N', "numeric", NULL, "users as numbers", .offset = offsetof(WatchOptions, numeric) },
        { OPTION_READ, 0, "time", "FORM", "the form of times: " TIME_FORM_NAMES " (default: time)",
          .offset = offsetof(WatchOptions, time_form), .read = watch_options_read_time },
        { OPTION_SET_TRUE, 0, "snapshot", NULL, "first the tasks that are alive",
          .offset = offsetof(WatchOptions, snapshot) },
        { OPTION_SET_TRUE, 0, "json", NULL, "one JSON object a line", .offset = offsetof(WatchOptions, json) },
        { OPTION_NUMBER, 'n', NULL, "COUNT", "end after COUNT events", .offset = offsetof(WatchOptions, count),
          .min = 1, .max = UINT64_MAX, .wrong = "a count of events is a whole number from 1 on." },
        { OPTION_READ, 't', NULL, "SECONDS", "end after SECONDS", .offset = offsetof(WatchOptions, span_ns),
          .read = watch_options_read_span },
        { OPTION_SET_TRUE, 0, "strict", NULL, "end with status 3 as soon as anything was lost",
          .offset = offsetof(WatchOptions, strict) },
        OPTION_SET_ROWS_COMMON(WatchOptions),
        { OPTION_HEADING, .help = "\nFilters:\n" },
        { OPTION_GROUP, .group = &filter_options_all, .offset = offsetof(WatchOptions, filter) },
};

/**
 * watch_options_read() - read the command line
 * @options:    output; set to the defaults before; keeps pointers into @argv
 * @argc:       the number of arguments, with the verb
 * @argv:       the arguments, with the verb
 *
 * Return: VERB_CONTINUE, or the exit status.
 */
int watch_options_read(WatchOptions *options, int argc, char **argv) {
        static const OptionSet set = {
                .verb = "watch",
                .rows = watch_options_rows,
                .n_rows = sizeof(watch_options_rows) / sizeof(*watch_options_rows),
                .head = "Usage: taskbroker [--socket PATH] watch [OPTION]...\n"
                        "\n"
                        "Prints what tasks do, as it happens.\n"
                        "\n",
                .tail = "\n"
                        "All but --cpu and --nonzero may be given several times: what is printed matches one\n"
                        "of each sort. Losses are always printed, unless -e leaves them out.\n"
                        "\n"
                        "If the broker goes away, watch waits for it and goes on.\n",
        };

        filter_options_init(&options->filter);
        return option_set_parse(&set, argc, argv, options);
}
