/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The task table's beginning: every task that /proc shows. */

#include <stdint.h>

#include "broker/tasks/table.h"

int procfs_seed(int procfs_fd, TaskTable *table);
