/* SPDX-License-Identifier: Apache-2.0 */

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "broker/base/log.h"
#include "broker/base/util.h"

static LogLevel log_max = LOG_LEVEL_INFO;
static bool log_journal;

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

void log_init(LogLevel level) {
        log_max = level;
        log_journal = stderr_is_journal();
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

/**
 * log_line() - write one line
 * @level:   its priority
 * @format:  printf format, without a newline
 *
 * Each line is one write(), so that lines of several processes do not mix. A line that
 * stderr does not accept is dropped: the log must never delay the broker.
 */
void log_line(LogLevel level, const char *format, ...) {
        char line[1024];
        va_list args;
        int n = 0, m;

        if (level > log_max)
                return;

        if (log_journal)
                n = snprintf(line, sizeof(line), "<%d>", level);
        else
                n = snprintf(line, sizeof(line), "taskbrokerd: ");

        va_start(args, format);
        m = vsnprintf(line + n, sizeof(line) - (size_t)n - 1, format, args);
        va_end(args);
        if (m < 0)
                return;

        n = MIN(n + m, (int)sizeof(line) - 2);
        line[n++] = '\n';
        m = (int)write(STDERR_FILENO, line, (size_t)n);
        (void)m;
}
