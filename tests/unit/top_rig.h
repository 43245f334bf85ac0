/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* A live model with four tasks, and the view from which the parts of the screen of top are drawn. */

#include <assert.h>
#include <string.h>

#include "clients/cli/model/live_columns.h"
#include "clients/cli/top/top_view.h"
#include "tests/unit/live_rig.h"

#define N(array) (sizeof(array) / sizeof(*(array)))

static __attribute__((unused)) Users users;

static inline const LiveColumn *column_of(const char *name) {
        const LiveColumn *column = live_column_find(name, strlen(name));

        assert(column);
        return column;
}

static inline TopView view_of(const Live *live, const TopSettings *settings) {
        return (TopView){
                .live = live,
                .settings = settings,
                .columns = { .live = live, .users = &users },
                .now_ns = AT(10),
        };
}

/* 10 and 11 are busy, 12 is idle and withholds its input and output, 13 has ended. */
static inline void make_live(Live *live) {
        Made rows[] = {
                {.pid = 10, .start = -9, .comm = "low"},
                {.pid = 11, .start = -8, .comm = "high"},
                {.pid = 12, .start = -7, .comm = "idle", .groups = GROUPS_ALL & ~GROUP_IO, .withheld = GROUP_IO},
                {.pid = 13,
                 .start = -6,
                 .comm = "ended",
                 .groups = GROUPS_ALL & ~GROUP_DELAYS,
                 .uncounted = GROUP_DELAYS},
        };

        live_init(live);
        for (size_t i = 0; i < N(rows); ++i)
                send_row(live, rows + i, 1);
        send_sample(live, 1, true);
        rows[0].cpu_ns = 100000000;
        rows[0].read_bytes = 9000;
        rows[1].cpu_ns = 900000000;
        for (size_t i = 0; i < 3; ++i)
                send_row(live, rows + i, 2);
        send_ended(live, rows + 3, 2);
        send_sample(live, 2, false);
        assert(live->n_rows == 4);
}
