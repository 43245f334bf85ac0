/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The rule for return values in the broker:
 *
 *   negative  A fatal errno. No caller inspects it: it is passed up to main(), which stops
 *             the broker. error_origin() where it arises and error_trace() on the way
 *             write a trace to the log.
 *   0         Success.
 *   positive  A documented condition of the function that was called (an enum in its
 *             header). The caller handles or translates it, and never passes it on.
 *
 * A client or a datagram can only cause positive codes.
 */

#define error_origin(r) error_trace_full((r), "raised", __FILE__, __LINE__, __func__)
#define error_trace(r) error_trace_full((r), "passed", __FILE__, __LINE__, __func__)

/* Makes an unexpected positive code fatal. */
#define error_fold(r) ((r) > 0 ? error_origin(-ENOTRECOVERABLE) : error_trace(r))

void error_log(int r, const char *what, const char *file, int line, const char *function);

/* Inline, so that compilers and analysers see that it returns its argument. */
static inline int error_trace_full(int r, const char *what, const char *file, int line, const char *function) {
        if (r < 0)
                error_log(r, what, file, line, function);
        return r;
}
