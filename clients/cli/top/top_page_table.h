/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "clients/cli/top/top_state.h"

/* The processes or threads, with the header above them. */
extern const TopPage top_page_table;

void top_page_table_show(Top *top, uint32_t code);
