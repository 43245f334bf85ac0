/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Limits: how much anyone may have of the broker. Nothing that a client can ask
 * for is without one.
 */

/* Connections in all. Each costs a descriptor, some hundred bytes and its socket's buffer. */
#define LIMIT_CONNECTIONS 4096u

/* Streams of one connection: subscriptions to events and to samples. Each takes some hundred bytes of memory. */
#define LIMIT_STREAMS 16u

/* Feeds, that is, different subscriptions to events. Each can grow to --feed-mib. */
#define LIMIT_FEEDS 192u

/* The longest delay that a subscriber may ask for. */
#define LIMIT_DELAY_MS 60000u

/* A feed stays this long without a subscriber, and its batches without a reader, so that a client can resume. */
#define LIMIT_RESUME_SECONDS 15u

/* Delay accounting on demand stays on this long without a subscription to samples. */
#define LIMIT_DELAYACCT_SECONDS 60u

/* Snapshots of one feed that are in memory at a time at the cost of one user. */
#define LIMIT_SNAPSHOTS_OF_FEED 2u

/*
 * Requests of all clients in a turn of the loop, and connections that are welcomed or turned away in one: events wait
 * for its end.
 */
#define LIMIT_TURN_NS NSEC_PER_MSEC
#define LIMIT_TURN_CONNECTIONS 8u
#define LIMIT_TURN_REFUSALS 128u

/*
 * Time of a turn in which new events are sent to the connections of one user. Its further connections come after the
 * connections of others, until the turn has spent the second time. The rest comes first in the next turn.
 */
#define LIMIT_USER_FLUSH_NS (NSEC_PER_MSEC / 10)
#define LIMIT_TURN_FLUSH_NS NSEC_PER_MSEC

/* Connections that are freed in a turn, and bytes of idle feeds in a second. The rest waits for the next one. */
#define LIMIT_TURN_FREED 64u
#define LIMIT_FREED_BYTES ((size_t)64 * 1024 * 1024)

/* Connections that wait to be accepted. A user that floods the socket fills the queue, and others wait behind it. */
#define LIMIT_BACKLOG 64

/* Bytes of snapshots that are copied to all readers in a turn of the loop: a millisecond or two. */
#define LIMIT_SNAPSHOT_TURN_BYTES ((size_t)2 * 1024 * 1024)

/* Descriptors kept for the broker's own use, beyond the connections. */
#define LIMIT_DESCRIPTORS_RESERVED 64u

/*
 * Descriptors that shall be free, the part of them that is for root, and what one newcomer takes until it is welcomed.
 * When fewer are free, the broker closes connections of the users who have most.
 */
#define LIMIT_DESCRIPTORS_FREE 16u
#define LIMIT_DESCRIPTORS_ROOT 4u
#define LIMIT_DESCRIPTORS_NEWCOMER 3u

/* The least total of connections, however few descriptors there are. */
#define LIMIT_CONNECTIONS_LEAST 8u

/* Unread replies of a client; beyond it, its requests are not read either. */
#define LIMIT_REPLY_BYTES (64u * 1024u)

/* A connection's first request must come in this time, and a request that has begun must be whole. */
#define LIMIT_REQUEST_SECONDS 30u

/* A client must take its replies in this time, once LIMIT_REPLY_BYTES wait or an Error ends the connection. */
#define LIMIT_UNREAD_SECONDS 30u

/*
 * Users whose ordinary sets have a part of each total that no other use can take. The ordinary set of a user is
 * what a few commands need, such as `top` and `watch` beside each other.
 */
#define LIMIT_ORDINARY_USERS 64u

/* Limits of one user other than root, ordinary sets, and reserves for root. --user-connections, --user-mib. */
#define LIMIT_CONNECTIONS_RESERVED 64u
#define LIMIT_USER_CONNECTIONS 256u
#define LIMIT_ORDINARY_CONNECTIONS 8u
#define LIMIT_FEEDS_RESERVED 8u
#define LIMIT_USER_FEEDS 16u
#define LIMIT_ORDINARY_FEEDS 2u

