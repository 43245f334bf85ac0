/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Termination: the parts of a wait status, as the kernel's exit_code has it. The encoders write them apart. */

#include <stdbool.h>
#include <stdint.h>

typedef struct Termination Termination;

struct Termination {
        uint32_t exit_code;
        uint32_t term_signal;
        bool core_dumped;
};

Termination termination_from_wait_status(uint32_t wait_status);
