/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/*
 * A broker that is there, but sends no sample: the screens must report it, not show old
 * values as if they were new.
 */

#include <assert.h>
#include <string.h>

#include "clients/cli/model/live_link.h"

#define SECOND UINT64_C(1000000000)

static void test_overdue(void) {
        LiveLink link = { .settings.interval_ms = 1500, .heard_ns = 100 * SECOND };
        char text[CONNECTION_TEXT_MAX];

        assert(!live_link_overdue(&link, 100 * SECOND, text));
        assert(!live_link_overdue(&link, 123 * SECOND - 1, text));
        assert(live_link_overdue(&link, 123 * SECOND, text));
        assert(strncmp(text, "No sample for 23.0s: the broker hangs", 37) == 0);

        /* A lost connection is reported with its own reason. Before the first answer, none is due. */
        link.down = true;
        assert(!live_link_overdue(&link, 500 * SECOND, text));
        link.down = false;
        link.heard_ns = 0;
        assert(!live_link_overdue(&link, 500 * SECOND, text));
}

int main(void) {
        test_overdue();
        return 0;
}
