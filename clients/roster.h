/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

#include "taskbroker/taskbroker.h"

typedef struct Roster Roster;

struct Roster {
        struct tb_task *tasks;
        size_t n_tasks;
        size_t n_room;
};

#define ROSTER_NULL { 0 }

int roster_add(Roster *roster, const struct tb_task *task);
void roster_deinit(Roster *roster);
