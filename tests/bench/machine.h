/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The machine besides the benchmark: whether others use it, because their use is in every figure. CPU times, too. */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* How long a benchmark that measures anyway waits for an idle machine. */
#define MACHINE_IDLE_NS UINT64_C(10000000000)

bool machine_wait_idle(uint64_t timeout_ns);
uint64_t machine_forks(void);
int machine_process_cpu_ns(pid_t pid, uint64_t *ret_ns);
