/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The interval is measured from the last line, not from the last occurrence. So a steady
 * stream of occurrences gets a line in each interval.
 */

#include "broker/base/log_limit.h"

/**
 * log_limit_add() - count an occurrence
 * @limit:        the limit, zeroed at first
 * @interval_ns:  the least time between two lines
 * @now_ns:       now, monotonic
 * @ret_n:        output, if a line is due: the occurrences since the last line, this one
 *                included
 *
 * Return: Whether a line is due.
 */
bool log_limit_add(LogLimit *limit, uint64_t interval_ns, uint64_t now_ns, uint64_t *ret_n) {
        ++limit->n;
        if (limit->line_ns != 0 && now_ns - limit->line_ns < interval_ns)
                return false;
        *ret_n = limit->n;
        *limit = (LogLimit){ .line_ns = now_ns };
        return true;
}
