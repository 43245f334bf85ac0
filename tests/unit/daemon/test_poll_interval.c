/* SPDX-License-Identifier: Apache-2.0 */

/* The poll interval: the delay that subscribers allow, the size of the receive buffers, storms. */

#undef NDEBUG
#include <assert.h>

#include "broker/base/util.h"
#include "broker/daemon/poll_interval.h"

#define MS NSEC_PER_MSEC
#define LARGE (128u << 20)

static void test_max_delay(void) {
        PollInterval interval;

        poll_interval_init(&interval, LARGE);
        assert(poll_interval_ns(&interval, 0) == 0);
        assert(poll_interval_ns(&interval, 25 * MS) == 25 * MS);
        /* an upper bound, so that the task table stays up to date */
        assert(poll_interval_ns(&interval, 60000 * MS) == 100 * MS);
}

static void test_buffer(void) {
        PollInterval interval;

        /* 1 MiB holds 512 large datagrams; half of them may come, one in 10 us */
        poll_interval_init(&interval, 1 << 20);
        assert(poll_interval_ns(&interval, 100 * MS) == 2560 * NSEC_PER_USEC);
        assert(poll_interval_ns(&interval, 1 * MS) == 1 * MS);
        /* a buffer for one datagram leaves no time to wait */
        poll_interval_init(&interval, 2048);
        assert(poll_interval_ns(&interval, 100 * MS) == 0);
}

static void test_storm(void) {
        uint64_t now = 5 * NSEC_PER_SEC, received = 1000000;
        PollInterval interval;

        poll_interval_init(&interval, LARGE);
        poll_interval_measure(&interval, received, now);

        /* 4000 datagrams a second are no storm, 4100 are; too short a measurement changes nothing */
        poll_interval_measure(&interval, received += 40, now += 10 * MS);
        assert(!interval.storm && poll_interval_ns(&interval, 0) == 0);
        poll_interval_measure(&interval, received += 1000, now += 1 * MS);
        assert(!interval.storm);
        poll_interval_measure(&interval, received, now += 9 * MS);
        assert(interval.storm && poll_interval_ns(&interval, 0) == 1 * MS &&
               poll_interval_ns(&interval, 25 * MS) == 25 * MS);
        poll_interval_measure(&interval, received += 41, now += 10 * MS);
        assert(interval.storm);
        poll_interval_measure(&interval, received, now += 500 * MS);
        assert(!interval.storm && poll_interval_ns(&interval, 0) == 0);
}

int main(void) {
        test_max_delay();
        test_buffer();
        test_storm();
        return 0;
}
