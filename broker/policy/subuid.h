/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * SubuidMap: the owners of subordinate user ids. A user may become each id of its ranges in
 * /etc/subuid (newuidmap(1)), so for the quota all these ids are one user. The watch of the policy
 * reads it, and the quota looks users up.
 */

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

typedef struct SubuidMap SubuidMap;
typedef struct SubuidRange SubuidRange;

enum {
        _SUBUID_E_SUCCESS,
        SUBUID_E_UNREADABLE,    /* there is no file, or it cannot be read: each id is its own owner */
        SUBUID_E_MEMORY,
};

struct SubuidRange {
        uid_t first, last;
        uid_t owner;
};

struct SubuidMap {
        SubuidRange *ranges;    /* in the order of their ids, disjoint */
        size_t n;
        size_t n_ignored;       /* lines that are not valid, or beyond a limit */
};

#define SUBUID_MAP_NULL {}

int subuid_map_read(SubuidMap *map, const char *path, const char *passwd_path);
void subuid_map_deinit(SubuidMap *map);
uid_t subuid_map_owner(const SubuidMap *map, uid_t uid);
