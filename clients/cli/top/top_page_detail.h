/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "clients/cli/top/top_state.h"

/* One process, or thread. */
extern const TopPage top_page_detail;

void top_page_detail_show(Top *top, uint32_t code);
void top_page_detail_close(Top *top, uint32_t code);
