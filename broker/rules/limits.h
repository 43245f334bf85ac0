/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Limits: how much anyone may have of the broker. Nothing that a client can ask
 * for is without one.
 */

/* Connections in all. Each costs a descriptor, some hundred bytes and its socket's buffer. */
#define LIMIT_CONNECTIONS 4096u

/* Feeds, that is, different subscriptions. Each can grow to --feed-mib. */
#define LIMIT_FEEDS 64u

/* A subscription's filter. */
#define LIMIT_FILTER_NUMBERS 64u
#define LIMIT_FILTER_SUBTREES 16u
#define LIMIT_FILTER_COMMS 16u
#define LIMIT_FILTER_COMM_BYTES 63u
#define LIMIT_FILTER_CGROUPS 8u
#define LIMIT_FILTER_CGROUP_BYTES 511u

/* So long a feed stays without a subscriber, and so long its batches stay with nobody to read them: for resuming. */
#define LIMIT_RESUME_SECONDS 15u

/* Snapshots of one feed that are in memory at a time, and bytes of all snapshots. */
#define LIMIT_SNAPSHOTS_OF_FEED 2u
#define LIMIT_SNAPSHOT_BYTES ((size_t)256 * 1024 * 1024)

/* Of snapshots, to all who read one, in a turn of the loop: a millisecond or two of copying. */
#define LIMIT_SNAPSHOT_TURN_BYTES ((size_t)2 * 1024 * 1024)

/* Descriptors kept for the broker's own use, beyond the connections. */
#define LIMIT_DESCRIPTORS_RESERVED 64u

/* Replies that wait for a client to read them; beyond, its requests wait too. */
#define LIMIT_REPLY_BYTES (64u * 1024u)

/* Until a connection must have made its first request, and for a request once begun. */
#define LIMIT_REQUEST_SECONDS 30.0

/* For a client to take its replies once there are LIMIT_REPLY_BYTES, or an Error that ends it. */
#define LIMIT_UNREAD_SECONDS 30.0
