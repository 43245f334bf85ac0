/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Options: one table with a row for each option of taskbrokerd. The table of getopt_long(),
 * the usage text, the checks of values and the error texts are made from it. main() calls
 * options_parse(). A new option is a row here, a field of Options and an entry in
 * taskbrokerd(8).
 */

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker/base/util.h"
#include "broker/daemon/options.h"
#include "broker/model/program.h"
#include "broker/policy/limits.h"

#define MIB (1024ull * 1024ull)
#define MIB_MAX 1024
#define CLIENTS_MIB_MIN 16
#define CLIENTS_MIB_MAX 65536
#define FD_MAX (1 << 20)
#define ARGS_MIN 64

#define SOCKET_PATH "/run/taskbroker.sock"
#define SOCKET_MODE "0666"
#define LOG_LEVEL "info"
#define PRIORITY_BOOST 15

/* The value that getopt_long() returns for the first row: above all characters. */
#define OPTION_FIRST 256

/* Where the second column of the usage begins. */
#define HELP_COLUMN 22
#define HELP_INDENT "                      "

static void usage_print(void);
static void version_print(void);

/* The offset of @member, whose type must be @type. */
#define FIELD(type, member)          \
        (offsetof(Options, member) + \
         0 * sizeof(char[__builtin_types_compatible_p(__typeof__(((Options *)NULL)->member), type) ? 1 : -1]))

/* The types' columns of a row. */
#define FLAG(member) .type = OPTION_FLAG, .offset = FIELD(bool, member)
#define TEXT(member, least, names) \
        .type = OPTION_TEXT, .offset = FIELD(const char *, member), .min = (least), .accepted = (names)
#define NUMBER(member, least, most, each, fallback)                                                         \
        .type = OPTION_NUMBER, .offset = FIELD(uint64_t, member), .min = (least), .max = (most), .unit = (each), \
        .number = (fallback)
#define SECONDS(member, fallback) NUMBER(member, 1, 3600, 1, fallback), .accepted = "a number of seconds"
#define FD(member) .type = OPTION_FD, .offset = FIELD(int, member), .max = FD_MAX, .accepted = "a file descriptor"
#define MODE(member)                                                                                                   \
        .type = OPTION_MODE, .offset = FIELD(uint32_t, member), .max = 0777,                                           \
        .accepted = "an octal mode such as 0666 or 0660"
#define CHOICE(member, no, yes, names) \
        .type = OPTION_CHOICE, .offset = FIELD(bool, member), .choices = { no, yes }, .accepted = (names)

