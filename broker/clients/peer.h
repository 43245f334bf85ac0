/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Peer: what the kernel says of the process at a connection's other end. */

#include <stdbool.h>
#include <stdint.h>

#include "broker/rules/principal.h"

typedef struct Peer Peer;

enum {
        _PEER_E_SUCCESS,
        PEER_E_NAMESPACE,       /* it knows processes by other numbers */
        PEER_E_GONE,            /* it cannot be found any more, or never could */
        PEER_E_SHORT,           /* there are no descriptors to look with */
};

struct Peer {
        Principal principal;
        uint32_t *groups;       /* the principal's */
};

#define PEER_NULL {}

int peer_read(Peer *peer, int fd);
void peer_deinit(Peer *peer);
