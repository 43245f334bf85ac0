/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * ProcMount: the mount options of /proc that hide processes from users, and from the broker
 * itself once it is not root. Each instance of /proc has its own options. Process 1 sees the
 * machine's instance; a service or a client may see another instance.
 */

#include <stdbool.h>
#include <stdint.h>
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
        bool subset;            /* nothing but processes is shown: a sandbox */
        gid_t gid;              /* the group that is exempt; 0: none but root's */
};

/*
 * Bytes of a mountinfo that are read: some thousands of mounts. A user can make mounts in a namespace of its own, and
 * each connection costs such a reading: there, some hundred mounts are read.
 */
#define PROC_MOUNT_BYTES ((size_t)1024 * 1024)
#define PROC_MOUNT_BYTES_OF_USER ((size_t)64 * 1024)

/* A mount that cannot be read counts as the strictest one. */
#define PROC_MOUNT_UNKNOWN { .hidepid = HIDEPID_PTRACEABLE }

bool proc_mount_parse(ProcMount *ret_mount, const char *mountinfo, const char *path);
bool proc_mount_read(ProcMount *ret_mount, const char *path);
bool proc_mount_read_of(ProcMount *ret_mount, int dir_fd, const char *file, size_t n_max);
ProcMount proc_mount_stricter(const ProcMount *a, const ProcMount *b);
bool proc_mount_hides(const ProcMount *mount);
uint32_t proc_mount_exempt_group(const ProcMount *mount);
