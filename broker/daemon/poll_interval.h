/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * PollInterval: how long the kernel's sources may be left alone, from what readers allow,
 * what the receive buffers hold, and whether there is a storm. Pure.
 */

#include <stdbool.h>
#include <stdint.h>

typedef struct PollInterval PollInterval;

struct PollInterval {
        uint64_t limit_ns;              /* that the receive buffers allow */
        uint64_t since_ns;              /* monotonic: of the measurement that runs */
        uint64_t received;              /* datagrams, at its begin */
        bool storm;                     /* the one before showed one */
};

void poll_interval_init(PollInterval *pace, uint64_t rcvbuf_bytes);
void poll_interval_measure(PollInterval *pace, uint64_t received, uint64_t now_ns);
uint64_t poll_interval_ns(const PollInterval *pace, uint64_t max_delay_ns);
