/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* ClockWatch: notices that the machine was suspended, and that the wall clock was set. */

#include <stdint.h>

#include "broker/tasks/join.h"

typedef struct ClockWatch ClockWatch;

struct ClockWatch {
        int64_t step_ns;        /* how far the wall clock was set since the time scale was chosen */
};

void clock_watch_check_suspension(Join *join);
void clock_watch_check_wall_clock(ClockWatch *watch);
