/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "clients/cli/top/top_state.h"

extern const TopPage top_page_command;

void top_page_command_show(Top *top, uint32_t code);
