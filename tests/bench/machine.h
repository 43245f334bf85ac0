/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The machine besides the benchmark: whether others use it, because what they do is in every figure. */

#include <stdbool.h>
#include <stdint.h>

bool machine_wait_idle(uint64_t timeout_ns);
uint64_t machine_births(void);
