/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Privileges: what the broker drops once its sources are open, before it reads from any
 * client. The plan is made first, so that an unknown user ends the start before anything
 * is asked of the kernel. After the drop the kernel's view is compared with the plan: a
 * broker that has more does not run.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "broker/daemon/options.h"

typedef struct Privileges Privileges;
typedef struct PrivilegesStatus PrivilegesStatus;

enum {
        _PRIVILEGES_E_SUCCESS,
        PRIVILEGES_E_REFUSED,   /* the reason was logged */
};

struct Privileges {
        bool required;          /* an error of the drop ends the start */
        bool changes_user;
        uid_t uid;              /* the user after the drop */
        gid_t gid;
        bool changes_groups;
        gid_t group;            /* the only supplementary group */
        bool has_group;
        uint64_t capabilities;  /* one bit for each that is kept */
        bool empties_bounding;
};

/* The privileges of a process, as /proc/PID/status has them. */
struct PrivilegesStatus {
        uint32_t uids[4], gids[4];
        uint64_t inheritable, permitted, effective, bounding, ambient;
        unsigned int no_new_privs;
};

int privileges_plan(Privileges *ret_privileges, const Options *options);
void privileges_join(const Privileges *privileges);
int privileges_drop(const Privileges *privileges);
bool privileges_parse_status(PrivilegesStatus *ret_status, const char *text);
const char *privileges_find_excess(const Privileges *privileges, const PrivilegesStatus *status);
