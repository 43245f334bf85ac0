/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The command line of taskbroker iotop, which has the options of iotop.
 */

#include <stdio.h>
#include <string.h>

#include "clients/cli/base/error.h"
#include "clients/cli/base/exit_status.h"
#include "clients/cli/base/option.h"
#include "clients/cli/iotop/iotop_options.h"
#include "clients/cli/model/interval.h"

enum {
        OPTION_NO_HELP = 256,
        OPTION_SOCKET,
};

static void iotop_options_help(void) {
        fputs("Usage: taskbroker [--socket PATH] iotop [OPTION]...\n"
              "\n"
              "Shows who reads from storage and writes to it, as iotop(8) does.\n"
              "\n"
              "  -o, --only         only tasks that do so, or wait for it\n"
              "  -b, --batch        print instead of drawing a screen\n"
              "  -n, --iter COUNT   end after COUNT samples\n"
              "  -d, --delay SECONDS\n"
              "                     a sample so often, from 0.1 to 60 (default: 1)\n"
              "  -p, --pid PID      only this process or thread; may be given several times\n"
              "  -u, --user USER    only tasks of this user; may be given several times\n"
              "  -P, --processes    processes instead of threads\n"
              "  -a, --accumulated  what was moved since the start, instead of a rate\n"
              "  -k, --kilobytes    always kilobytes\n"
              "  -t, --time         the time before each line; means -b\n"
              "  -q, --quiet        the columns' names only once; -qq: never; -qqq: nor the sums; means -b\n"
              "      --no-help      no line of keys\n"
              "      --socket PATH  the broker's socket\n"
              "  -h, --help         this text\n",
              stdout);
}

static int iotop_options_read_pid(IotopOptions *options, const char *value) {
        uint64_t pid;

        if (options->n_pids == TB_FILTER_PIDS_MAX)
                return error_usage("iotop", "-p: it can be given %u times at most.", TB_FILTER_PIDS_MAX);
        if (!option_read_number(value, 1, 4194304, &pid))
                return error_usage("iotop", "-p %s: it is a number from 1 to 4194304.", value);

        options->pids[options->n_pids++] = (uint32_t)pid;
        return EXIT_STATUS_OK;
}

static int iotop_options_read_one(void *closure, int c, const char *value) {
        IotopOptions *options = closure;

        switch (c) {
        case 'P':
                options->processes = true;
                return EXIT_STATUS_OK;
        case 'a':
                options->accumulated = true;
                return EXIT_STATUS_OK;
        case 'b':
                options->batch = true;
                return EXIT_STATUS_OK;
        case 'd':
                return interval_read("iotop", value, &options->interval_ms);
        case 'k':
                options->kilobytes = true;
                return EXIT_STATUS_OK;
        case 'n':
                if (!option_read_number(value, 1, UINT64_MAX, &options->iterations))
                        return error_usage("iotop", "-n %s: it is a number of at least 1.", value);
                return EXIT_STATUS_OK;
        case 'o':
                options->only = true;
                return EXIT_STATUS_OK;
        case 'p':
                return iotop_options_read_pid(options, value);
        case 'q':
                ++options->quiet;
                options->batch = true;
                return EXIT_STATUS_OK;
        case 't':
                options->time = true;
                options->batch = true;
                return EXIT_STATUS_OK;
        case 'u':
                return filter_options_read_option(&options->filter, "iotop", FILTER_OPTIONS_OPTION_UID, value);
        case OPTION_NO_HELP:
                options->help = false;
                return EXIT_STATUS_OK;
        case OPTION_SOCKET:
                options->socket_path = value;
                return EXIT_STATUS_OK;
        }

        return EXIT_STATUS_USAGE;
}

/**
 * iotop_options_read() - read the command line
 * @options:    output; set to the defaults before
 * @argc:       the number of arguments, with the verb
 * @argv:       the arguments, with the verb
 *
 * Return: VERB_CONTINUE, or the exit status.
 */
int iotop_options_read(IotopOptions *options, int argc, char **argv) {
        static const struct option table[] = {
                {"accumulated", no_argument, NULL, 'a'},
                {"batch", no_argument, NULL, 'b'},
                {"delay", required_argument, NULL, 'd'},
                {"help", no_argument, NULL, 'h'},
                {"iter", required_argument, NULL, 'n'},
                {"kilobytes", no_argument, NULL, 'k'},
                {"no-help", no_argument, NULL, OPTION_NO_HELP},
                {"only", no_argument, NULL, 'o'},
                {"pid", required_argument, NULL, 'p'},
                {"processes", no_argument, NULL, 'P'},
                {"quiet", no_argument, NULL, 'q'},
                {"socket", required_argument, NULL, OPTION_SOCKET},
                {"time", no_argument, NULL, 't'},
                {"user", required_argument, NULL, 'u'},
                {NULL, 0, NULL, 0},
        };
        static const OptionSet set = {
                .verb = "iotop",
                .letters = ":Pabd:hkn:op:qtu:",
                .table = table,
                .help = iotop_options_help,
                .read = iotop_options_read_one,
        };
        int r;

        filter_options_init(&options->filter);
        r = option_parse(&set, argc, argv, options);
        if (r != VERB_CONTINUE)
                return r;
        if (optind < argc)
                return error_usage("iotop", "%s: iotop takes options only.", argv[optind]);

        return VERB_CONTINUE;
}

/* Asks the broker for the statistics that the columns are made of, and no more. */
void iotop_options_settings(const IotopOptions *options, LiveSettings *ret_settings) {
        *ret_settings = (LiveSettings){
                .socket_path = options->socket_path,
                .interval_ms = options->interval_ms,
                .scope = options->processes ? TB_SAMPLE_PROCESSES : TB_SAMPLE_THREADS,
                .groups = TB_STATS_BIT(TB_STATS_IO) | TB_STATS_BIT(TB_STATS_DELAYS) | TB_STATS_BIT(TB_STATS_SCHEDULING),
                .events = true,
                .programs = true,
                .filter = &options->filter.wanted,
        };
}
