/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * ProcMount: the mount options of /proc that hide processes from users, and from the broker
 * itself once it is not root. Only proc_mount_read() reads a file.
 */

#include <stdbool.h>
#include <sys/types.h>

typedef struct ProcMount ProcMount;

typedef enum HidePid {
        HIDEPID_OFF,            /* nothing */
        HIDEPID_NOACCESS,       /* the content of other users' directories */
        HIDEPID_INVISIBLE,      /* these directories too */
        HIDEPID_PTRACEABLE,     /* these directories too, and no group is exempt */
} HidePid;

struct ProcMount {
        HidePid hidepid;
        gid_t gid;              /* the group that is exempt */
};

bool proc_mount_parse(ProcMount *ret_mount, const char *mountinfo, const char *path);
bool proc_mount_read(ProcMount *ret_mount, const char *path);
