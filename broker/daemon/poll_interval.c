/* SPDX-License-Identifier: Apache-2.0 */

/*
 * An event that wakes the broker costs several times as much as one that is read together
 * with many others, and that cost falls on the machine that is watched. While events
 * come, the sources are therefore read once in an interval. The interval is a share of
 * the shortest delay that a subscriber allows, and short enough for the receive buffers.
 *
 * A subscriber that allows no delay gets each event at once. The exception is a storm: then
 * the sources are read once a millisecond, so that the broker keeps up.
 */

#include "broker/base/util.h"
#include "broker/daemon/poll_interval.h"

/* A storm begins at this many datagrams a second. The interval in a storm is at least this long. */
#define STORM_RATE 4000u
#define STORM_INTERVAL_NS NSEC_PER_MSEC

#define MEASURE_NS (10 * NSEC_PER_MSEC)
#define POLL_INTERVAL_MAX_NS (100 * NSEC_PER_MSEC)

/* The most that one datagram takes of a receive buffer, and the least time between two of them. */
#define DATAGRAM_BYTES 2048u
#define DATAGRAM_NS (10 * NSEC_PER_USEC)

/**
 * poll_interval_init() - set the limit that the receive buffers need
 * @interval:      output
 * @rcvbuf_bytes:  size of the smaller receive buffer of the two sources; half of it may fill
 */
void poll_interval_init(PollInterval *interval, uint64_t rcvbuf_bytes) {
        *interval = (PollInterval){ .limit_ns = rcvbuf_bytes / 2 / DATAGRAM_BYTES * DATAGRAM_NS };
}

/**
 * poll_interval_measure() - find out whether there is a storm
 * @interval:  the interval
 * @received:  datagrams of both sources since the start
 * @now_ns:    monotonic
 */
void poll_interval_measure(PollInterval *interval, uint64_t received, uint64_t now_ns) {
        uint64_t span_ns = now_ns - interval->since_ns;

        if (span_ns < MEASURE_NS)
                return;
        interval->storm = (received - interval->received) * NSEC_PER_SEC > STORM_RATE * span_ns;
        interval->since_ns = now_ns;
        interval->received = received;
}

/**
 * poll_interval_ns() - compute the time until the sources are read again
 * @interval:      the interval
 * @max_delay_ns:  the delay that all subscribers allow
 *
 * Return: The time; 0: read at the next event.
 */
uint64_t poll_interval_ns(const PollInterval *interval, uint64_t max_delay_ns) {
        uint64_t ns = interval->storm ? MAX(max_delay_ns, STORM_INTERVAL_NS) : max_delay_ns;

        ns = MIN(ns, POLL_INTERVAL_MAX_NS);
        return MIN(ns, interval->limit_ns);
}
