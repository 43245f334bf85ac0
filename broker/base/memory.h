/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Memory that the broker can do without: everything that clients cause is allocated here,
 * and refused when memory is scarce. The reserve is left for the task table and the
 * loop, which cannot do without.
 */

#include <stdbool.h>
#include <stddef.h>

bool memory_is_scarce(void);
void *memory_alloc_optional(void *former, size_t n);
