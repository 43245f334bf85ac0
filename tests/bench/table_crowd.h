/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A crowd: tasks that are alive and do nothing, as many as the table shall hold: threads of a few processes, or
 * processes of their own. Both are made as cheaply as the kernel makes them, and cost it some 25 to 30 KiB each.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define CROWD_TASKS_MAX 200000
#define CROWD_PIDS_MAX 60000

typedef struct Crowd {
        uint32_t *tids;         /* CROWD_TASKS_MAX, shared with the children; n_tasks of them are alive */
        size_t n_tasks;
        pid_t *pids;            /* the processes; CROWD_PIDS_MAX */
        size_t n_pids;
} Crowd;

int crowd_init(Crowd *crowd);
bool crowd_fits(size_t n_tasks, uint64_t *ret_needed_bytes, uint64_t *ret_available_bytes);
int crowd_grow(Crowd *crowd, size_t n_tasks, bool processes);
void crowd_disperse(Crowd *crowd);
