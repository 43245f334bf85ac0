/* SPDX-License-Identifier: Apache-2.0 */

#include <errno.h>
#include <linux/sock_diag.h>
#include <sys/socket.h>

#include "broker/base/error.h"
#include "broker/base/util.h"
#include "broker/kernel/socket.h"

/**
 * socket_enlarge() - ask for a receive buffer
 * @fd:           the socket
 * @n_bytes:      how large; the kernel doubles it for its own overhead
 * @ret_granted:  the granted size, after doubling
 *
 * SO_RCVBUFFORCE needs CAP_NET_ADMIN; without it the system's limit applies.
 *
 * Return: 0, or a negative errno.
 */
int socket_enlarge(int fd, uint64_t n_bytes, uint64_t *ret_granted) {
        int value = (int)MIN(n_bytes, (uint64_t)INT32_MAX / 2);
        socklen_t n = sizeof(value);

        if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &value, sizeof(value)) < 0)
                (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &value, sizeof(value));
        if (getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &value, &n) < 0)
                return error_origin(-errno);
        *ret_granted = (uint64_t)value;
        return 0;
}

/**
 * socket_drops() - how many datagrams a socket had no room for
 * @fd:         the socket
 * @ret_drops:  a count since it was opened, modulo 2^32
 *
 * The count is exact, so that NETLINK_NO_ENOBUFS is the right choice. Without that option
 * the kernel reports ENOBUFS once and then drops everything until the queue has been read
 * empty. One overflow becomes a longer one.
 *
 * Return: 0, or a negative errno.
 */
int socket_drops(int fd, uint32_t *ret_drops) {
        uint32_t info[SK_MEMINFO_VARS] = {};
        socklen_t n = sizeof(info);

        if (getsockopt(fd, SOL_SOCKET, SO_MEMINFO, info, &n) < 0)
                return error_origin(-errno);
        *ret_drops = info[SK_MEMINFO_DROPS];
        return 0;
}
