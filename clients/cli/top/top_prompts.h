/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "clients/cli/top/top_state.h"

void top_prompts_search(Top *top, uint32_t code);
void top_prompts_filter(Top *top, uint32_t code);
void top_prompts_interval(Top *top, uint32_t code);
