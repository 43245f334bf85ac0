/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A test's own clock in place of the processor time of the thread. It goes on by a step at each
 * look, so that slices that are bounded by this time end in the same place on every machine.
 */

#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "broker/base/util.h"

static uint64_t thread_clock_ns, thread_clock_step_ns;

/* In place of the C library's. */
int clock_gettime(clockid_t clock, struct timespec *time) {
        if (clock != CLOCK_THREAD_CPUTIME_ID)
                return (int)syscall(SYS_clock_gettime, clock, time);
        thread_clock_ns += thread_clock_step_ns;
        *time = (struct timespec){
                .tv_sec = (time_t)(thread_clock_ns / NSEC_PER_SEC),
                .tv_nsec = (long)(thread_clock_ns % NSEC_PER_SEC),
        };
        return 0;
}
