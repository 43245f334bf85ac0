/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/*
 * A paused screen: a copy of the model that does not change.
 */

#include <assert.h>

#include "clients/cli/top/top_pause.h"
#include "tests/unit/top_rig.h"

/* The copy does not change with the model. At the end of the pause, the marks of the copy go to the model. */
static void test_pause(void) {
        Live live, *paused;
        uint64_t value;

        make_live(&live);
        live_find(&live, 10)->marks = TOP_ROW_TAGGED;
        paused = top_pause_begin(&live);
        assert(paused && paused->n_rows == 4 && paused->n_alive == live.n_alive);
        send_sample(&live, 3, false);
        live_expire(&live, AT(1000));
        assert(live.n_rows == 3);
        for (size_t i = 0; i < 4; ++i) {
                assert(live_total(paused, paused->rows[i], METRIC_CPU, &value) == METRIC_KNOWN);
                paused->rows[i]->marks ^= TOP_ROW_TAGGED;
        }
        paused = top_pause_end(paused, &live);
        assert(!paused && live_find(&live, 10)->marks == 0 && live_find(&live, 11)->marks == TOP_ROW_TAGGED);
        assert(!top_pause_end(NULL, &live));

        live_deinit(&live);
}

int main(void) {
        test_pause();
        return 0;
}