/* In the order of the usage. */
static const OptionRow rows[] = {
        { "socket", TEXT(socket_path, 1, "a path"), .text = SOCKET_PATH,
          .value_name = "PATH", .help = "the path of the socket (default " SOCKET_PATH ")" },
        { "socket-mode", MODE(socket_mode), .text = SOCKET_MODE,
          .value_name = "MODE",
          .help = "the octal mode of the socket (default " SOCKET_MODE ": everybody may connect)" },
        { "socket-group", TEXT(socket_group, 0, "a group"),
          .value_name = "GROUP", .help = "the socket's group" },
        { "admin-group", TEXT(admin_group, 1, "a group"),
          .value_name = "GROUP", .help = "its members may know everything, as root does (default taskbroker)" },
        { "foreign-exit-status", CHOICE(shows_exit_status, "withhold", "show", "withhold or show"),
          .value_name = "withhold|show",
          .help = "whether users see the exit status of others' processes (default withhold)" },
        { "rcvbuf-mib", NUMBER(rcvbuf_bytes, 1, MIB_MAX, MIB, 64),
          .value_name = "N", .help = "receive buffer of each kernel source" },
        { "feed-mib", NUMBER(feed_bytes, 1, MIB_MAX, MIB, 16),
          .value_name = "N", .help = "events kept for subscribers that fall behind" },
        { "clients-mib", NUMBER(clients_bytes, CLIENTS_MIB_MIN, CLIENTS_MIB_MAX, MIB, LIMIT_CLIENTS_MIB),
          .value_name = "N", .help = "memory for all clients" },
        { "user-mib", NUMBER(user_bytes, 1, CLIENTS_MIB_MAX, MIB, LIMIT_USER_MIB),
          .value_name = "N", .help = "its part for the clients of one user" },
        { "user-connections", NUMBER(user_connections, 1, LIMIT_CONNECTIONS, 1, LIMIT_USER_CONNECTIONS),
          .value_name = "N", .help = "connections of one user" },
        { "max-args", NUMBER(max_args, ARGS_MIN, PROGRAM_CMDLINE_MAX, 1, PROGRAM_CMDLINE_DEFAULT),
          .value_name = "BYTES", .help = "the length at which command lines are cut" },
        { "delayacct", .type = OPTION_DELAYACCT, .offset = FIELD(DelayacctMode, delayacct),
          .accepted = "never, always or on-demand", .value_name = "MODE",
          .help = "switch delay accounting on: never, always or on-demand, while\n" HELP_INDENT
                  "a client samples (default never: as it is)" },
        { "log-level", .type = OPTION_LOG_LEVEL, .offset = FIELD(LogLevel, log_level), .text = LOG_LEVEL,
          .accepted = "err, warning, notice, info or debug", .value_name = "LEVEL",
          .help = "err, warning, notice, info or debug (default " LOG_LEVEL ")" },
        { "start-file", TEXT(start_file, 1, "a path"),
          .value_name = "PATH",
          .help = "the file on a tmpfs by which tasks keep their identity over a\n" HELP_INDENT
                  "restart (default in /run/taskbroker)" },
        { "user", TEXT(user, 1, "the name of a user"),
          .value_name = "NAME", .help = "the user to become once the kernel's sources are open (default taskbroker)" },
        { "keep-ptrace", FLAG(keep_ptrace),
          .help = "keep CAP_SYS_PTRACE, which shows the executables of other users' processes" },
        { "seccomp", CHOICE(seccomp, "off", "on", "on or off"), .text = "on",
          .value_name = "on|off", .help = "whether the kernel refuses system calls that are not needed (default on)" },
        { "priority-boost", NUMBER(priority_boost, 0, 20, 1, PRIORITY_BOOST),
          .value_name = "N", .help = "lower the nice value from 0, so that users' load loses no events" },
        { "check", FLAG(check), .help = "print what the kernel offers and what is missing, and exit" },
        { "help", .type = OPTION_PRINT, .print = usage_print },
        { "version", .type = OPTION_PRINT, .print = version_print },

        /* For tests. */
        { "rcvbuf-bytes", NUMBER(rcvbuf_bytes, 1, MIB_MAX * MIB, 1, 0), .accepted = "a number of bytes" },
        { "request-seconds", SECONDS(request_seconds, LIMIT_REQUEST_SECONDS) },
        { "unread-seconds", SECONDS(unread_seconds, LIMIT_UNREAD_SECONDS) },
        { "resume-seconds", SECONDS(resume_seconds, LIMIT_RESUME_SECONDS) },
        { "delayacct-seconds", SECONDS(delayacct_seconds, LIMIT_DELAYACCT_SECONDS) },
        { "answer-ticks", NUMBER(answer_ticks, 1, 3600, 1, 1), .accepted = "a number of ticks" },
        { "connector-fd", FD(connector_fd) },
        { "taskstats-fd", FD(taskstats_fd) },
        { "stats-fd", FD(stats_fd) },
        { "listener-fd", FD(listener_fd) },
        { "delayacct-state", TEXT(delayacct_state, 0, "a path"), .text = "/run/taskbroker-delayacct" },
        { "procfs", TEXT(procfs, 0, "a path"), .text = "/proc" },
        { "subuid-file", TEXT(subuid_file, 0, "a path"), .text = "/etc/subuid" },
};

static void usage_print_row(const OptionRow *row) {
        int n;

        n = printf("  --%s%s%s", row->name, row->value_name ? " " : "", row->value_name ? row->value_name : "");
        if (n >= HELP_COLUMN)
                n = printf("\n") - 1;
        printf("%*s%s", HELP_COLUMN - n, "", row->help);
        if (row->type == OPTION_NUMBER)
                printf(", %llu to %llu (default %llu)", (unsigned long long)row->min, (unsigned long long)row->max,
                       (unsigned long long)row->number);
        putchar('\n');
}

static void usage_print(void) {
        fputs("Usage: taskbrokerd [OPTION...]\n"
              "\n"
              "Listens to the kernel's task events and sends them to every client of its socket.\n"
              "\n",
              stdout);
        for (size_t i = 0; i < ARRAY_SIZE(rows); ++i)
                if (rows[i].help)
                        usage_print_row(&rows[i]);
        puts("  --help, --version");
}

static void version_print(void) {
        puts("taskbrokerd " TASKBROKER_VERSION);
}

static bool number_parse(const char *text, int base, uint64_t min, uint64_t max, uint64_t *ret) {
        char *end;

        errno = 0;
        *ret = strtoull(text, &end, base);
        return errno == 0 && *text >= '0' && *text <= '9' && *end == 0 && *ret >= min && *ret <= max;
}

