/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

uint64_t clock_now_ns(void);
void clock_set_epoch_ns(int64_t epoch_ns);
uint64_t clock_now_boot_ns(void);
uint64_t clock_now_realtime_ns(void);
uint64_t clock_now_time_ns(void);
uint64_t clock_to_boot_ns(uint64_t time_ns);
uint64_t clock_to_realtime_ns(uint64_t time_ns);
