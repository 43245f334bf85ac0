/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * LogLimit: bounds how often the log gets a line about something that clients can repeat
 * at will. It counts the occurrences, and returns the count with each line that is due.
 * It prints nothing itself.
 */

#include <stdbool.h>
#include <stdint.h>

typedef struct LogLimit LogLimit;

struct LogLimit {
        uint64_t line_ns;               /* when a line was last due, monotonic; 0: never */
        uint64_t n;                     /* occurrences since then */
};

bool log_limit_add(LogLimit *limit, uint64_t interval_ns, uint64_t now_ns, uint64_t *ret_n);
