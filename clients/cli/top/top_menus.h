/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "clients/cli/top/top_state.h"

void top_menus_sort(Top *top, uint32_t code);
void top_menus_columns(Top *top, uint32_t code);
void top_menus_user(Top *top, uint32_t code);
