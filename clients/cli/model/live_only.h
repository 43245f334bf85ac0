/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * LiveOnly: a process or a thread that the user named by its number. The number names the
 * task that has it when the command starts, or else the first task that gets it.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "taskbroker/taskbroker.h"

typedef struct LiveOnly LiveOnly;
typedef struct LiveOnlyList LiveOnlyList;

#define LIVE_ONLY_MAX TB_FILTER_PIDS_MAX

struct LiveOnly {
        uint32_t number;
        uint64_t start_boot_ns; /* the start of the task that it names; 0: no task had the number yet */
        uint64_t later_ns;      /* the start of the next owner of the number; 0: no such owner */
};

/* All that the user named. Empty: all tasks are wanted. */
struct LiveOnlyList {
        LiveOnly names[LIVE_ONLY_MAX];
        size_t n;
};

void live_only_set(LiveOnlyList *list, const uint32_t *numbers, size_t n);
bool live_only_has(LiveOnlyList *list, uint32_t pid, uint32_t tid, uint64_t start_boot_ns);
