/* SPDX-License-Identifier: Apache-2.0 */

/*
 * taskbroker: what every task of this machine does, for people and scripts.
 *
 * Finds the verb and calls its function.
 */

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "taskbroker/taskbroker.h"

#include "clients/cli/base/error.h"
#include "clients/cli/base/exit_status.h"
#include "clients/cli/base/output.h"
#include "clients/cli/base/signals.h"
#include "clients/cli/verbs.h"

static const Verb verbs[] = {
        { "watch", verb_watch, "print what happens, as it happens" },
        { "ps", verb_ps, "print the tasks that are alive" },
        { "top", verb_top, "show what tasks use while they live, and what those used that ended" },
        { "iotop", verb_iotop, "show who reads from storage and writes to it" },
        { "run", verb_run, "run a command, and print what it and all that it started used" },
        { "stats", verb_stats, "show what processes have used up to now" },
        { "status", verb_status, "show the broker's counters, and whether anything was lost" },
#ifdef HAVE_HISTORY
        { "record", verb_record, "record every process in a database" },
        { "history", verb_history, "show what was recorded" },
#endif
};

#define N_VERBS (sizeof(verbs) / sizeof(*verbs))

static void print_help(FILE *stream) {
        fputs("Usage: taskbroker [--socket PATH] VERB [OPTION]...\n\nVerbs:\n", stream);
        for (size_t i = 0; i < N_VERBS; ++i)
                fprintf(stream, "  %-10s %s\n", verbs[i].name, verbs[i].summary);
        fputs("\n"
              "Options:\n"
              "      --socket PATH  the broker's socket (else " TB_SOCKET_ENV ", else " TB_SOCKET_PATH ")\n"
              "  -h, --help         this text; after a verb, what the verb takes\n"
              "      --version      the version\n"
              "\n"
              "See taskbroker(1).\n",
              stream);
}

static int run_verb(const char *socket_path, int argc, char **argv) {
        for (size_t i = 0; i < N_VERBS; ++i) {
                if (strcmp(verbs[i].name, argv[0]) != 0)
                        continue;

                /* 0, not 1: getopt_long() must forget the mode in which it read the first options. */
                optind = 0;
                return verbs[i].run(socket_path, argc, argv);
        }

        return error_usage(NULL, "%s: there is no such verb; taskbroker --help lists the verbs.", argv[0]);
}

/*
 * Opens standard descriptors that our caller has closed. Otherwise the connection could
 * get the number of standard output, and the broker would receive what is printed. Each
 * is opened for the wrong direction, so that its use fails as it should.
 */
static int hold_standard_descriptors(void) {
        for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; ++fd) {
                if (fcntl(fd, F_GETFD) >= 0)
                        continue;
                if (open("/dev/null", (fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) | O_CLOEXEC) != fd)
                        return -EBADF;
        }

        return 0;
}

/* Flushes stdio, which printed help and version; verbs flush their own output. EIO: the terminal was closed. */
static int finish(int status) {
        int r = fflush(stdout) == 0 ? 0 : -errno;
        if (status != EXIT_STATUS_OK || r == -EIO)
                return status;
        if (r < 0)
                return output_verdict(r);
        if (!ferror(stdout))
                return status;

        /* An earlier flush, of a full buffer, failed. */
        error_print("Cannot write to standard output.");
        return EXIT_STATUS_ERROR;
}

static int run(int argc, char **argv) {
        static const struct option options[] = {
                { "help", no_argument, NULL, 'h' },
                { "socket", required_argument, NULL, 's' },
                { "version", no_argument, NULL, 'v' },
                { NULL, 0, NULL, 0 },
        };
        const char *socket_path = NULL;
        int c;

        while ((c = getopt_long(argc, argv, "+:h", options, NULL)) >= 0) {
                switch (c) {
                case 'h':
                        print_help(stdout);
                        return EXIT_STATUS_OK;
                case 's':
                        socket_path = optarg;
                        break;
                case 'v':
                        puts("taskbroker " TASKBROKER_VERSION);
                        return EXIT_STATUS_OK;
                default:
                        return error_option(NULL, c, argv);
                }
        }
        if (optind >= argc) {
                print_help(stderr);
                return EXIT_STATUS_USAGE;
        }

        return run_verb(socket_path, argc - optind, argv + optind);
}

int main(int argc, char **argv) {
        if (hold_standard_descriptors() < 0)
                return EXIT_STATUS_ERROR;
        setlocale(LC_TIME, "");
        signals_ignore_pipe();

        return finish(run(argc, argv));
}
