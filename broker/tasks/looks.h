/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Looks: processes that were another's and called exec while there was no time to look
 * whose they are now. That is made up for when there is; until then they are nobody's.
 * Bounded: beyond it the oldest stay so until their next exec.
 */

#include <stddef.h>
#include <stdint.h>

#include "broker/tasks/procfs.h"
#include "broker/tasks/table.h"

typedef struct Looks Looks;

#define LOOKS_MAX 64u

struct Looks {
        uint32_t pids[LOOKS_MAX];
        size_t n;               /* noted in all */
        size_t n_done;          /* of those, done or given up */
};

void looks_note(Looks *looks, uint32_t pid);
Task *looks_next(Looks *looks, const TaskTable *table, int procfs_fd);
