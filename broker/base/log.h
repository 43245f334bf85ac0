/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Log: lines on stderr, with the journal's priority prefixes if stderr goes to the
 * journal. It is never called for each event. A condition that a client can cause is
 * logged once when it begins, or at most once in an interval (log_limit.h). So a client
 * cannot fill the log. A line is dropped, and counted, if standard error does not accept
 * it at once.
 */

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>

/* The values are the priorities of syslog. */
typedef enum LogLevel {
        LOG_LEVEL_ERR = 3,
        LOG_LEVEL_WARNING = 4,
        LOG_LEVEL_NOTICE = 5,
        LOG_LEVEL_INFO = 6,
        LOG_LEVEL_DEBUG = 7,
} LogLevel;

void log_init(LogLevel level);
bool log_level_parse(const char *text, LogLevel *ret_level);
uint64_t log_n_dropped(void);
bool log_report_dropped(void);
void log_line(LogLevel level, const char *format, ...) __attribute__((__format__(__printf__, 2, 3)));

#define log_error(...) log_line(LOG_LEVEL_ERR, __VA_ARGS__)
#define log_warning(...) log_line(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_notice(...) log_line(LOG_LEVEL_NOTICE, __VA_ARGS__)
#define log_info(...) log_line(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...) log_line(LOG_LEVEL_DEBUG, __VA_ARGS__)
