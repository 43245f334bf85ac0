/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "clients/cli/top/top_state.h"

/* The actions of keys on the table and the settings. Each can be the function of a row in top_keys.c. */
void top_actions_back(Top *top, uint32_t code);
void top_actions_command_lines(Top *top, uint32_t code);
void top_actions_fold(Top *top, uint32_t code);
void top_actions_fold_switch(Top *top, uint32_t code);
void top_actions_follow(Top *top, uint32_t code);
void top_actions_graphs(Top *top, uint32_t code);
void top_actions_invert(Top *top, uint32_t code);
void top_actions_kernel_threads(Top *top, uint32_t code);
void top_actions_left(Top *top, uint32_t code);
void top_actions_move(Top *top, uint32_t code);
void top_actions_pause(Top *top, uint32_t code);
void top_actions_quit(Top *top, uint32_t code);
void top_actions_read_only(Top *top, uint32_t code);
void top_actions_redraw(Top *top, uint32_t code);
void top_actions_right(Top *top, uint32_t code);
void top_actions_search_next(Top *top, uint32_t code);
void top_actions_sort_cpu(Top *top, uint32_t code);
void top_actions_sort_memory(Top *top, uint32_t code);
void top_actions_sort_pid(Top *top, uint32_t code);
void top_actions_sort_read(Top *top, uint32_t code);
void top_actions_sort_time(Top *top, uint32_t code);
void top_actions_sort_written(Top *top, uint32_t code);
void top_actions_span_longer(Top *top, uint32_t code);
void top_actions_span_shorter(Top *top, uint32_t code);
void top_actions_tag(Top *top, uint32_t code);
void top_actions_threads(Top *top, uint32_t code);
void top_actions_tree(Top *top, uint32_t code);
void top_actions_unfold(Top *top, uint32_t code);
void top_actions_untag(Top *top, uint32_t code);
void top_actions_write_settings(Top *top, uint32_t code);

/* For menus and prompts. */
void top_actions_filter(Top *top, const char *text);
void top_actions_sort(Top *top, const LiveColumn *column);
