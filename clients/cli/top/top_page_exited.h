/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "clients/cli/model/live_exited.h"
#include "clients/cli/top/top_state.h"

typedef struct TopPageExited TopPageExited;

/* The tasks that have ended since top was started, by command. */
struct TopPageExited {
        unsigned int sort;              /* the number of the column */
        bool inverted;
        TopList list;
        const LiveCommand **commands;   /* in order */
        size_t n_commands;
        size_t n_room;
};

#define TOP_PAGE_EXITED_NULL { .sort = 3 }

extern const TopPage top_page_exited;

void top_page_exited_show(Top *top, uint32_t code);
void top_page_exited_sort_next(Top *top, uint32_t code);
void top_page_exited_sort_previous(Top *top, uint32_t code);
void top_page_exited_sort_cpu(Top *top, uint32_t code);
void top_page_exited_invert(Top *top, uint32_t code);
void top_page_exited_reset(Top *top, uint32_t code);

int top_page_exited_refresh(TopPageExited *exited, const LiveExited *model);
void top_page_exited_sort(TopPageExited *exited, int by);
void top_page_exited_deinit(TopPageExited *exited);
