/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "clients/cli/top/top_state.h"

const TopKey *top_keys_all(size_t *ret_n);
const TopKey *top_keys_find(const TopPage *page, uint32_t code);
const char *top_keys_name(const TopKey *key, char name[static 8]);
void top_keys_press(Top *top, uint32_t code);
