/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Policy: who may know what. Pure. What applies on this machine (Policy) and who a
 * client is (Credentials) make what the client may know (Rights); these, and whose a
 * task is (Owner), make a View. Feeds are shared by clients with equal rights.
 */

#include <stdbool.h>
#include <stdint.h>

#include "broker/model/event.h"
#include "broker/model/task.h"
#include "broker/policy/credentials.h"

typedef struct Policy Policy;
typedef struct Rights Rights;

/* A group that there is not. */
#define POLICY_NO_GROUP UINT32_MAX

/* STATS_* that /proc does not tell everyone. */
#define POLICY_WITHHELD_STATS                                                                                          \
        (STATS_IO | STATS_DELAYS | STATS_DELAY_PEAKS | STATS_DELAY_PEAK_TIMES | STATS_EXECUTABLE | STATS_MEMORY_INTEGRALS)

/* Of one task, or of one event. */
typedef enum View {
        VIEW_NONE,              /* it does not exist */
        VIEW_PUBLIC,            /* what /proc tells everyone */
        VIEW_FULL,
} View;

/* Numbers of the wire's Access. */
typedef enum Access {
        ACCESS_ALL = 1,
        ACCESS_OWN = 2,
        ACCESS_OWN_ONLY = 3,
} Access;

struct Policy {
        uint32_t admin_group;           /* POLICY_NO_GROUP: root alone */
        bool shows_exit_status;         /* of everybody's tasks, to everybody */
        bool hides;                     /* /proc is mounted with hidepid */
        uint32_t exempt_group;          /* hides: not from its members */
};

struct Rights {
        bool all;                       /* everything; the rest is 0 then */
        bool others;                    /* that tasks of others exist, and what is public of them */
        bool exit_status;               /* how they end is public */
        uint32_t uid, gid;              /* whose tasks are its own */
};

Rights policy_rights(const Policy *policy, const Credentials *credentials);
bool policy_equals(const Policy *a, const Policy *b);
bool rights_equal(const Rights *a, const Rights *b);
Access rights_access(const Rights *rights);

View policy_view(const Rights *rights, const Owner *owner);
View policy_view_event(const Rights *rights, const Event *event);
View policy_view_task(const Rights *rights, const Task *task);
