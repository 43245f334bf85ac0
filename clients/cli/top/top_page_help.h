/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "clients/cli/top/top_state.h"

/* The keys and the columns. */
extern const TopPage top_page_help;

void top_page_help_show(Top *top, uint32_t code);
