/* SPDX-License-Identifier: Apache-2.0 */

/* The pace: what readers allow, what the buffers hold, and storms. */

#undef NDEBUG
#include <assert.h>

#include "broker/base/util.h"
#include "broker/daemon/poll_interval.h"

#define MS NSEC_PER_MSEC
#define LARGE (128u << 20)

static void test_patience(void) {
        PollInterval pace;

        poll_interval_init(&pace, LARGE);
        assert(poll_interval_ns(&pace, 0) == 0);
        assert(poll_interval_ns(&pace, 25 * MS) == 25 * MS);
        /* the table is kept up whatever readers allow */
        assert(poll_interval_ns(&pace, 60000 * MS) == 100 * MS);
}

static void test_buffer(void) {
        PollInterval pace;

        /* 1 MiB holds 512 large datagrams, of which half may come: one in 10 us */
        poll_interval_init(&pace, 1 << 20);
        assert(poll_interval_ns(&pace, 100 * MS) == 2560 * NSEC_PER_USEC);
        assert(poll_interval_ns(&pace, 1 * MS) == 1 * MS);
        /* one so small that there is no time to lose */
        poll_interval_init(&pace, 2048);
        assert(poll_interval_ns(&pace, 100 * MS) == 0);
}

static void test_storm(void) {
        uint64_t now = 5 * NSEC_PER_SEC, received = 1000000;
        PollInterval pace;

        poll_interval_init(&pace, LARGE);
        poll_interval_measure(&pace, received, now);

        /* 4000 a second is none, 4100 is; too short a look changes nothing */
        poll_interval_measure(&pace, received += 40, now += 10 * MS);
        assert(!pace.storm && poll_interval_ns(&pace, 0) == 0);
        poll_interval_measure(&pace, received += 1000, now += 1 * MS);
        assert(!pace.storm);
        poll_interval_measure(&pace, received, now += 9 * MS);
        assert(pace.storm && poll_interval_ns(&pace, 0) == 1 * MS && poll_interval_ns(&pace, 25 * MS) == 25 * MS);
        poll_interval_measure(&pace, received += 41, now += 10 * MS);
        assert(pace.storm);
        poll_interval_measure(&pace, received, now += 500 * MS);
        assert(!pace.storm && poll_interval_ns(&pace, 0) == 0);
}

int main(void) {
        test_patience();
        test_buffer();
        test_storm();
        return 0;
}
