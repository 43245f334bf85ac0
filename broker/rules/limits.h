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

/* Descriptors kept for the broker's own use, beyond the connections. */
#define LIMIT_DESCRIPTORS_RESERVED 64u

/* Replies that wait for a client to read them; beyond, its requests wait too. */
#define LIMIT_REPLY_BYTES (64u * 1024u)

/* Until a connection must have made its first request, and for a request once begun. */
#define LIMIT_REQUEST_SECONDS 30.0

/* For a client to take its replies once there are LIMIT_REPLY_BYTES, or an Error that ends it. */
#define LIMIT_UNREAD_SECONDS 30.0
