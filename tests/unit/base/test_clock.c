/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/* Clocks, and the offset of one to another. */

#include "broker/base/clock.h"
#include "tests/unit/harness.h"

static void test_clock(void) {
        int64_t offset = clock_offset_ns(CLOCK_REALTIME, CLOCK_MONOTONIC);
        int64_t back = clock_offset_ns(CLOCK_MONOTONIC, CLOCK_REALTIME);
        int64_t monotonic = clock_read_ns(CLOCK_MONOTONIC), realtime = clock_read_ns(CLOCK_REALTIME);
        const int64_t second = (int64_t)NSEC_PER_SEC;

        assert(clock_offset_ns(CLOCK_MONOTONIC, CLOCK_MONOTONIC) < second / 100);
        assert(clock_offset_ns(CLOCK_MONOTONIC, CLOCK_MONOTONIC) > -second / 100);
        /* both directions and the clocks themselves agree, as far as a busy machine allows */
        assert(offset + back < second && offset + back > -second);
        assert(realtime - monotonic - offset < second && realtime - monotonic - offset > -second);
        /* the machine has not run since 1970 */
        assert(offset > second);
        /* only CLOCK_BOOTTIME counts suspended time */
        assert(clock_offset_ns(CLOCK_BOOTTIME, CLOCK_MONOTONIC) > -second / 10);
}

int main(void) {
        test_clock();
        return 0;
}
