/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "clients/cli/model/live.h"

/* What the parts of the model share; live.h is for everybody else. */
LiveRow *live_row(Live *live, uint32_t pid, uint32_t tid, uint64_t start_time_ns);
void live_take_name(LiveRow *row, const char comm[static TB_COMM_SIZE]);
int live_take_program(LiveRow *row, const struct tb_program *program);
void live_retire(Live *live, LiveRow *row, uint64_t now_ns);
void live_remove(Live *live, LiveRow *row);
void live_drop_oldest(Live *live);
