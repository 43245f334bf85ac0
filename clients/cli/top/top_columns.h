/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "clients/cli/model/live_columns.h"
#include "clients/cli/tui/screen.h"

struct TopView;

typedef struct TopCell TopCell;

struct TopCell {
        char text[LIVE_TEXT_MAX];       /* may be any bytes: the screen takes care */
        enum screen_style style;
};

bool top_column_standard(const LiveColumn *column);
unsigned int top_column_rank(const LiveColumn *column);
void top_column_cell(const LiveColumn *column, const struct TopView *view, const LiveRow *row, TopCell *cell);
const char *top_unknown(enum metric_known known);
