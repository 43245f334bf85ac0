/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

#include "taskbroker/taskbroker.h"

/* Room for the text. */
#define IOPRIO_MAX 8

const char *ioprio_text(char text[static IOPRIO_MAX], uint32_t tid, uint64_t start_boot_ns,
                        const struct tb_task_stats *stats);
