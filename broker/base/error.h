/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The rule for return values in the broker:
 *
 *   negative  a fatal errno. Nobody inspects it; it is passed up to main, which
 *             stops the broker. error_origin() where it arises and error_trace()
 *             on the way write a trace to the log.
 *   0         fine.
 *   positive  a documented condition of the function that was called (an enum in
 *             its header). The caller handles or translates it, and never passes
 *             it on.
 *
 * What a client or a datagram causes is always positive.
 */

#define error_origin(r) error_trace_full((r), "raised", __FILE__, __LINE__, __func__)
#define error_trace(r) error_trace_full((r), "passed", __FILE__, __LINE__, __func__)

/* Makes a positive code that nobody expected fatal. */
#define error_fold(r) ((r) > 0 ? error_origin(-ENOTRECOVERABLE) : error_trace(r))

void error_log(int r, const char *what, const char *file, int line, const char *function);

/* Here, so that who reads a function, compilers and analysers too, sees that what comes back is what went in. */
static inline int error_trace_full(int r, const char *what, const char *file, int line, const char *function) {
        if (r < 0)
                error_log(r, what, file, line, function);
        return r;
}