/* Reads the value of one option into its field; false: the value is refused. */
static bool option_store(const OptionRow *row, const char *text, Options *options) {
        void *field = (char *)options + row->offset;
        uint64_t number = 0;

        switch (row->type) {
        case OPTION_FLAG:
                return *(bool *)field = true;
        case OPTION_TEXT:
                *(const char **)field = text;
                return strlen(text) >= row->min;
        case OPTION_NUMBER:
                if (!number_parse(text, 10, row->min, row->max, &number))
                        return false;
                *(uint64_t *)field = number * row->unit;
                return true;
        case OPTION_FD:
                if (!number_parse(text, 10, row->min, row->max, &number))
                        return false;
                *(int *)field = (int)number;
                return true;
        case OPTION_MODE:
                if (!number_parse(text, 8, row->min, row->max, &number))
                        return false;
                *(uint32_t *)field = (uint32_t)number;
                return true;
        case OPTION_CHOICE:
                *(bool *)field = strcmp(text, row->choices[true]) == 0;
                return *(bool *)field || strcmp(text, row->choices[false]) == 0;
        case OPTION_LOG_LEVEL:
                return log_level_parse(text, field);
        case OPTION_DELAYACCT:
                return delayacct_parse_mode(text, field);
        case OPTION_PRINT:
                row->print();
                return true;
        }
        return false;
}

static int option_refuse(const OptionRow *row, const char *text) {
        fprintf(stderr, "taskbrokerd: --%s takes ", row->name);
        if (row->accepted)
                fputs(row->accepted, stderr);
        else
                fprintf(stderr, "a number%s from %llu to %llu", row->unit == MIB ? " of MiB" : "",
                        (unsigned long long)row->min, (unsigned long long)row->max);
        fprintf(stderr, ", not '%s'. See taskbrokerd --help.\n", text);
        return OPTIONS_E_USAGE;
}

static void options_set_defaults(Options *ret_options) {
        *ret_options = (Options){
                .connector_fd = -1,
                .taskstats_fd = -1,
                .stats_fd = -1,
                .listener_fd = -1,
        };
        for (size_t i = 0; i < ARRAY_SIZE(rows); ++i) {
                if (rows[i].text)
                        (void)option_store(&rows[i], rows[i].text, ret_options);
                if (rows[i].number > 0)
                        *(uint64_t *)((char *)ret_options + rows[i].offset) = rows[i].number * rows[i].unit;
        }
}

static int options_check(const Options *options, int argc, char **argv) {
        if (optind < argc) {
                fprintf(stderr, "taskbrokerd: takes options only, not '%s'. See taskbrokerd --help.\n", argv[optind]);
                return OPTIONS_E_USAGE;
        }
        if ((options->connector_fd < 0) != (options->taskstats_fd < 0)) {
                fputs("taskbrokerd: --connector-fd and --taskstats-fd go together.\n", stderr);
                return OPTIONS_E_USAGE;
        }
        return 0;
}

/**
 * options_rows() - the table, for tests
 * @ret_n:  output: how many rows it has
 *
 * Return: The first row.
 */
const OptionRow *options_rows(size_t *ret_n) {
        *ret_n = ARRAY_SIZE(rows);
        return rows;
}

/**
 * options_parse() - read the command line
 * @ret_options:  output; texts are borrowed from @argv
 * @argc:         as main() has it
 * @argv:         as main() has it
 *
 * If an option is given twice, the last value counts.
 *
 * Return: 0, OPTIONS_E_DONE or OPTIONS_E_USAGE.
 */
int options_parse(Options *ret_options, int argc, char **argv) {
        struct option longs[ARRAY_SIZE(rows) + 1] = {};
        int c;

        for (size_t i = 0; i < ARRAY_SIZE(rows); ++i) {
                bool takes_value = rows[i].type != OPTION_FLAG && rows[i].type != OPTION_PRINT;

                longs[i] = (struct option){ rows[i].name, takes_value, NULL, OPTION_FIRST + (int)i };
        }
        options_set_defaults(ret_options);

        while ((c = getopt_long(argc, argv, "", longs, NULL)) >= 0) {
                const OptionRow *row;

                if (c < OPTION_FIRST) {
                        fputs("See taskbrokerd --help.\n", stderr);
                        return OPTIONS_E_USAGE;
                }
                row = &rows[c - OPTION_FIRST];
                if (!option_store(row, optarg, ret_options))
                        return option_refuse(row, optarg);
                if (row->type == OPTION_PRINT)
                        return OPTIONS_E_DONE;
        }
        return options_check(ret_options, argc, argv);
}
