/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "clients/live-ranking.h"

struct TopView;

typedef struct TopShortLived TopShortLived;

struct TopShortLived {
        unsigned int sort;              /* which column */
        bool inverted;
        size_t cursor;
        size_t first;
        size_t n_shown;
        const LiveCommand **commands;   /* in order */
        size_t n_commands;
        size_t n_room;
};

#define TOP_SHORT_LIVED_NULL { .sort = 3 }

void top_short_lived_deinit(TopShortLived *ended);
int top_short_lived_refresh(TopShortLived *ended, const LiveRanking *ranking);
void top_short_lived_move(TopShortLived *ended, ptrdiff_t by);
void top_short_lived_sort(TopShortLived *ended, int by);
void top_short_lived_sort_cpu(TopShortLived *ended);
void top_short_lived_draw(TopShortLived *ended, const struct TopView *view, size_t row, size_t n_rows);
