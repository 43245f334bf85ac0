/* SPDX-License-Identifier: Apache-2.0 */

#include <string.h>

#include "broker/base/error.h"
#include "broker/base/log.h"

/* Logs one line of the trace of an error; @r is a negative errno. */
void error_log(int r, const char *what, const char *file, int line, const char *function) {
        log_error("%s by %s (%s:%d): %s", what, function, file, line, strerror(-r));
}
