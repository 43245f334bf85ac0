/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Owner: the user that a task belongs to, for the access to what it did. The table's tasks
 * give it (owner.c), events and samples carry it, the policy reads it. Pure.
 */

#include <stdint.h>

#include "broker/model/taskstats.h"

typedef struct Owner Owner;
typedef struct Task Task;

typedef enum OwnerClaim {
        OWNER_NONE,             /* the administrator's only: its ids differ, were changed, or it has privileges */
        OWNER_CURRENT,          /* the user's now, but some of what it used was used under other ids */
        OWNER_SINCE_BIRTH,      /* the user's, from its birth on */
} OwnerClaim;

struct Owner {
        uint32_t uid, gid;
        OwnerClaim claim;
};

Owner owner_of_task(const Task *task);
Owner owner_of_live_task(const Task *task, const TaskStats *stats);
void owner_restrict(Owner *owner, const Owner *other);
void owner_note_birth(Task *task);
void owner_note_record(const Task *task, const TaskStats *stats);
