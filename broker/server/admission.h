/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Admission: a connection becomes a client of the hub, or gets an Error with the reason and is
 * closed. The listener hands the connections over. Admission keeps no state: the hub owns the
 * counts.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "broker/server/hub.h"

bool admission_refuses(Hub *hub, int fd, uid_t uid, uint64_t now_ns);
void admission_charge(Hub *hub, uid_t uid, uint64_t n_ns, uint64_t now_ns);
void admission_welcome(Hub *hub, int fd, const Credentials *credentials);
void admission_turn_away(Hub *hub, int fd, ErrorCode code, const char *message);
