/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <wchar.h>

size_t text_width_clip(wchar_t *cells,
                       size_t n_cells,
                       const char *text,
                       size_t columns,
                       bool utf8,
                       size_t *ret_columns);
size_t text_width(const char *text, bool utf8);
