/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "clients/cli/base/cmdline.h"
#include "clients/cli/model/live.h"

struct TopView;

typedef struct TopPageDetail TopPageDetail;

/* One process, or thread. A copy: the model's row goes some seconds after its end. */
struct TopPageDetail {
        LiveRow row;
        LiveHistory history;
        char command[CMDLINE_TEXT_MAX];
        char exe[1100];
        char cgroup[1100];
        size_t first;                   /* the line of the statistics at the top */
        size_t n_lines;
        size_t n_shown;
};

#define TOP_PAGE_DETAIL_NULL { 0 }

void top_page_detail_open(TopPageDetail *detail, Live *live, LiveRow *row);
void top_page_detail_close(TopPageDetail *detail, Live *live);
void top_page_detail_refresh(TopPageDetail *detail, const Live *live);
void top_page_detail_scroll(TopPageDetail *detail, ptrdiff_t by);
void top_page_detail_draw(TopPageDetail *detail, const struct TopView *view);
