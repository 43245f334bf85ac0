/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The receive buffer of a kernel socket: its size, and the count of datagrams that found
 * no room in it. The connector, the exit listener and the statistics query call it.
 */

#include <stdint.h>

int socket_enlarge(int fd, uint64_t n_bytes, uint64_t *ret_granted);
int socket_drops(int fd, uint32_t *ret_drops);
