/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The command line of taskbroker iotop, which has the options of iotop.
 */

#include "clients/cli/base/error.h"
#include "clients/cli/base/exit_status.h"
#include "clients/cli/base/option.h"
#include "clients/cli/base/option_set.h"
#include "clients/cli/iotop/iotop_options.h"
#include "clients/cli/model/interval.h"

static int iotop_options_read_pid(const Option *option, const char *verb, const char *value, void *closure) {
        IotopOptions *options = closure;
        uint64_t pid;

        (void)option;
        if (options->n_pids == TB_FILTER_PIDS_MAX)
                return error_usage(verb, "-p: it can be given %u times at most.", TB_FILTER_PIDS_MAX);
        if (!option_read_number(value, 1, 4194304, &pid))
                return error_usage(verb, "-p %s: it is a number from 1 to 4194304.", value);

        options->pids[options->n_pids++] = (uint32_t)pid;
        return EXIT_STATUS_OK;
}

static int iotop_options_read_quiet(const Option *option, const char *verb, const char *value, void *closure) {
        IotopOptions *options = closure;

        (void)option;
        (void)verb;
        (void)value;
        ++options->quiet;
        options->batch = true;
        return EXIT_STATUS_OK;
}

static int iotop_options_read_time(const Option *option, const char *verb, const char *value, void *closure) {
        IotopOptions *options = closure;

        (void)option;
        (void)verb;
        (void)value;
        options->time = true;
        options->batch = true;
        return EXIT_STATUS_OK;
}

static const Option iotop_options_rows[] = {
        { OPTION_SET_TRUE, 'o', "only", NULL, "only tasks that do so, or wait for it",
          .offset = offsetof(IotopOptions, only) },
        { OPTION_SET_TRUE, 'b', "batch", NULL, "print instead of drawing a screen",
          .offset = offsetof(IotopOptions, batch) },
        { OPTION_NUMBER, 'n', "iter", "COUNT", "end after COUNT samples",
          .offset = offsetof(IotopOptions, iterations), .min = 1, .max = UINT64_MAX,
          .wrong = "it is a number of at least 1." },
        { OPTION_READ, 'd', "delay", "SECONDS", "a sample so often, from 0.1 to 60 (default: 1)",
          .offset = offsetof(IotopOptions, interval_ms), .read = interval_read },
        { OPTION_READ, 'p', "pid", "PID", "only this process or thread; may be given several times",
          .read = iotop_options_read_pid },
        { OPTION_READ, 'u', "user", "USER", "only tasks of this user; may be given several times",
          .offset = offsetof(IotopOptions, filter), .number = FILTER_OPTIONS_OPTION_UID,
          .read = filter_options_read_row },
        { OPTION_SET_TRUE, 'P', "processes", NULL, "processes instead of threads",
          .offset = offsetof(IotopOptions, processes) },
        { OPTION_SET_TRUE, 'a', "accumulated", NULL, "the amount since the start, instead of a rate",
          .offset = offsetof(IotopOptions, accumulated) },
        { OPTION_SET_TRUE, 'k', "kilobytes", NULL, "always kilobytes", .offset = offsetof(IotopOptions, kilobytes) },
        { OPTION_SET_TRUE, 'N', "numeric", NULL, "users as numbers", .offset = offsetof(IotopOptions, numeric) },
        { OPTION_READ, 't', "time", NULL, "the time before each line; means -b", .read = iotop_options_read_time },
        { OPTION_READ, 'q', "quiet", NULL, "the columns' names only once; -qq: never; -qqq: nor the sums; means -b",
          .read = iotop_options_read_quiet },
        { OPTION_SET_FALSE, 0, "no-help", NULL, "no line of keys", .offset = offsetof(IotopOptions, help) },
        OPTION_SET_ROWS_COMMON(IotopOptions),
};

/**
 * iotop_options_read() - read the command line
 * @options:    output; set to the defaults before
 * @argc:       the number of arguments, with the verb
 * @argv:       the arguments, with the verb
 *
 * Return: VERB_CONTINUE, or the exit status.
 */
int iotop_options_read(IotopOptions *options, int argc, char **argv) {
        static const OptionSet set = {
                .verb = "iotop",
                .rows = iotop_options_rows,
                .n_rows = sizeof(iotop_options_rows) / sizeof(*iotop_options_rows),
                .head = "Usage: taskbroker [--socket PATH] iotop [OPTION]...\n"
                        "\n"
                        "Shows who reads from storage and writes to it, as iotop(8) does.\n"
                        "\n",
        };

        filter_options_init(&options->filter);
        return option_set_parse(&set, argc, argv, options);
}

/* Asks the broker for the statistics that the columns are made of, and no more. */
void iotop_options_settings(const IotopOptions *options, LiveSettings *ret_settings) {
        *ret_settings = (LiveSettings){
                .socket_path = options->socket_path,
                .verb = "iotop",
                .interval_ms = options->interval_ms,
                .scope = options->processes ? TB_SAMPLE_PROCESSES : TB_SAMPLE_THREADS,
                .groups = TB_STATS_BIT(TB_STATS_IO) | TB_STATS_BIT(TB_STATS_DELAYS) | TB_STATS_BIT(TB_STATS_SCHEDULING),
                .events = true,
                .programs = true,
                .filter = &options->filter.wanted,
        };
}
