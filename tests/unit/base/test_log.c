/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/*
 * The log: levels, one line for each call, the prefixes of the journal. The trace of errors goes to the log too.
 * A stream that accepts nothing never blocks the log. SIGALRM ends the test if it does.
 */

#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>

#include "broker/base/error.h"
#include "broker/base/log.h"
#include "broker/base/util.h"
#include "tests/unit/harness.h"

static void test_log_level_parse(void) {
        static const struct {
                const char *text;
                bool is;
                LogLevel level;
        } rows[] = {
                { "err", true, LOG_LEVEL_ERR },       { "warning", true, LOG_LEVEL_WARNING },
                { "notice", true, LOG_LEVEL_NOTICE }, { "info", true, LOG_LEVEL_INFO },
                { "debug", true, LOG_LEVEL_DEBUG },   { "", false, 0 },
                { "error", false, 0 },                { "Info", false, 0 },
                { "info ", false, 0 },                { "6", false, 0 },
                { "inf", false, 0 },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); ++i) {
                LogLevel level = 99;

                assert(log_level_parse(rows[i].text, &level) == rows[i].is);
                assert((int)level == (rows[i].is ? (int)rows[i].level : 99));
        }
}

/* Runs @emit and returns the text that it wrote to stderr. */
static size_t stderr_of(void (*emit)(void), char *text, size_t n_max, bool journal) {
        int fds[2], saved = dup(STDERR_FILENO);
        struct stat st;
        ssize_t n;

        assert(saved >= 0 && pipe2(fds, O_CLOEXEC | O_NONBLOCK) == 0);
        assert(dup2(fds[1], STDERR_FILENO) >= 0);
        if (journal) {
                char stream[64];

                assert(fstat(STDERR_FILENO, &st) == 0);
                snprintf(stream, sizeof(stream), "%llu:%llu", (unsigned long long)st.st_dev,
                         (unsigned long long)st.st_ino);
                assert(setenv("JOURNAL_STREAM", stream, 1) == 0);
        }
        emit();
        assert(dup2(saved, STDERR_FILENO) >= 0);
        close(saved);
        close(fds[1]);
        n = read(fds[0], text, n_max - 1);
        assert(n >= 0);
        text[n] = 0;
        close(fds[0]);
        unsetenv("JOURNAL_STREAM");
        return (size_t)n;
}

static void emit_levels(void) {
        log_init(LOG_LEVEL_NOTICE);
        log_error("one %d", 1);
        log_notice("two");
        log_info("three");
        log_debug("four");
}

static void emit_long(void) {
        char text[3000];

        memset(text, 'x', sizeof(text));
        text[sizeof(text) - 1] = 0;
        log_init(LOG_LEVEL_INFO);
        log_info("%s", text);
}

static void emit_errors(void) {
        int positive = 3;

        log_init(LOG_LEVEL_INFO);
        assert(error_origin(-ENOENT) == -ENOENT);
        assert(error_trace(-ENOENT) == -ENOENT);
        /* success and positive codes are not logged */
        assert(error_trace(0) == 0);
        assert(error_trace(positive) == positive);
        assert(error_fold(0) == 0);
        assert(error_fold(-EIO) == -EIO);
        assert(error_fold(positive) == -ENOTRECOVERABLE);
}

static void test_log(void) {
        char text[4096];
        size_t n;

        stderr_of(emit_levels, text, sizeof(text), false);
        assert(strcmp(text, "taskbrokerd: one 1\ntaskbrokerd: two\n") == 0);

        stderr_of(emit_levels, text, sizeof(text), true);
        assert(strcmp(text, "<3>one 1\n<5>two\n") == 0);

        /* a long text is cut and stays one line */
        n = stderr_of(emit_long, text, sizeof(text), false);
        assert(n > 500 && n <= 1024);
        assert(text[n - 1] == '\n' && text[n - 2] == 'x');
        assert(strchr(text, '\n') == text + n - 1);

        /* JOURNAL_STREAM names another stream than stderr */
        assert(setenv("JOURNAL_STREAM", "1:2", 1) == 0);
        stderr_of(emit_levels, text, sizeof(text), false);
        assert(strncmp(text, "taskbrokerd: ", 13) == 0);
        log_init(LOG_LEVEL_INFO);
}

static void test_error(void) {
        char text[4096];
        size_t n_lines = 0;

        stderr_of(emit_errors, text, sizeof(text), false);
        for (const char *c = text; *c; ++c)
                n_lines += *c == '\n';
        assert(n_lines == 4);
        assert(strstr(text, "raised by emit_errors"));
        assert(strstr(text, "passed by emit_errors"));
        assert(strstr(text, strerror(ENOENT)));
        assert(strstr(text, strerror(ENOTRECOVERABLE)));
}

