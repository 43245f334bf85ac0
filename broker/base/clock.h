/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Clocks, read in nanoseconds. */

#include <stdint.h>
#include <time.h>

#include "broker/base/util.h"

static inline int64_t clock_read_ns(clockid_t clock) {
        struct timespec ts;

        (void)clock_gettime(clock, &ts);
        return (int64_t)ts.tv_sec * (int64_t)NSEC_PER_SEC + ts.tv_nsec;
}

int64_t clock_offset_ns(clockid_t clock, clockid_t base);
