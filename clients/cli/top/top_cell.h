/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "clients/cli/model/live_columns.h"
#include "clients/cli/tui/screen.h"

struct TopView;

typedef struct TopCell TopCell;

struct TopCell {
        char text[LIVE_TEXT_MAX];       /* any bytes: the screen escapes them */
        enum screen_style style;
        bool whole;                     /* a number: it must not be cut */
};

void top_cell_write(const LiveColumn *column, const struct TopView *view, const LiveRow *row, TopCell *cell);
const char *top_cell_unknown(enum metric_known known);
