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
        OWNER_NONE,             /* only administrators own it: its ids differ, or are not known */
        OWNER_UNPROVEN,         /* it has only ids of the user, but /proc has not shown it to the user since its ids
                                   or its program changed */
        OWNER_HIDDEN,           /* the user's, but /proc hides it at the moment, or its ids may have changed */
        OWNER_SHOWN,            /* the user's: /proc shows it to the user */
} OwnerClaim;

struct Owner {
        uint32_t uid, gid;
        OwnerClaim claim;
};

Owner owner_of_task(const Task *task);
Owner owner_of_live_task(const Task *task, const TaskStats *stats);
void owner_restrict(Owner *owner, const Owner *other);
void owner_note_fork(Task *task);
void owner_note_ids(Task *task);
void owner_note_shown(Task *task);
void owner_note_hidden(Task *task);
void owner_note_record(const Task *task, const TaskStats *stats, bool same_program);
