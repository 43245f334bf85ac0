/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* RunProcess: whether a process of the command runs. */

#include <stdbool.h>
#include <stdint.h>

bool run_process_exists(uint32_t pid, uint64_t start_boot_ns);
