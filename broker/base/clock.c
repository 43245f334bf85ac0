/* SPDX-License-Identifier: Apache-2.0 */

#include "broker/base/clock.h"

/**
 * clock_offset_ns() - how far one clock is ahead of another
 * @clock:  the clock to compare
 * @base:   the clock to compare it with
 *
 * Two clocks cannot be read at the same instant. @clock is read between two readings of
 * @base and compared with their middle. The try with the smallest gap counts.
 *
 * Return: The time of @clock minus the time of @base.
 */
int64_t clock_offset_ns(clockid_t clock, clockid_t base) {
        int64_t best_width = INT64_MAX, best = 0;

        for (int i = 0; i < 5; ++i) {
                int64_t before = clock_read_ns(base);
                int64_t now = clock_read_ns(clock);
                int64_t after = clock_read_ns(base);

                if (after - before < best_width) {
                        best_width = after - before;
                        best = now - (before + (after - before) / 2);
                }
        }
        return best;
}

/* The constant of this process; 0: not chosen yet. */
static int64_t boot_epoch;

/**
 * clock_set_boot_epoch_ns() - choose the constant, before the first time is made
 * @boot_epoch_ns:  the time of the boot clock's zero, in nanoseconds since 1970
 */
void clock_set_boot_epoch_ns(int64_t boot_epoch_ns) {
        boot_epoch = boot_epoch_ns;
}

/**
 * clock_boot_epoch_ns() - the constant between the boot clock and the broker's times
 *
 * Unless it was set, it is the wall clock's lead at the first call.
 *
 * Return: The time of the boot clock's zero, in nanoseconds since 1970.
 */
int64_t clock_boot_epoch_ns(void) {
        if (boot_epoch == 0)
                boot_epoch = clock_offset_ns(CLOCK_REALTIME, CLOCK_BOOTTIME);
        return boot_epoch;
}

/* The present time on the broker's scale. */
uint64_t clock_time_ns(void) {
        return (uint64_t)(clock_read_ns(CLOCK_BOOTTIME) + clock_boot_epoch_ns());
}
