/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Clocks, read in nanoseconds, and the time scale of the broker.
 *
 * All times in the broker are CLOCK_BOOTTIME plus a constant, the boot epoch. So they
 * count from 1970, and setting the wall clock changes none of them. A task's start on
 * this scale is its start by the boot clock, as the kernel and /proc have it.
 */

#include <stdint.h>
#include <time.h>

#include "broker/base/util.h"

static inline int64_t clock_read_ns(clockid_t clock) {
        struct timespec ts;

        (void)clock_gettime(clock, &ts);
        return (int64_t)ts.tv_sec * (int64_t)NSEC_PER_SEC + ts.tv_nsec;
}

int64_t clock_offset_ns(clockid_t clock, clockid_t base);
void clock_set_boot_epoch_ns(int64_t boot_epoch_ns);
int64_t clock_boot_epoch_ns(void);
uint64_t clock_time_ns(void);
