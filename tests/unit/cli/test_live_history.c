/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/*
 * A history of points: its bound, its order, and the greatest value of a time.
 */

#include "clients/cli/model/live_history.h"
#include "tests/unit/live_rig.h"

static void test_history(void) {
        LiveHistory history = {0};
        LivePoint point = {.span_ns = SECOND_NS, .known = 1u << LIVE_GRAPH_READ};
        float value;

        for (unsigned int i = 0; i < LIVE_HISTORY_MAX + 5; ++i) {
                point.time_ns = AT(i + 1);
                point.value[LIVE_GRAPH_READ] = (float)i;
                assert(live_history_add(&history, &point) == 0);
        }
        assert(history.n == LIVE_HISTORY_MAX);
        assert(live_history_at(&history, 0)->time_ns == AT(LIVE_HISTORY_MAX + 5));
        assert(live_history_at(&history, LIVE_HISTORY_MAX - 1)->time_ns == AT(6));
        assert(!live_history_at(&history, LIVE_HISTORY_MAX));
        assert(live_history_max(&history, LIVE_GRAPH_READ, AT(100), AT(102), &value) && (int)value == 101);
        assert(!live_history_max(&history, LIVE_GRAPH_READ, AT(5000), AT(5001), &value));
        assert(!live_history_max(&history, LIVE_GRAPH_CPU, AT(100), AT(102), &value));
        live_history_deinit(&history);
}

int main(void) {
        test_history();
        return 0;
}
