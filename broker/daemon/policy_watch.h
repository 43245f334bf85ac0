/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* PolicyWatch: what applies to who may know what, of the options, the groups and the mount of /proc; watched since. */

#include <stdbool.h>
#include <stdint.h>

#include "broker/daemon/options.h"
#include "broker/policy/policy.h"

typedef struct PolicyWatch PolicyWatch;

struct PolicyWatch {
        const char *path;       /* of /proc; not owned */
        int procfs_fd;          /* not owned */
        int mounts_fd;
        uint32_t n_quiet;       /* policy_watch_update()s since the mounts were read */
        bool blind;             /* /proc hides tasks from the broker itself */
        Policy policy;
};

#define POLICY_WATCH_NULL { .mounts_fd = -1 }

/* What a function here comes to, beside 0 and a negative errno. */
enum {
        _POLICY_WATCH_E_SUCCESS,
        POLICY_WATCH_E_GROUP,         /* there is no such group, which was said */
};

bool policy_watch_find_group(const char *text, uint32_t *ret_gid);

int policy_watch_init(PolicyWatch *watch, const Options *options, int procfs_fd);
void policy_watch_deinit(PolicyWatch *watch);
bool policy_watch_update(PolicyWatch *watch);
