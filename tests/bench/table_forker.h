/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Background load: one process that forks children which end at once, steadily or as fast as it can, until it is
 * stopped. */

#include <stdint.h>

#include "tests/bench/crew.h"

typedef struct ForkerOptions {
        uint64_t interval_ns;   /* between two; 0: none */
} ForkerOptions;

int forker_main(void *userdata, CrewSeat *seat);
