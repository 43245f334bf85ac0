/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * ProcMount: what the mount options of /proc hide from users of the machine, and
 * from a broker that is not root any more. Pure but for the one reading.
 */

#include <stdbool.h>
#include <sys/types.h>

typedef struct ProcMount ProcMount;

typedef enum HidePid {
        HIDEPID_OFF,            /* nothing */
        HIDEPID_NOACCESS,       /* what is in the directories of other users' processes */
        HIDEPID_INVISIBLE,      /* the directories too */
        HIDEPID_PTRACEABLE,     /* the same, and no group is exempt */
} HidePid;

struct ProcMount {
        HidePid hidepid;
        gid_t gid;              /* the group that is exempt */
};

bool proc_mount_parse(ProcMount *ret_mount, const char *mountinfo, const char *path);
bool proc_mount_read(ProcMount *ret_mount, const char *path);
