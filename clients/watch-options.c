/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The command line of taskbroker watch.
 */

#include <getopt.h>
#include <stdio.h>

#include "clients/complain.h"
#include "clients/options.h"
#include "clients/verbs.h"
#include "clients/watch-options.h"

/* PID_MAX_LIMIT of the kernel. */
#define PID_MAX 4194304u

enum {
        OPTION_COMM = 256,
        OPTION_JSON,
        OPTION_PID,
        OPTION_SOCKET,
        OPTION_STRICT,
        OPTION_THREADS,
        OPTION_UID,
};

static void watch_help(void) {
        fputs("Usage: taskbroker [--socket PATH] watch [OPTION]...\n"
              "\n"
              "Prints what tasks do, as it happens.\n"
              "\n"
              "  -e KIND[,KIND]...  what to print: fork, exec, exit, comm, uid, gid, sid, ptrace,\n"
              "                     coredump, loss, or all (default: fork,exec,exit,loss)\n"
              "      --threads      threads too, not only processes\n"
              "      --json         one JSON object a line\n"
              "  -n COUNT           end after COUNT events\n"
              "  -t SECONDS         end after SECONDS\n"
              "      --uid USER     only tasks of this user (a name or a number)\n"
              "      --pid PID      only this process and its children\n"
              "      --comm GLOB    only tasks of such a name\n"
              "      --strict       end with status 3 as soon as anything was lost\n"
              "      --socket PATH  the broker's socket\n"
              "  -h, --help         this text\n"
              "\n"
              "--uid, --pid and --comm may be given several times; losses are always printed,\n"
              "unless -e leaves them out.\n",
              stdout);
}

static int watch_too_many(const char *option) {
        return complain_usage("watch", "%s: it can be given %d times at most.", option, FILTER_MAX);
}

static int watch_read_kinds(WatchOptions *options, const char *value) {
        char wrong[80];

        if (!options_read_kinds(value, &options->kinds, wrong, sizeof(wrong)))
                return complain_usage("watch",
                                      "-e %s: \"%s\" is not a kind of event; there are fork, exec, exit, comm, uid, "
                                      "gid, sid, ptrace, coredump, loss, and all.",
                                      value,
                                      wrong);
        return VERB_OK;
}

static int watch_read_uid(Filter *filter, const char *value) {
        uid_t uid;

        if (filter->n_uids == FILTER_MAX)
                return watch_too_many("--uid");
        if (!options_read_user(value, &uid))
                return complain_usage("watch",
                                      "--uid %s: there is no such user; "
                                      "name one, or give a number from 0 to 4294967294.",
                                      value);

        filter->uids[filter->n_uids++] = (uint32_t)uid;
        return VERB_OK;
}

static int watch_read_pid(Filter *filter, const char *value) {
        uint64_t pid;

        if (filter->n_pids == FILTER_MAX)
                return watch_too_many("--pid");
        if (!options_read_number(value, 1, PID_MAX, &pid))
                return complain_usage("watch", "--pid %s: a process id is a number from 1 to %u.", value, PID_MAX);

        filter->pids[filter->n_pids++] = (uint32_t)pid;
        return VERB_OK;
}

static int watch_read_comm(Filter *filter, const char *value) {
        if (filter->n_comms == FILTER_MAX)
                return watch_too_many("--comm");
        if (!*value)
                return complain_usage("watch", "--comm: the pattern is empty; give a name, or one with *, ? or [...].");

        filter->comms[filter->n_comms++] = value;
        return VERB_OK;
}

static int watch_read_option(WatchOptions *options, int c, const char *value) {
        switch (c) {
        case 'e':
                return watch_read_kinds(options, value);
        case 'n':
                if (!options_read_number(value, 1, UINT64_MAX, &options->count))
                        return complain_usage("watch", "-n %s: a count of events is a whole number from 1 on.", value);
                return VERB_OK;
        case 't':
                if (!options_read_seconds(value, &options->span_ns))
                        return complain_usage("watch",
                                              "-t %s: a time is a number of seconds such as 10 or 0.5, "
                                              "greater than 0 and at most 1000000000.",
                                              value);
                return VERB_OK;
        case OPTION_COMM:
                return watch_read_comm(&options->filter, value);
        case OPTION_JSON:
                options->json = true;
                return VERB_OK;
        case OPTION_PID:
                return watch_read_pid(&options->filter, value);
        case OPTION_SOCKET:
                options->socket_path = value;
                return VERB_OK;
        case OPTION_STRICT:
                options->strict = true;
                return VERB_OK;
        case OPTION_THREADS:
                options->threads = true;
                return VERB_OK;
        case OPTION_UID:
                return watch_read_uid(&options->filter, value);
        }

        return VERB_USAGE;
}

/**
 * watch_options_read() - read the command line
 * @options:    output; what it holds already are the defaults
 * @argc:       of the verb
 * @argv:       of the verb; patterns are kept as pointers into it
 *
 * Return: -1: go on; else the status to exit with.
 */
int watch_options_read(WatchOptions *options, int argc, char **argv) {
        static const struct option table[] = {
                { "comm", required_argument, NULL, OPTION_COMM },
                { "help", no_argument, NULL, 'h' },
                { "json", no_argument, NULL, OPTION_JSON },
                { "pid", required_argument, NULL, OPTION_PID },
                { "socket", required_argument, NULL, OPTION_SOCKET },
                { "strict", no_argument, NULL, OPTION_STRICT },
                { "threads", no_argument, NULL, OPTION_THREADS },
                { "uid", required_argument, NULL, OPTION_UID },
                { NULL, 0, NULL, 0 },
        };
        int c, r;

        while ((c = getopt_long(argc, argv, ":e:hn:t:", table, NULL)) >= 0) {
                if (c == 'h') {
                        watch_help();
                        return VERB_OK;
                }
                if (c == '?' || c == ':')
                        return complain_option("watch", c, argv);
                r = watch_read_option(options, c, optarg);
                if (r != VERB_OK)
                        return r;
        }
        if (optind < argc)
                return complain_usage("watch", "%s: watch takes options only.", argv[optind]);

        return -1;
}
