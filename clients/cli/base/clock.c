/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Three clocks: one for deadlines, one for the times of the broker's messages, and the
 * wall clock, which people read. Nothing is compared or subtracted by the wall clock.
 */

#include <time.h>

#include "clients/cli/base/clock.h"

/* The scale of the broker's times minus CLOCK_BOOTTIME; 0: no Welcome came yet. */
static int64_t boot_epoch_ns;

static uint64_t clock_read(clockid_t clock) {
        struct timespec now;

        clock_gettime(clock, &now);
        return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* CLOCK_MONOTONIC, which is the clock of the kernel's stamps too. */
uint64_t clock_now_ns(void) {
        return clock_read(CLOCK_MONOTONIC);
}

/* Stores the scale of the broker's times, as its Welcome has it. */
void clock_set_epoch_ns(int64_t epoch_ns) {
        boot_epoch_ns = epoch_ns;
}

static uint64_t clock_epoch_ns(void) {
        return boot_epoch_ns ? (uint64_t)boot_epoch_ns : clock_read(CLOCK_REALTIME) - clock_read(CLOCK_BOOTTIME);
}

uint64_t clock_now_boot_ns(void) {
        return clock_read(CLOCK_BOOTTIME);
}

/* The wall clock as it is set now, since 1970. */
uint64_t clock_now_realtime_ns(void) {
        return clock_read(CLOCK_REALTIME);
}

/* The present time on the scale of the broker's times. Before the Welcome it is the wall clock. */
uint64_t clock_now_time_ns(void) {
        return clock_now_boot_ns() + clock_epoch_ns();
}

/* How far the wall clock is ahead of the scale of the broker's times. */
static int64_t clock_step_ns(void) {
        int64_t step_ns = (int64_t)(clock_read(CLOCK_REALTIME) - clock_read(CLOCK_BOOTTIME) - clock_epoch_ns());

        /* A smaller difference comes from reading two clocks. */
        return step_ns > -1000000 && step_ns < 1000000 ? 0 : step_ns;
}

/* A time of the broker's by the wall clock as it is set now, since 1970: for dates. */
uint64_t clock_to_realtime_ns(uint64_t time_ns) {
        return time_ns + (uint64_t)clock_step_ns();
}

/* A time of the broker's by CLOCK_BOOTTIME; 0 stays 0: not known. */
uint64_t clock_to_boot_ns(uint64_t time_ns) {
        return time_ns ? time_ns - clock_epoch_ns() : 0;
}
