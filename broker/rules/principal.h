/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Principal: who a client is, as the kernel said when it connected. Plain; who asks the kernel is broker/clients/peer.c. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct Principal Principal;

struct Principal {
        uint32_t uid, gid;              /* effective, in the initial user namespace */
        bool in_user_namespace;         /* in one of its own: root there is not root here */
        const uint32_t *groups;         /* supplementary; not owned */
        size_t n_groups;
};

bool principal_has_group(const Principal *principal, uint32_t gid);
