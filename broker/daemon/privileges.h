/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Privileges: what the broker gives up once its sources are open, before it
 * listens to any client. The plan is made first, so that a name that nobody has
 * ends the start before the kernel was asked for anything. What is left is read
 * back from the kernel and compared: a broker that kept more does not run.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "broker/daemon/options.h"

typedef struct Privileges Privileges;
typedef struct PrivilegesStatus PrivilegesStatus;

enum {
        _PRIVILEGES_E_SUCCESS,
        PRIVILEGES_E_REFUSED,   /* said why */
};

struct Privileges {
        bool required;          /* what cannot be given up is a refusal */
        bool changes_user;
        uid_t uid;              /* what it is afterwards */
        gid_t gid;
        bool changes_groups;
        gid_t group;            /* the only supplementary one */
        bool has_group;
        uint64_t capabilities;  /* kept, a bit each */
        bool empties_bounding;
};

/* What /proc/PID/status says. */
struct PrivilegesStatus {
        uint32_t uids[4], gids[4];
        uint64_t inheritable, permitted, effective, bounding, ambient;
        unsigned int no_new_privs;
};

int privileges_plan(Privileges *ret_privileges, const Options *options);
int privileges_drop(const Privileges *privileges);
bool privileges_parse_status(PrivilegesStatus *ret_status, const char *text);
const char *privileges_find_excess(const Privileges *privileges, const PrivilegesStatus *status);