/* Feeds whose filter names subtrees. A process has a bit for each, so there are no more. */
#define LIMIT_SUBTREES 64u
#define LIMIT_SUBTREES_RESERVED 4u
#define LIMIT_USER_SUBTREES 8u
#define LIMIT_ORDINARY_SUBTREES 1u
#define LIMIT_SUBTREES_KEPT 40u

/* Requests of a user that wait for their answer, and of all. */
#define LIMIT_REQUESTS LIMIT_CONNECTIONS
#define LIMIT_REQUESTS_RESERVED 64u
#define LIMIT_USER_REQUESTS 64u
#define LIMIT_ORDINARY_REQUESTS 8u

/*
 * Memory for clients: feeds, snapshots, requests and replies. --clients-mib. An eighth of it is reserved for root, and
 * three eighths are kept for ordinary sets.
 */
#define LIMIT_CLIENTS_MIB 512u
#define LIMIT_BYTES_PARTS 8u
#define LIMIT_BYTES_PARTS_KEPT 3u
#define LIMIT_USER_MIB 128u

/* Memory for programs, with the same parts. A user's own part has 16,000 command lines of 2 KiB. */
#define LIMIT_PROGRAMS_MIB 128u
#define LIMIT_USER_PROGRAMS_MIB 32u

/*
 * Connections of a user in a second, and at once. Connections beyond the rate are turned away before anything is read
 * for them.
 */
#define LIMIT_USER_CONNECTS_A_SECOND 100u
#define LIMIT_USER_CONNECTS_AT_ONCE 300u

/* Snapshots that are made for a user in a second, and tasks whose statistics it may ask for; and how many at once. */
#define LIMIT_USER_SNAPSHOTS_A_SECOND 4u
#define LIMIT_USER_SNAPSHOTS_AT_ONCE 16u
#define LIMIT_USER_STATS_A_SECOND 2000u
#define LIMIT_USER_STATS_AT_ONCE 4000u

/*
 * The requests of all users together may take one part in so many of the broker's time. A
 * user that is so far ahead of its part is throttled.
 */
#define LIMIT_WORK_PART 2u
#define LIMIT_WORK_AHEAD_NS (10 * NSEC_PER_MSEC)

/*
 * Steps of one feed's filter in a second, and at once; and of all filters together in a second. A step takes about a
 * nanosecond. An event is a few steps for an ordinary filter, and never more than FILTER_STEPS_MAX. A filter over its
 * budget judges no events until half of what it may do at once is paid for.
 */
#define LIMIT_FILTER_STEPS_A_SECOND 10000000u
#define LIMIT_FILTER_STEPS_AT_ONCE 2500000u
#define LIMIT_FILTERS_STEPS_A_SECOND 400000000u

/* Users with unpaid work are counted again after this time. */
#define LIMIT_PRESENT_NS (10 * NSEC_PER_MSEC)

/* Bytes and ranges of /etc/subuid that are read, and lines of /etc/passwd that are searched for the names in it. */
#define LIMIT_SUBUID_BYTES ((size_t)1024 * 1024)
#define LIMIT_SUBUID_RANGES 16384u
#define LIMIT_PASSWD_LINES 65536u

/* Users that are remembered. Beyond, those without anything are forgotten at once. */
#define LIMIT_QUOTA_USERS 4096u

/* After this time without a refusal the next refusal is logged again; and such lines at once, for all users. */
#define LIMIT_QUOTA_QUIET_NS (60 * NSEC_PER_SEC)
#define LIMIT_QUOTA_LINES 16u

/* Numbers in one GetTaskStats, and such requests of one connection that wait for their answers. */
#define LIMIT_STATS_NUMBERS 128u
#define LIMIT_STATS_WAITING 16u

/* Intervals of samples. */
#define LIMIT_SAMPLE_MS_MIN 100u
#define LIMIT_SAMPLE_MS_MAX 60000u

/* Feeds of samples, that is, different requests for them. */
#define LIMIT_SAMPLE_FEEDS 176u
#define LIMIT_SAMPLE_FEEDS_RESERVED 8u
#define LIMIT_USER_SAMPLE_FEEDS 16u
#define LIMIT_ORDINARY_SAMPLE_FEEDS 2u
