/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/*
 * The command line. test_rows() and test_usage() go over the table of options, so that a
 * new row is tested without a new test; the other tests name options that they know.
 */

#include <getopt.h>

#include "broker/base/util.h"
#include "broker/daemon/options.h"
#include "tests/unit/harness.h"

#define ARGUMENTS_MAX 12

/* Parses "taskbrokerd" and @arguments; the printed output goes to @text. */
static int parse(Options *options, const char *const *arguments, char *text, size_t n_text) {
        char *argv[ARGUMENTS_MAX + 2] = { (char *)"taskbrokerd" };
        int argc = 1, fds[2], saved[2], r;
        ssize_t n;

        while (arguments[argc - 1]) {
                argv[argc] = (char *)arguments[argc - 1];
                ++argc;
        }
        optind = 0;

        assert(pipe2(fds, O_CLOEXEC | O_NONBLOCK) == 0);
        fflush(NULL);
        for (int i = 0; i < 2; ++i) {
                saved[i] = dup(1 + i);
                assert(saved[i] >= 0 && dup2(fds[1], 1 + i) >= 0);
        }
        r = options_parse(options, argc, argv);
        fflush(NULL);
        for (int i = 0; i < 2; ++i) {
                assert(dup2(saved[i], 1 + i) >= 0);
                close(saved[i]);
        }
        close(fds[1]);
        n = read(fds[0], text, n_text - 1);
        text[MAX(n, 0)] = 0;
        close(fds[0]);
        return r;
}

static void test_defaults(void) {
        char text[4096];
        Options options;

        assert(parse(&options, (const char *const[]){ NULL }, text, sizeof(text)) == 0);
        assert(text[0] == 0);
        assert(strcmp(options.socket_path, "/run/taskbroker.sock") == 0);
        assert(options.rcvbuf_bytes == 64ull << 20);
        assert(options.feed_bytes == 16ull << 20);
        assert(options.log_level == LOG_LEVEL_INFO);
        assert(!options.check);
        assert(!options.user && !options.keep_ptrace && options.seccomp);
        assert(!options.admin_group && !options.shows_exit_status);
        assert(options.socket_mode == 0666 && !options.socket_group);
        assert(options.connector_fd == -1 && options.taskstats_fd == -1 && options.listener_fd == -1);
        assert(strcmp(options.procfs, "/proc") == 0);
}

static void test_all(void) {
        char text[4096];
        Options options;

        assert(parse(&options,
                     (const char *const[]){ "--socket", "/x/y", "--rcvbuf-mib=1", "--feed-mib", "1024", "--log-level",
                                            "debug", "--check", "--user", "nobody", "--keep-ptrace", "--seccomp=off",
                                            NULL },
                     text, sizeof(text)) == 0);
        assert(text[0] == 0);
        assert(strcmp(options.socket_path, "/x/y") == 0);
        assert(options.rcvbuf_bytes == 1ull << 20);
        assert(options.feed_bytes == 1024ull << 20);
        assert(options.log_level == LOG_LEVEL_DEBUG);
        assert(options.check);
        assert(strcmp(options.user, "nobody") == 0);
        assert(options.keep_ptrace && !options.seccomp);

        assert(parse(&options,
                     (const char *const[]){ "--socket-mode=0660", "--socket-group", "adm", "--admin-group=wheel",
                                            "--foreign-exit-status", "show", NULL },
                     text, sizeof(text)) == 0);
        assert(options.socket_mode == 0660 && strcmp(options.socket_group, "adm") == 0);
        assert(strcmp(options.admin_group, "wheel") == 0 && options.shows_exit_status);
        assert(parse(&options, (const char *const[]){ "--foreign-exit-status=withhold", NULL }, text, sizeof(text)) ==
               0);
        assert(!options.shows_exit_status);

        assert(parse(&options,
                     (const char *const[]){ "--connector-fd=3", "--taskstats-fd=0", "--listener-fd=5", "--procfs=/fake",
                                            "--rcvbuf-bytes=2000", NULL },
                     text, sizeof(text)) == 0);
        assert(options.connector_fd == 3 && options.taskstats_fd == 0 && options.listener_fd == 5);
        assert(strcmp(options.procfs, "/fake") == 0);
        assert(options.rcvbuf_bytes == 2000);
}

/* A value that the option accepts; NULL: it takes none. */
static const char *good_value(const OptionRow *row, char text[24]) {
        switch (row->type) {
        case OPTION_NUMBER:
                snprintf(text, 24, "%llu", (unsigned long long)row->max);
                return text;
        case OPTION_TEXT:
                return "x";
        case OPTION_FD:
                return "5";
        case OPTION_MODE:
                return "0640";
        case OPTION_CHOICE:
                return row->choices[true];
        case OPTION_LOG_LEVEL:
                return "debug";
        case OPTION_DELAYACCT:
                return "on-demand";
        case OPTION_FLAG:
        case OPTION_PRINT:
                return NULL;
        }
        return NULL;
}