enum { STREAM_PIPE, STREAM_SOCKET, STREAM_DATAGRAM, STREAM_TERMINAL, STREAM_LAST };

/* Opens a stream that blocks: @ret_fds[0] reads, @ret_fds[1] becomes standard error. */
static void stream_open(int kind, int *ret_fds) {
        if (kind == STREAM_PIPE) {
                assert(pipe2(ret_fds, O_CLOEXEC) == 0);
        } else if (kind == STREAM_TERMINAL) {
                ret_fds[0] = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
                assert(ret_fds[0] >= 0 && grantpt(ret_fds[0]) == 0 && unlockpt(ret_fds[0]) == 0);
                ret_fds[1] = open(ptsname(ret_fds[0]), O_RDWR | O_NOCTTY | O_CLOEXEC);
                assert(ret_fds[1] >= 0);
        } else {
                assert(socketpair(AF_UNIX, (kind == STREAM_SOCKET ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC, 0,
                                  ret_fds) == 0);
        }
        assert(fcntl(ret_fds[0], F_SETFL, O_NONBLOCK) == 0);
}

/* Appends all that the stream has now. */
static void stream_read(int fd, char *text, size_t n_max) {
        size_t n = strlen(text);
        ssize_t n_read;

        while ((n_read = read(fd, text + n, n_max - n - 1)) > 0)
                n += (size_t)n_read;
        text[n] = 0;
}

static size_t count_of(const char *text, const char *part) {
        size_t n = 0;

        for (const char *at = text; (at = strstr(at, part)); at += strlen(part))
                ++n;
        return n;
}

/* The reader stops, the stream fills, lines are dropped; then it reads again. */
static void test_reader_stops(int kind) {
        static char text[4u << 20];
        uint64_t before = log_n_dropped(), n_dropped;
        int fds[2], saved = dup(STDERR_FILENO), n_lines = 0;
        uint64_t n_reported = 0;
        size_t n_reports = 0;

        stream_open(kind, fds);
        assert(saved >= 0 && dup2(fds[1], STDERR_FILENO) >= 0);
        log_init(LOG_LEVEL_INFO);
        /* Others have the same open file: its flags stay. */
        assert(!(fcntl(STDERR_FILENO, F_GETFL) & O_NONBLOCK));
        for (; log_n_dropped() < before + 10; ++n_lines)
                log_info("line %d %0600d", n_lines, 0);
        assert(n_lines > 10);
        n_dropped = log_n_dropped() - before;
        /* The stream can still have room for a short line. */
        (void)log_report_dropped();

        text[0] = 0;
        stream_read(fds[0], text, sizeof(text));
        assert(log_report_dropped() && log_report_dropped());
        log_info("after");
        assert(log_n_dropped() == before + n_dropped);
        stream_read(fds[0], text, sizeof(text));
        assert(count_of(text, "after") == 1);
        for (const char *at = text; (at = strstr(at, "did not accept them: ")); ++n_reports) {
                at += strlen("did not accept them: ");
                n_reported += strtoull(at, NULL, 10);
        }
        assert(n_reported == n_dropped);
        /* A terminal has room again as soon as the kernel has taken a part. */
        assert(n_reports == 1 || kind == STREAM_TERMINAL);
        /* Each line begins at a line's start, also after one that was written in part. */
        assert(count_of(text, "\ntaskbrokerd: ") + 1 == count_of(text, "taskbrokerd: "));
        assert(dup2(saved, STDERR_FILENO) >= 0);
        log_init(LOG_LEVEL_INFO);
        close(saved);
        close(fds[0]);
        close(fds[1]);
}

/* A reader that is gone, and a full disk: lines are dropped and counted. */
static void test_stream_fails(void) {
        int fds[2], full = open("/dev/full", O_WRONLY | O_CLOEXEC), saved = dup(STDERR_FILENO);
        uint64_t before = log_n_dropped();

        assert(pipe2(fds, O_CLOEXEC) == 0 && full >= 0);
        assert(dup2(fds[1], STDERR_FILENO) >= 0);
        log_init(LOG_LEVEL_INFO);
        close(fds[0]);
        log_info("one");
        assert(log_n_dropped() == before + 1);
        assert(dup2(full, STDERR_FILENO) >= 0);
        log_init(LOG_LEVEL_INFO);
        log_info("two");
        assert(log_n_dropped() == before + 2);
        assert(dup2(saved, STDERR_FILENO) >= 0);
        log_init(LOG_LEVEL_INFO);
        assert(log_report_dropped());
        close(saved);
        close(full);
        close(fds[1]);
}

int main(void) {
        (void)signal(SIGPIPE, SIG_IGN);
        (void)alarm(60);
        test_log_level_parse();
        test_log();
        test_error();
        for (int kind = 0; kind < STREAM_LAST; ++kind)
                test_reader_stops(kind);
        test_stream_fails();
        return 0;
}
