/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The bracket expressions of patterns, such as [a-z] or [![:alpha:]], as fnmatch() of the
 * C library reads them in the C locale.
 */

#include <stddef.h>
#include <stdint.h>

void filter_bracket_read(const char *pattern, size_t at, uint8_t next[static 256]);
