/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Genl: a generic netlink socket of the kernel's taskstats family, and requests on it
 * that wait for their acknowledgement. Shared by the exit listener and the queries,
 * each of which owns a socket of its own.
 */

#include <libmnl/libmnl.h>
#include <stdint.h>

/* The largest message of version 17 has 1428 bytes; versions grow. */
#define GENL_MESSAGE_BYTES 4096

int genl_open(int *ret_fd);
int genl_find_taskstats(int fd, uint16_t *ret_family);

struct nlmsghdr *genl_request(void *buffer, uint16_t type, uint8_t command, uint8_t version);
int genl_run(int fd, const struct nlmsghdr *header, mnl_cb_t callback, void *data);
