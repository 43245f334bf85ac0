/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * PollInterval: how long the loop may wait before it reads the kernel's sources again. It
 * depends on the delay that subscribers allow, on the receive buffers, and on whether
 * there is a storm. It does no input or output.
 */

#include <stdbool.h>
#include <stdint.h>

typedef struct PollInterval PollInterval;

struct PollInterval {
        uint64_t limit_ns;              /* the longest interval that the receive buffers allow */
        uint64_t since_ns;              /* monotonic: start of the current measurement */
        uint64_t received;              /* datagrams at that time */
        bool storm;                     /* result of the previous measurement */
};

void poll_interval_init(PollInterval *interval, uint64_t rcvbuf_bytes);
void poll_interval_measure(PollInterval *interval, uint64_t received, uint64_t now_ns);
uint64_t poll_interval_ns(const PollInterval *interval, uint64_t max_delay_ns);
