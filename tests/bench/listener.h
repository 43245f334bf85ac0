/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A direct listener, as on a machine without a broker: a process that holds a connector socket
 * and a taskstats socket of its own and reads everything that arrives.
 */

#include <stdbool.h>

#include "tests/bench/crew.h"

typedef struct ListenerOptions {
        bool batched;   /* recvmmsg, hundreds a call; else poll and one recv a datagram */
        unsigned int pause_ms;  /* sleeps so long before each look, so that batches fill */
} ListenerOptions;

int listener_main(void *userdata, CrewSeat *seat);
bool listener_others_present(void);
