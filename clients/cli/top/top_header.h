/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

struct TopView;

size_t top_header_rows(const struct TopView *view);
void top_header_draw(const struct TopView *view);
