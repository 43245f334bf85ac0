/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Glance: whether /proc shows a live process to its owner, now. For whoever is about to
 * tell him what it has used; others need none. The answer is good for statistics that
 * the kernel has given before the glance, and for those that it is asked for next it is
 * forgotten.
 */

#include <stdbool.h>
#include <stdint.h>

#include "broker/tasks/table.h"

typedef struct Glance Glance;

struct Glance {
        int procfs_fd;                  /* not owned */
        const TaskTable *table;         /* not owned */
        uint32_t pid;                   /* whom it was at; 0: nobody */
        bool shown;
};

void glance_init(Glance *glance, int procfs_fd, const TaskTable *table);
void glance_forget(Glance *glance);
bool glance_at(Glance *glance, uint32_t pid);
