/* SPDX-License-Identifier: Apache-2.0 */

#include <string.h>

#include "broker/base/error.h"
#include "broker/base/log.h"

int error_trace_full(int r, const char *what, const char *file, int line, const char *function) {
        if (r < 0)
                log_error("%s by %s (%s:%d): %s", what, function, file, line, strerror(-r));
        return r;
}
