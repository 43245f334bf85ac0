/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "clients/cli/model/live.h"
#include "clients/cli/model/live_columns.h"
#include "clients/cli/top/top_settings.h"
#include "clients/cli/tui/screen.h"

typedef struct TopView TopView;

/* What the parts of the screen are drawn from. Owned by top-screen.c; the parts change nothing in it. */
struct TopView {
        Screen *screen;
        const Live *live;               /* what is shown: while paused, a copy */
        LiveView columns;               /* what the cells depend on */
        const TopSettings *settings;
        const struct tb_welcome *welcome;       /* NULL: the broker said nothing yet */
        uint64_t now_ns;                /* since the epoch */
        bool down;                      /* there is no connection */
        bool paused;
};

/* Bits of LiveRow.marks. */
enum {
        TOP_ROW_TAGGED = 1 << 0,
        TOP_ROW_FOLDED = 1 << 1,
};
