/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Credentials: ids of a client, as the kernel had them when it connected. Plain; broker/server/peer_creds.c reads them.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct Credentials Credentials;

struct Credentials {
        uint32_t uid, gid;              /* effective, in the initial user namespace */
        bool in_user_namespace;         /* in one of its own: root there is not root here */
        const uint32_t *groups;         /* supplementary; not owned */
        size_t n_groups;
        bool lacks_capabilities;        /* user 0 without the capabilities that make /proc readable */
        bool procfs_hides;              /* its own mount of /proc hides other users' tasks from it */
};

bool credentials_has_group(const Credentials *credentials, uint32_t gid);
