/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/* The command line: what is taken, and what is refused with a sentence that says what would be. */

#include <getopt.h>

#include "broker/base/util.h"
#include "broker/daemon/options.h"
#include "tests/unit/harness.h"

#define ARGUMENTS_MAX 12

/* Parses "taskbrokerd" and @arguments; what was printed goes to @text. */
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
                                            "debug", "--check", "--user", "nobody", "--keep-ptrace", "--seccomp=off", NULL },
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
        assert(parse(&options, (const char *const[]){ "--foreign-exit-status=withhold", NULL }, text, sizeof(text)) == 0);
        assert(!options.shows_exit_status);

        assert(parse(&options,
                     (const char *const[]){ "--connector-fd=3", "--taskstats-fd=0", "--listener-fd=5", "--procfs=/fake",
                                            "--rcvbuf-bytes=2000", NULL },
                     text, sizeof(text)) == 0);
        assert(options.connector_fd == 3 && options.taskstats_fd == 0 && options.listener_fd == 5);
        assert(strcmp(options.procfs, "/fake") == 0);
        assert(options.rcvbuf_bytes == 2000);
}

static void test_refused(void) {
        static const struct {
                const char *arguments[3];
                const char *said[2];
        } rows[] = {
                { { "--rcvbuf-mib", "0" }, { "--rcvbuf-mib", "'0'" } },
                { { "--rcvbuf-mib", "1025" }, { "1 to 1024", "'1025'" } },
                { { "--rcvbuf-mib", "-1" }, { "--rcvbuf-mib", "'-1'" } },
                { { "--rcvbuf-mib", "+1" }, { "--rcvbuf-mib", "'+1'" } },
                { { "--rcvbuf-mib", " 1" }, { "--rcvbuf-mib", "' 1'" } },
                { { "--rcvbuf-mib", "1M" }, { "--rcvbuf-mib", "'1M'" } },
                { { "--rcvbuf-mib", "" }, { "--rcvbuf-mib", "''" } },
                { { "--rcvbuf-mib", "18446744073709551617" }, { "--rcvbuf-mib", "1 to 1024" } },
                { { "--rcvbuf-bytes", "0" }, { "--rcvbuf-bytes", "number of bytes" } },
                { { "--feed-mib", "0" }, { "--feed-mib", "1 to 1024" } },
                { { "--feed-mib", "two" }, { "--feed-mib", "'two'" } },
                { { "--clients-mib", "0" }, { "16 to 65536", "'0'" } },
                { { "--user-mib", "0" }, { "1 to 65536", "'0'" } },
                { { "--user-connections", "0" }, { "1 to 4096", "'0'" } },
                { { "--user-connections", "4097" }, { "1 to 4096", "'4097'" } },
                { { "--socket-mode", "rw" }, { "--socket-mode", "octal" } },
                { { "--socket-mode", "0668" }, { "--socket-mode", "octal" } },
                { { "--socket-mode", "7777" }, { "--socket-mode", "octal" } },
                { { "--foreign-exit-status", "maybe" }, { "withhold or show", "'maybe'" } },
                { { "--log-level", "loud" }, { "--log-level", "err, warning, notice, info or debug" } },
                { { "--seccomp", "maybe" }, { "--seccomp", "on or off" } },
                { { "--user", "" }, { "--user", "name of a user" } },
                { { "--admin-group", "" }, { "--admin-group", "a group" } },
                { { "--socket", "" }, { "--socket", "a path" } },
                { { "--connector-fd", "-1" }, { "--connector-fd", "file descriptor" } },
                { { "--listener-fd", "x" }, { "--listener-fd", "file descriptor" } },
                { { "--taskstats-fd", "99999999" }, { "--taskstats-fd", "file descriptor" } },
                { { "--connector-fd", "3" }, { "--taskstats-fd", "go together" } },
                { { "--taskstats-fd", "3" }, { "--connector-fd", "go together" } },
                { { "--unknown" }, { "unknown", "--help" } },
                { { "-x" }, { "x", "--help" } },
                { { "--socket" }, { "socket", "--help" } },
                { { "--check=yes" }, { "check", "--help" } },
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
        /* the tests' own options are no user's business */
        assert(!strstr(text, "connector-fd") && !strstr(text, "procfs"));

        assert(parse(&options, (const char *const[]){ "--version", NULL }, text, sizeof(text)) == OPTIONS_E_DONE);
        assert(strcmp(text, "taskbrokerd " TASKBROKER_VERSION "\n") == 0);
}

/* An abbreviation is one only while it can mean one option. */
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
        test_refused();
        test_help_and_version();
        test_abbreviations();
        return 0;
}
