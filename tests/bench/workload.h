/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The load: workers that make processes or threads as fast as they can. */

#include <stdbool.h>
#include <stdint.h>

typedef enum WorkloadKind {
        WORKLOAD_FORK,          /* fork, _exit, wait */
        WORKLOAD_THREAD,        /* pthread_create, pthread_join */
        _WORKLOAD_N,
} WorkloadKind;

#define WORKLOAD_WORKERS 2

typedef struct Workload {
        WorkloadKind kind;
        bool pinned;            /* each worker stays on a processor of its own */
        uint64_t duration_ns;
} Workload;

int workload_run(const Workload *workload, double *ret_rate, uint64_t *ret_operations);
