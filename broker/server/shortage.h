/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Shortage: the descriptors do not suffice for the connections, because their limit was lowered, or because the
 * machine has no more. The listener calls this when it cannot take a connection in, or soon could not. Users who have
 * the most connections lose some, and get no more for a while. So root and users who have nothing yet get in, whatever
 * the limit is. Root loses none.
 */

#include <ev.h>
#include <stdbool.h>
#include <stdint.h>

#include "broker/policy/quota.h"
#include "broker/server/hub.h"

typedef struct Shortage Shortage;

struct Shortage {
        Hub *hub;                       /* not owned */
        QuotaShare full;                /* the share of connections outside of a shortage */
        ev_timer calm;                  /* since the last time that descriptors lacked; active: the total is smaller */
};

void shortage_init(Shortage *shortage, Hub *hub);
void shortage_deinit(Shortage *shortage);
uint64_t shortage_n_free(int fd);
bool shortage_make_room(Shortage *shortage, uint64_t n_free, bool for_root);
