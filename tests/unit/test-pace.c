/* SPDX-License-Identifier: Apache-2.0 */

/* The pace: what readers allow, what the buffers hold, and storms. */

#undef NDEBUG
#include <assert.h>

#include "broker/base/util.h"
#include "broker/root/pace.h"

#define MS NSEC_PER_MSEC
#define LARGE (128u << 20)

static void test_patience(void) {
        Pace pace;

        pace_init(&pace, LARGE);
        assert(pace_ns(&pace, 0) == 0);
        assert(pace_ns(&pace, 25 * MS) == 25 * MS);
        /* the table is kept up whatever readers allow */
        assert(pace_ns(&pace, 60000 * MS) == 100 * MS);
}

static void test_buffer(void) {
        Pace pace;

        /* 1 MiB holds 512 large datagrams, of which half may come: one in 10 us */
        pace_init(&pace, 1 << 20);
        assert(pace_ns(&pace, 100 * MS) == 2560 * NSEC_PER_USEC);
        assert(pace_ns(&pace, 1 * MS) == 1 * MS);
        /* one so small that there is no time to lose */
        pace_init(&pace, 2048);
        assert(pace_ns(&pace, 100 * MS) == 0);
}

static void test_storm(void) {
        uint64_t now = 5 * NSEC_PER_SEC, received = 1000000;
        Pace pace;

        pace_init(&pace, LARGE);
        pace_measure(&pace, received, now);

        /* 4000 a second is none, 4100 is; too short a look changes nothing */
        pace_measure(&pace, received += 40, now += 10 * MS);
        assert(!pace.storm && pace_ns(&pace, 0) == 0);
        pace_measure(&pace, received += 1000, now += 1 * MS);
        assert(!pace.storm);
        pace_measure(&pace, received, now += 9 * MS);
        assert(pace.storm && pace_ns(&pace, 0) == 1 * MS && pace_ns(&pace, 25 * MS) == 25 * MS);
        pace_measure(&pace, received += 41, now += 10 * MS);
        assert(pace.storm);
        pace_measure(&pace, received, now += 500 * MS);
        assert(!pace.storm && pace_ns(&pace, 0) == 0);
}

int main(void) {
        test_patience();
        test_buffer();
        test_storm();
        return 0;
}
