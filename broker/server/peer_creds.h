/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* PeerCreds: what the kernel says of the process at a connection's other end. */

#include <stdbool.h>
#include <stdint.h>

#include "broker/policy/credentials.h"

typedef struct PeerCreds PeerCreds;

enum {
        _PEER_CREDS_E_SUCCESS,
        PEER_CREDS_E_NAMESPACE,       /* it knows processes by other numbers */
        PEER_CREDS_E_GONE,            /* it cannot be found any more, or never could */
        PEER_CREDS_E_SHORT,           /* there are no descriptors to look with */
};

struct PeerCreds {
        Credentials credentials;
        uint32_t *groups;       /* the credentials's */
};

#define PEER_CREDS_NULL {}

bool peer_creds_capabilities_suffice(uint64_t effective);
int peer_creds_read(PeerCreds *peer, int fd);
void peer_creds_deinit(PeerCreds *peer);
