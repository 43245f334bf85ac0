/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Credentials: who a client is, as the kernel said when it connected. Plain; who asks the kernel is broker/server/peer_creds.c. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct Credentials Credentials;

struct Credentials {
        uint32_t uid, gid;              /* effective, in the initial user namespace */
        bool in_user_namespace;         /* in one of its own: root there is not root here */
        const uint32_t *groups;         /* supplementary; not owned */
        size_t n_groups;
};

bool credentials_has_group(const Credentials *credentials, uint32_t gid);
