/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "clients/cli/model/live_exited.h"

struct TopView;

typedef struct TopPageExited TopPageExited;

struct TopPageExited {
        unsigned int sort;              /* which column */
        bool inverted;
        size_t cursor;
        size_t first;
        size_t n_shown;
        const LiveCommand **commands;   /* in order */
        size_t n_commands;
        size_t n_room;
};

#define TOP_PAGE_EXITED_NULL { .sort = 3 }

void top_page_exited_deinit(TopPageExited *ended);
int top_page_exited_refresh(TopPageExited *ended, const LiveExited *ranking);
void top_page_exited_move(TopPageExited *ended, ptrdiff_t by);
void top_page_exited_sort(TopPageExited *ended, int by);
void top_page_exited_sort_cpu(TopPageExited *ended);
void top_page_exited_draw(TopPageExited *ended, const struct TopView *view, size_t row, size_t n_rows);
