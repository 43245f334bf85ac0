/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

uint64_t clock_now_ns(void);
uint64_t clock_now_realtime_ns(void);
