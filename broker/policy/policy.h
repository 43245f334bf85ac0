/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Policy: decides what a client may know. Pure. The rules of this machine (Policy) and the
 * ids of a client (Credentials) give the client's Rights. Its rights and the Owner of a
 * task give a View. Clients with equal rights share feeds.
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

/* STATS_* that /proc does not show to every user. */
#define POLICY_WITHHELD_STATS                                                                                          \
        (STATS_IO | STATS_DELAYS | STATS_DELAY_PEAKS | STATS_DELAY_PEAK_TIMES | STATS_EXECUTABLE |                     \
         STATS_MEMORY_INTEGRALS)

/* The view of one task, or of one event. */
typedef enum View {
        VIEW_NONE,              /* it does not exist */
        VIEW_PUBLIC,            /* as /proc shows to every user */
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
        bool shows_exit_status;         /* exit statuses of all tasks are public */
        bool hides;                     /* /proc is mounted with hidepid */
        uint32_t exempt_group;          /* hides: not from its members */
};

struct Rights {
        bool all;                       /* everything; the rest is 0 then */
        bool others;                    /* that tasks of others exist, and what is public of them */
        bool exit_status;               /* how they end is public */
        uint32_t uid, gid;              /* owner of its own tasks */
};

Rights policy_rights(const Policy *policy, const Credentials *credentials);
bool policy_equals(const Policy *a, const Policy *b);
bool rights_equal(const Rights *a, const Rights *b);
Access rights_access(const Rights *rights);

View policy_view(const Rights *rights, const Owner *owner);
View policy_view_event(const Rights *rights, const Event *event);
View policy_view_task(const Rights *rights, const Task *task);
