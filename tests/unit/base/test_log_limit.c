/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/* The limit of lines in the log: the first occurrence, a steady stream, an occurrence after a long silence. */

#include <assert.h>

#include "broker/base/log_limit.h"
#include "broker/base/util.h"

#define MINUTE_NS (60 * NSEC_PER_SEC)

static void test_first(void) {
        LogLimit limit = {};
        uint64_t n = 0;

        assert(log_limit_add(&limit, MINUTE_NS, 1, &n));
        assert(n == 1);
        n = 99;
        assert(!log_limit_add(&limit, MINUTE_NS, 1, &n));
        assert(!log_limit_add(&limit, MINUTE_NS, MINUTE_NS, &n));
        assert(n == 99);
}

/* One occurrence a second for an hour gives a line a minute, and each occurrence is in the count of one line. */
static void test_steady(void) {
        LogLimit limit = {};
        uint64_t n = 0, n_lines = 0, sum = 0;

        for (uint64_t second = 1; second <= 3600; ++second) {
                if (!log_limit_add(&limit, MINUTE_NS, second * NSEC_PER_SEC, &n))
                        continue;
                assert(n == (n_lines == 0 ? 1 : 60));
                ++n_lines;
                sum += n;
        }
        assert(n_lines == 60);
        assert(sum + limit.n == 3600);
}

static void test_silence(void) {
        LogLimit limit = {};
        uint64_t n = 0;

        assert(log_limit_add(&limit, MINUTE_NS, MINUTE_NS, &n) && n == 1);
        assert(!log_limit_add(&limit, MINUTE_NS, MINUTE_NS + 1, &n));
        assert(log_limit_add(&limit, MINUTE_NS, 100 * MINUTE_NS, &n) && n == 2);
        assert(log_limit_add(&limit, MINUTE_NS, 101 * MINUTE_NS, &n) && n == 1);
}

int main(void) {
        test_first();
        test_steady();
        test_silence();
        return 0;
}
