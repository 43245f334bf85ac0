/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Subtree: a set of processes and all that descends from them, as a bit of
 * Process.marks. Marked once; a child inherits its parent's marks.
 */

#include <stddef.h>
#include <stdint.h>

#include "broker/tasks/task_table.h"

enum {
        _SUBTREE_E_SUCCESS,
        SUBTREE_E_MEMORY,
};

int subtree_mark(TaskTable *table, uint64_t mark, const uint32_t *roots, size_t n_roots);
