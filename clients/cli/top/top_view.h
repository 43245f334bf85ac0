/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "clients/cli/model/live.h"
#include "clients/cli/model/live_columns.h"
#include "clients/cli/top/top_settings.h"
#include "clients/cli/tui/screen.h"

typedef struct TopView TopView;

/* All that the parts of the screen are drawn from. They write on the screen, and change nothing else in it. */
struct TopView {
        Screen *screen;
        const Live *live;                       /* while paused: a copy of the model */
        LiveView columns;                       /* for the cells of a row */
        const TopSettings *settings;
        const struct tb_welcome *welcome;       /* NULL: the broker has not answered yet */
        uint64_t now_ns;                        /* since the epoch */
        bool paused;
        const char *message;                    /* for the second line; NULL: none */
        enum screen_style message_style;
        bool message_urgent;                    /* pages without that line show it too */
};

/* Bits of LiveRow.marks. */
enum {
        TOP_ROW_TAGGED = 1 << 0,
        TOP_ROW_FOLDED = 1 << 1,
};
