/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * NamedStarts: the processes that the numbers of a filter name, by their starts. After a
 * reconnect the same processes are asked for, and not those that have the numbers by then.
 */

#include <stddef.h>
#include <stdint.h>

#include "taskbroker/taskbroker.h"

typedef struct NamedStarts NamedStarts;

/* In the order of the numbers, by the boot clock. 0: no process had the number yet. */
struct NamedStarts {
        size_t n_pids, n_subtrees;
        uint64_t pids[TB_FILTER_PIDS_MAX];
        uint64_t subtrees[TB_FILTER_SUBTREES_MAX];
};
