/* SPDX-License-Identifier: Apache-2.0 */

/* The two clocks of the command: one for deadlines, one for times that people read. */

#include <time.h>

#include "clients/cli/base/clock.h"

/* CLOCK_MONOTONIC, which is the clock of the kernel's stamps too. */
uint64_t clock_now_ns(void) {
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

uint64_t clock_now_realtime_ns(void) {
        struct timespec now;

        clock_gettime(CLOCK_REALTIME, &now);
        return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}
