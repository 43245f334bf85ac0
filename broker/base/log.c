/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A write to the log never waits: a reader of standard error that stops must not stop the
 * broker. Others share the open file of standard error, so that its O_NONBLOCK is not
 * changed. A pipe or terminal is opened again with a flag of its own, a socket has
 * MSG_DONTWAIT, and for all else poll() comes before the write.
 */

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "broker/base/log.h"
#include "broker/base/util.h"

#define LINE_MAX_BYTES 1024u

static LogLevel log_max = LOG_LEVEL_INFO;
static bool log_journal;
static int log_fd = STDERR_FILENO;
static bool log_is_socket;
static bool log_is_torn;                /* the last line was written in part */
static uint64_t log_n_dropped_all;
static uint64_t log_n_unreported;       /* dropped, and the log does not say so yet */

/*
 * The service manager puts device and inode of the stream that it connected to the
 * journal into JOURNAL_STREAM. If stderr was redirected since, its device and inode differ.
 */
static bool stderr_is_journal(void) {
        const char *stream = getenv("JOURNAL_STREAM");
        unsigned long long device, inode;
        struct stat st;

        return stream && sscanf(stream, "%llu:%llu", &device, &inode) == 2 && fstat(STDERR_FILENO, &st) >= 0 &&
               st.st_dev == device && st.st_ino == inode;
}

/* Opens a pipe or a terminal a second time, because its writes would wait otherwise. */
static int stderr_reopen(mode_t mode) {
        if (!S_ISFIFO(mode) && !isatty(STDERR_FILENO))
                return -1;
        return open("/proc/self/fd/2", O_WRONLY | O_APPEND | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
}

/**
 * log_init() - find out how to write to standard error
 * @level:  the last level that is written
 */
void log_init(LogLevel level) {
        struct stat st = {};
        int fd;

        log_max = level;
        log_journal = stderr_is_journal();
        log_is_torn = false;
        if (log_fd != STDERR_FILENO)
                close(log_fd);
        (void)fstat(STDERR_FILENO, &st);
        log_is_socket = S_ISSOCK(st.st_mode);
        fd = stderr_reopen(st.st_mode);
        log_fd = fd >= 0 ? fd : STDERR_FILENO;
}

/**
 * log_n_dropped() - count the lines that standard error did not accept
 *
 * Return: Lines since the start.
 */
uint64_t log_n_dropped(void) {
        return log_n_dropped_all;
}

/**
 * log_level_parse() - read a level's name
 * @text:       err, warning, notice, info or debug
 * @ret_level:  output
 *
 * Return: true; false if no level has that name.
 */
bool log_level_parse(const char *text, LogLevel *ret_level) {
        static const struct {
                const char *name;
                LogLevel level;
        } levels[] = {
                { "err", LOG_LEVEL_ERR },       { "warning", LOG_LEVEL_WARNING }, { "notice", LOG_LEVEL_NOTICE },
                { "info", LOG_LEVEL_INFO },     { "debug", LOG_LEVEL_DEBUG },
        };

        for (size_t i = 0; i < ARRAY_SIZE(levels); ++i) {
                if (!strcmp(text, levels[i].name)) {
                        *ret_level = levels[i].level;
                        return true;
                }
        }
        return false;
}

static ssize_t log_write(const char *text, size_t n) {
        struct pollfd pfd = { .fd = log_fd, .events = POLLOUT };

        if (log_is_socket)
                return send(log_fd, text, n, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (log_fd == STDERR_FILENO && poll(&pfd, 1, 0) <= 0)
                return -1;
        return write(log_fd, text, n);
}

__attribute__((__format__(__printf__, 3, 0))) static size_t log_format(char line[static LINE_MAX_BYTES], LogLevel level,
                                                                        const char *format, va_list args) {
        int n, m;

        if (log_journal)
                n = snprintf(line, LINE_MAX_BYTES, "<%d>", level);
        else
                n = snprintf(line, LINE_MAX_BYTES, "taskbrokerd: ");
        m = vsnprintf(line + n, LINE_MAX_BYTES - (size_t)n - 1, format, args);
        if (m < 0)
                return 0;

        n = MIN(n + m, (int)LINE_MAX_BYTES - 2);
        line[n++] = '\n';
        return (size_t)n;
}

__attribute__((__format__(__printf__, 3, 4))) static size_t log_format_line(char line[static LINE_MAX_BYTES],
                                                                             LogLevel level, const char *format, ...) {
        va_list args;
        size_t n;

        va_start(args, format);
        n = log_format(line, level, format, args);
        va_end(args);
        return n;
}

/*
 * Writes a report of dropped lines, if it is due, and a line; in one write(), so that a
 * short report does not fill the room that the line would need. Return: whether the line was
 * written whole.
 */
static bool log_write_lines(const char *line, size_t n_line) {
        char text[1 + 2 * LINE_MAX_BYTES] = "\n";
        size_t n_report = 0, n, start = log_is_torn ? 0 : 1;
        ssize_t written;

        if (log_n_unreported > 0)
                n_report = log_format_line(text + 1, LOG_LEVEL_WARNING,
                                           "Log lines dropped, because standard error did not accept them: %" PRIu64
                                           ".",
                                           log_n_unreported);
        memcpy(text + 1 + n_report, line, n_line);
        n = 1 + n_report + n_line - start;
        written = log_write(text + start, n);
        if (written <= 0)
                return false;

        /* The newline in front ends a line that was written in part. */
        log_is_torn = text[start + (size_t)written - 1] != '\n';
        if ((size_t)written >= 1 + n_report - start)
                log_n_unreported = 0;
        return (size_t)written == n;
}

/**
 * log_report_dropped() - write how many lines were dropped, if standard error accepts lines again
 *
 * Return: Whether nothing is left to report.
 */
bool log_report_dropped(void) {
        if (log_n_unreported > 0)
                (void)log_write_lines("", 0);
        return log_n_unreported == 0;
}

/**
 * log_line() - write one line
 * @level:   its priority
 * @format:  printf format, without a newline
 *
 * Each line is one write(), so that lines of several processes do not mix. A line that
 * stderr does not accept at once is dropped and counted: the log must never delay the
 * broker.
 */
void log_line(LogLevel level, const char *format, ...) {
        char line[LINE_MAX_BYTES];
        int error = errno;
        va_list args;
        size_t n;

        if (level > log_max)
                return;

        va_start(args, format);
        n = log_format(line, level, format, args);
        va_end(args);
        if (!log_write_lines(line, n)) {
                ++log_n_dropped_all;
                ++log_n_unreported;
        }
        errno = error;
}
