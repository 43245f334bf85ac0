/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Memory for what can be refused, or done without: what clients cause. The last of what the
 * process may have is left to what cannot: the table of tasks, and the loop.
 */

#include <stdbool.h>
#include <stddef.h>

bool memory_is_scarce(void);
void *memory_alloc_optional(void *former, size_t n);
