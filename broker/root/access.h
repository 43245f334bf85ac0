/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* AccessWatch: what applies to who may know what, of the options, the groups and the mount of /proc; watched since. */

#include <stdbool.h>
#include <stdint.h>

#include "broker/root/options.h"
#include "broker/rules/policy.h"

typedef struct AccessWatch AccessWatch;

struct AccessWatch {
        const char *path;       /* of /proc; not owned */
        int procfs_fd;          /* not owned */
        int mounts_fd;
        uint32_t n_quiet;       /* access_watch_update()s since the mounts were read */
        bool blind;             /* /proc hides tasks from the broker itself */
        Policy policy;
};

#define ACCESS_WATCH_NULL { .mounts_fd = -1 }

/* What a function here comes to, beside 0 and a negative errno. */
enum {
        _ACCESS_E_SUCCESS,
        ACCESS_E_GROUP,         /* there is no such group, which was said */
};

bool access_find_group(const char *text, uint32_t *ret_gid);

int access_watch_init(AccessWatch *watch, const Options *options, int procfs_fd);
void access_watch_deinit(AccessWatch *watch);
bool access_watch_update(AccessWatch *watch);