/* The field that @row sets has the value that the good text stands for. */
static bool is_good(const OptionRow *row, const Options *options) {
        const void *field = (const char *)options + row->offset;

        switch (row->type) {
        case OPTION_FLAG:
        case OPTION_CHOICE:
                return *(const bool *)field;
        case OPTION_TEXT:
                return strcmp(*(const char *const *)field, "x") == 0;
        case OPTION_NUMBER:
                return *(const uint64_t *)field == row->max * row->unit;
        case OPTION_FD:
                return *(const int *)field == 5;
        case OPTION_MODE:
                return *(const uint32_t *)field == 0640;
        case OPTION_LOG_LEVEL:
                return *(const LogLevel *)field == LOG_LEVEL_DEBUG;
        case OPTION_DELAYACCT:
                return *(const DelayacctMode *)field == DELAYACCT_ON_DEMAND;
        case OPTION_PRINT:
                return true;
        }
        return false;
}

/* Parses --NAME=VALUE, and the other descriptor where one alone is refused. */
static int parse_row(Options *options, const OptionRow *row, const char *value, char *text, size_t n_text) {
        /* the options borrow it */
        static char argument[128];

        snprintf(argument, sizeof(argument), value ? "--%s=%s" : "--%s", row->name, value);
        if (strcmp(row->name, "connector-fd") == 0)
                return parse(options, (const char *const[]){ "--taskstats-fd=1", argument, NULL }, text, n_text);
        if (strcmp(row->name, "taskstats-fd") == 0)
                return parse(options, (const char *const[]){ "--connector-fd=1", argument, NULL }, text, n_text);
        return parse(options, (const char *const[]){ argument, NULL }, text, n_text);
}

/* @value is refused with a sentence that names the option, the value and what is accepted. */
static void refuse_row(const OptionRow *row, const char *value) {
        char text[4096], quoted[64];
        Options options;

        snprintf(quoted, sizeof(quoted), "not '%s'.", value);
        assert(parse_row(&options, row, value, text, sizeof(text)) == OPTIONS_E_USAGE);
        assert(strncmp(text, "taskbrokerd: --", 15) == 0 && strstr(text, row->name) && strstr(text, quoted));
        assert(strstr(text, row->accepted ? row->accepted : "a number"));
        assert(text[strlen(text) - 1] == '\n');
}

static void refuse_number(const OptionRow *row, uint64_t number) {
        char value[24];

        snprintf(value, sizeof(value), row->type == OPTION_MODE ? "%llo" : "%llu", (unsigned long long)number);
        refuse_row(row, value);
}

static void refuse_bad_values(const OptionRow *row) {
        static const char *const no_numbers[] = { "", "-1", "+1", " 1", "1M", "two", "0x1", "99999999999999999999" };

        if (row->type == OPTION_TEXT) {
                if (row->min > 0)
                        refuse_row(row, "");
                return;
        }
        refuse_row(row, "maybe");
        refuse_row(row, "");
        if (row->max == 0)
                return;
        for (size_t i = 0; i < ARRAY_SIZE(no_numbers); ++i)
                refuse_row(row, no_numbers[i]);
        if (row->min > 0)
                refuse_number(row, row->min - 1);
        refuse_number(row, row->max + 1);
}

/* Each row: a good value, bad values, a value where none is taken, and none where one is. */
static void test_rows(void) {
        size_t n;
        const OptionRow *rows = options_rows(&n);
        char text[4096], value[24];
        Options options;

        for (const OptionRow *row = rows; row < rows + n; ++row) {
                bool takes_value = good_value(row, value);

                if (row->type == OPTION_PRINT)
                        continue;
                assert(parse_row(&options, row, good_value(row, value), text, sizeof(text)) == 0);
                assert(text[0] == 0 && is_good(row, &options));

                if (!takes_value) {
                        assert(parse_row(&options, row, "yes", text, sizeof(text)) == OPTIONS_E_USAGE);
                        assert(strstr(text, row->name) && strstr(text, "--help"));
                        continue;
                }
                assert(parse_row(&options, row, NULL, text, sizeof(text)) == OPTIONS_E_USAGE);
                assert(strstr(text, row->name) && strstr(text, "--help"));
                refuse_bad_values(row);
                if (row->type == OPTION_CHOICE) {
                        assert(parse_row(&options, row, row->choices[false], text, sizeof(text)) == 0);
                        assert(!is_good(row, &options));
                }
        }
}

