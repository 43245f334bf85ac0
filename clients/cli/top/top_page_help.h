/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

struct TopView;

size_t top_page_help_draw(const struct TopView *view, size_t first);
