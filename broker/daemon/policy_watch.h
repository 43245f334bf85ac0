/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * PolicyWatch: keeps the Policy of this machine up to date, which is made of the options,
 * the groups and the mount options of /proc; and the owners of subordinate ids. It only reads; the loop hands each
 * change of the policy to the hub.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "broker/daemon/options.h"
#include "broker/policy/policy.h"
#include "broker/policy/subuid.h"

typedef struct PolicyWatch PolicyWatch;

struct PolicyWatch {
        const char *path;       /* mount point of /proc; not owned */
        int procfs_fd;          /* not owned */
        int mounts_fd;
        uint32_t n_quiet;       /* calls of policy_watch_update() since mountinfo was read */
        bool blind;             /* /proc hides tasks from the broker itself */
        Policy policy;
        const char *subuid_path;        /* not owned */
        struct stat subuid_file, passwd_file;   /* as they were when the map was read; zero: there was no file */
        SubuidMap subuids;
};

#define POLICY_WATCH_NULL { .mounts_fd = -1 }

enum {
        _POLICY_WATCH_E_SUCCESS,
        POLICY_WATCH_E_GROUP,         /* the group does not exist, which was logged */
};

bool policy_watch_find_group(const char *text, uint32_t *ret_gid);

int policy_watch_init(PolicyWatch *watch, const Options *options, int procfs_fd);
void policy_watch_deinit(PolicyWatch *watch);
bool policy_watch_update(PolicyWatch *watch);