/* The usage has each option that it should, once, with its range. */
static void test_usage(void) {
        size_t n;
        const OptionRow *rows = options_rows(&n);
        char text[8192], line[64];
        Options options;

        assert(parse(&options, (const char *const[]){ "--help", NULL }, text, sizeof(text)) == OPTIONS_E_DONE);
        for (const OptionRow *row = rows; row < rows + n; ++row) {
                snprintf(line, sizeof(line), "\n  --%s%c", row->name, row->value_name ? ' ' : ' ');
                if (row->type == OPTION_PRINT)
                        continue;
                assert(!strstr(text, line) == !row->help);
                if (row->help && row->type == OPTION_NUMBER) {
                        snprintf(line, sizeof(line), ", %llu to %llu (default %llu)\n", (unsigned long long)row->min,
                                 (unsigned long long)row->max, (unsigned long long)row->number);
                        assert(strstr(strstr(text, row->help), line));
                }
        }
}

/* If an option is there twice, the last one counts. */
static void test_twice(void) {
        char text[4096];
        Options options;

        assert(parse(&options, (const char *const[]){ "--feed-mib=1", "--feed-mib=2", NULL }, text, sizeof(text)) == 0);
        assert(options.feed_bytes == 2ull << 20);
        assert(parse(&options, (const char *const[]){ "--rcvbuf-mib=1", "--rcvbuf-bytes=9", NULL }, text,
                     sizeof(text)) == 0);
        assert(options.rcvbuf_bytes == 9);
        assert(parse(&options, (const char *const[]){ "--seccomp=on", "--seccomp=off", NULL }, text, sizeof(text)) ==
               0);
        assert(!options.seccomp);
        assert(parse(&options, (const char *const[]){ "--feed-mib=0", "--feed-mib=2", NULL }, text, sizeof(text)) ==
               OPTIONS_E_USAGE);
}

/* Errors that no single row explains, and the sentences with a range in them. */
static void test_refused(void) {
        static const struct {
                const char *arguments[3];
                const char *said[2];
        } rows[] = {
                { { "--rcvbuf-mib", "1025" }, { "a number of MiB from 1 to 1024", "'1025'" } },
                { { "--clients-mib", "0" }, { "a number of MiB from 16 to 65536", "'0'" } },
                { { "--user-connections", "4097" }, { "a number from 1 to 4096", "'4097'" } },
                { { "--connector-fd", "3" }, { "--taskstats-fd", "go together" } },
                { { "--taskstats-fd", "3" }, { "--connector-fd", "go together" } },
                { { "--unknown" }, { "unknown", "--help" } },
                { { "-x" }, { "x", "--help" } },
                { { "start" }, { "'start'", "--help" } },
                { { "--check", "now" }, { "'now'", "--help" } },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); ++i) {
                char text[4096];
                Options options;

                assert(parse(&options, rows[i].arguments, text, sizeof(text)) == OPTIONS_E_USAGE);
                for (size_t k = 0; k < 2; ++k)
                        assert(strstr(text, rows[i].said[k]));
                assert(text[strlen(text) - 1] == '\n');
        }
}

static void test_help_and_version(void) {
        char text[4096];
        Options options;

        assert(parse(&options, (const char *const[]){ "--help", NULL }, text, sizeof(text)) == OPTIONS_E_DONE);
        assert(strncmp(text, "Usage: taskbrokerd", 18) == 0);
        assert(strstr(text, "--socket") && strstr(text, "--feed-mib") && strstr(text, "--check"));
        /* options for tests are not shown */
        assert(!strstr(text, "connector-fd") && !strstr(text, "procfs"));

        assert(parse(&options, (const char *const[]){ "--version", NULL }, text, sizeof(text)) == OPTIONS_E_DONE);
        assert(strcmp(text, "taskbrokerd " TASKBROKER_VERSION "\n") == 0);
}

/* An option may be abbreviated as long as the abbreviation fits one option only. */
static void test_abbreviations(void) {
        char text[4096];
        Options options;

        assert(parse(&options, (const char *const[]){ "--socket-m=0600", NULL }, text, sizeof(text)) == 0);
        assert(options.socket_mode == 0600);
        assert(parse(&options, (const char *const[]){ "--rcvbuf=5", NULL }, text, sizeof(text)) == OPTIONS_E_USAGE);
}

int main(void) {
        test_defaults();
        test_all();
        test_rows();
        test_usage();
        test_twice();
        test_refused();
        test_help_and_version();
        test_abbreviations();
        return 0;
}
