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
