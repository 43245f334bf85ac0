/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The broker's times are boot-clock times (base/clock.h). The kernel stamps its messages
 * with CLOCK_MONOTONIC, which stops while the machine is suspended. So a suspension
 * changes the difference of the two, and nothing else does.
 */

#include "broker/base/clock.h"
#include "broker/base/log.h"
#include "broker/base/util.h"
#include "broker/daemon/clock_watch.h"

/* A smaller difference between two readings of the clocks comes from the reading itself. */
#define CLOCK_STEP_NS ((int64_t)NSEC_PER_MSEC)

static bool clock_stepped(int64_t now_ns, int64_t before_ns) {
        return now_ns - before_ns > CLOCK_STEP_NS || before_ns - now_ns > CLOCK_STEP_NS;
}

/**
 * clock_watch_check_suspension() - notice that the machine was suspended
 * @join:  gets the new difference of the clocks
 *
 * Called before each turn, so that an event of after the suspension has its right time.
 */
void clock_watch_check_suspension(Join *join) {
        int64_t before_ns = join->time_offset_ns - clock_boot_epoch_ns();
        int64_t offset_ns = clock_read_ns(CLOCK_BOOTTIME) - clock_read_ns(CLOCK_MONOTONIC);

        if (!clock_stepped(offset_ns, before_ns))
                return;
        /* The two readings may have been interrupted: now with care. */
        offset_ns = clock_offset_ns(CLOCK_BOOTTIME, CLOCK_MONOTONIC);
        if (!clock_stepped(offset_ns, before_ns))
                return;
        log_notice("The machine was suspended for %lld ms.",
                   (long long)((offset_ns - before_ns) / (int64_t)NSEC_PER_MSEC));
        join_set_time_offset(join, offset_ns + clock_boot_epoch_ns());
}

/**
 * clock_watch_check_wall_clock() - log that the wall clock was set
 * @watch:  the watch
 *
 * No time in the broker depends on the wall clock.
 */
void clock_watch_check_wall_clock(ClockWatch *watch) {
        int64_t step_ns = clock_offset_ns(CLOCK_REALTIME, CLOCK_BOOTTIME) - clock_boot_epoch_ns();

        if (!clock_stepped(step_ns, watch->step_ns))
                return;
        log_notice("The wall clock was set by %lld ms. Starts and spans of tasks do not change.",
                   (long long)((step_ns - watch->step_ns) / (int64_t)NSEC_PER_MSEC));
        watch->step_ns = step_ns;
}
