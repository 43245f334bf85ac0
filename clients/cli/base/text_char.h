/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

int text_char_width(uint32_t code);
