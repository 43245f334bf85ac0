/* SPDX-License-Identifier: Apache-2.0 */

/*
 * One event that wakes the broker costs several times what one of many costs, and
 * costs it to the very machine that is watched. So while things happen, the
 * sources are read at the pace that the most impatient subscriber allows, well
 * within what the receive buffers hold. A subscriber that asked for no delay gets
 * each event at once, except in a storm, where one millisecond makes batches.
 */

#include "broker/base/util.h"
#include "broker/daemon/poll_interval.h"

/* Datagrams a second from which on it is a storm, and what is waited in it at the least. */
#define STORM_RATE 4000u
#define STORM_PACE_NS NSEC_PER_MSEC

#define MEASURE_NS (10 * NSEC_PER_MSEC)
#define POLL_INTERVAL_MAX_NS (100 * NSEC_PER_MSEC)

/* A datagram takes up to this much of a receive buffer, and a machine makes one in this time at the least. */
#define DATAGRAM_BYTES 2048u
#define DATAGRAM_NS (10 * NSEC_PER_USEC)

/**
 * poll_interval_init() - begin
 * @pace:          output
 * @rcvbuf_bytes:  the smaller of the sources' receive buffers; half of it may fill
 */
void poll_interval_init(PollInterval *pace, uint64_t rcvbuf_bytes) {
        *pace = (PollInterval){ .limit_ns = rcvbuf_bytes / 2 / DATAGRAM_BYTES * DATAGRAM_NS };
}

/**
 * poll_interval_measure() - look whether there is a storm
 * @pace:      the pace
 * @received:  datagrams of both sources since the start
 * @now_ns:    monotonic
 */
void poll_interval_measure(PollInterval *pace, uint64_t received, uint64_t now_ns) {
        uint64_t span_ns = now_ns - pace->since_ns;

        if (span_ns < MEASURE_NS)
                return;
        pace->storm = (received - pace->received) * NSEC_PER_SEC > STORM_RATE * span_ns;
        pace->since_ns = now_ns;
        pace->received = received;
}

/**
 * poll_interval_ns() - how long to leave the sources alone
 * @pace:         the pace
 * @max_delay_ns:  what all readers allow
 *
 * Return: The time; 0: wake at the next event.
 */
uint64_t poll_interval_ns(const PollInterval *pace, uint64_t max_delay_ns) {
        uint64_t ns = pace->storm ? MAX(max_delay_ns, STORM_PACE_NS) : max_delay_ns;

        ns = MIN(ns, POLL_INTERVAL_MAX_NS);
        return MIN(ns, pace->limit_ns);
}
