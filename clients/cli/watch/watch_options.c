/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The command line of taskbroker watch.
 */

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "clients/cli/base/error.h"
#include "clients/cli/base/exit_status.h"
#include "clients/cli/base/option.h"
#include "clients/cli/watch/watch_options.h"
#include "proto/event_kinds.h"

enum {
        OPTION_ARGS = 256,
        OPTION_JSON,
        OPTION_SNAPSHOT,
        OPTION_SOCKET,
        OPTION_STRICT,
        OPTION_THREADS,
};

/* "fork, exec, ", and so on: each kind with a comma behind it. */
#define KIND_NAME(NAME, name, ...) #name ", "
#define KIND_NAMES EVENT_KINDS(KIND_NAME)

/* Prints words in lines of at most @width columns, from @column on, where the cursor is. */
static void watch_options_print_wrapped(const char *text, int column, int width) {
        int at = column;

        while (*text) {
                int n = (int)strcspn(text, " ");

                if (at > column && at + 1 + n > width) {
                        printf("\n%*s", column, "");
                        at = column;
                }
                at += printf("%s%.*s", at > column ? " " : "", n, text);
                text += n;
                text += strspn(text, " ");
        }
        printf("\n");
}

static void watch_options_help(void) {
        fputs("Usage: taskbroker [--socket PATH] watch [OPTION]...\n"
              "\n"
              "Prints what tasks do, as it happens.\n"
              "\n"
              "  -e KIND[,KIND]...  ",
              stdout);
        watch_options_print_wrapped("print these kinds: " KIND_NAMES "or all (default: fork,exec,exit,loss)", 21, 84);
        fputs("      --threads      threads too, not only processes\n"
              "      --args         command lines, with execs and exits\n"
              "      --snapshot     first the tasks that are alive\n"
              "      --json         one JSON object a line\n"
              "  -n COUNT           end after COUNT events\n"
              "  -t SECONDS         end after SECONDS\n"
              "      --strict       end with status 3 as soon as anything was lost\n"
              "      --socket PATH  the broker's socket\n"
              "  -h, --help         this text\n"
              "\n"
              "Filters:\n",
              stdout);
        filter_options_print_help(FILTER_HELP_EVENTS | FILTER_HELP_TREE);
        fputs("\n"
              "All but --cpu and --nonzero may be given several times: what is printed matches one\n"
              "of each sort. Losses are always printed, unless -e leaves them out.\n"
              "\n"
              "If the broker goes away, watch waits for it and goes on.\n",
              stdout);
}

static int watch_options_read_kinds(WatchOptions *options, const char *value) {
        char wrong[80];

        if (!option_read_kinds(value, &options->kinds, wrong, sizeof(wrong)))
                return error_usage("watch",
                                   "-e %s: \"%s\" is not a kind of event; there are " KIND_NAMES "and all.",
                                   value,
                                   wrong);
        return EXIT_STATUS_OK;
}

static int watch_options_read_one(void *closure, int c, const char *value) {
        WatchOptions *options = closure;

        if (filter_options_owns(c))
                return filter_options_read_option(&options->filter, "watch", c, value);

        switch (c) {
        case 'e':
                return watch_options_read_kinds(options, value);
        case 'n':
                if (!option_read_number(value, 1, UINT64_MAX, &options->count))
                        return error_usage("watch", "-n %s: a count of events is a whole number from 1 on.", value);
                return EXIT_STATUS_OK;
        case 't':
                if (!option_read_seconds(value, &options->span_ns))
                        return error_usage("watch",
                                           "-t %s: a time is a number of seconds such as 10 or 0.5, "
                                           "greater than 0 and at most 1000000000.",
                                           value);
                return EXIT_STATUS_OK;
        case OPTION_ARGS:
                options->arguments = true;
                return EXIT_STATUS_OK;
        case OPTION_JSON:
                options->json = true;
                return EXIT_STATUS_OK;
        case OPTION_SNAPSHOT:
                options->snapshot = true;
                return EXIT_STATUS_OK;
        case OPTION_SOCKET:
                options->socket_path = value;
                return EXIT_STATUS_OK;
        case OPTION_STRICT:
                options->strict = true;
                return EXIT_STATUS_OK;
        case OPTION_THREADS:
                options->threads = true;
                return EXIT_STATUS_OK;
        }

        return EXIT_STATUS_USAGE;
}

/**
 * watch_options_read() - read the command line
 * @options:    output; set to the defaults before; keeps pointers into @argv
 * @argc:       the number of arguments, with the verb
 * @argv:       the arguments, with the verb
 *
 * Return: VERB_CONTINUE, or the exit status.
 */
int watch_options_read(WatchOptions *options, int argc, char **argv) {
        static const struct option table[] = {
                { "args", no_argument, NULL, OPTION_ARGS },
                { "help", no_argument, NULL, 'h' },
                { "json", no_argument, NULL, OPTION_JSON },
                { "snapshot", no_argument, NULL, OPTION_SNAPSHOT },
                { "socket", required_argument, NULL, OPTION_SOCKET },
                { "strict", no_argument, NULL, OPTION_STRICT },
                { "threads", no_argument, NULL, OPTION_THREADS },
                FILTER_OPTIONS_LONG_OPTIONS
                { NULL, 0, NULL, 0 },
        };
        static const OptionSet set = {
                .verb = "watch",
                .letters = ":e:hn:t:",
                .table = table,
                .help = watch_options_help,
                .read = watch_options_read_one,
        };
        int r;

        filter_options_init(&options->filter);
        r = option_parse(&set, argc, argv, options);
        if (r != VERB_CONTINUE)
                return r;
        if (optind < argc)
                return error_usage("watch", "%s: watch takes options only.", argv[optind]);

        return VERB_CONTINUE;
}
