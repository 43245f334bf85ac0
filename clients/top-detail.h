/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "clients/arguments.h"
#include "clients/live.h"

struct TopView;

typedef struct TopDetail TopDetail;

/* One process, or thread. A copy: the model's row goes some seconds after its end. */
struct TopDetail {
        LiveRow row;
        LiveHistory history;
        char command[ARGUMENTS_TEXT_MAX];
        char exe[1100];
        char cgroup[1100];
        size_t first;                   /* the line of the statistics at the top */
        size_t n_lines;
        size_t n_shown;
};

#define TOP_DETAIL_NULL { 0 }

void top_detail_open(TopDetail *detail, Live *live, LiveRow *row);
void top_detail_close(TopDetail *detail, Live *live);
void top_detail_refresh(TopDetail *detail, const Live *live);
void top_detail_scroll(TopDetail *detail, ptrdiff_t by);
void top_detail_draw(TopDetail *detail, const struct TopView *view);
