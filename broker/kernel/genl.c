/* SPDX-License-Identifier: Apache-2.0 */

#include <errno.h>
#include <linux/genetlink.h>
#include <linux/taskstats.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "broker/base/error.h"
#include "broker/kernel/genl.h"

#define REPLY_TIMEOUT_MS 2000

/**
 * genl_open() - open a socket
 * @ret_fd:  output; -1 on failure
 *
 * Return: 0, or a negative errno.
 */
int genl_open(int *ret_fd) {
        struct sockaddr_nl address = { .nl_family = AF_NETLINK };
        int fd, r;

        *ret_fd = -1;
        fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_GENERIC);
        if (fd < 0)
                return error_origin(-errno);
        /* Port 0 lets the kernel choose: a chosen port could be one that a dead listener left registered. */
        if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
            setsockopt(fd, SOL_NETLINK, NETLINK_NO_ENOBUFS, &(int){ 1 }, sizeof(int)) < 0) {
                r = error_origin(-errno);
                close(fd);
                return r;
        }
        *ret_fd = fd;
        return 0;
}

/**
 * genl_request() - begin a request that wants to be acknowledged
 * @buffer:   aligned as netlink wants it
 * @type:     the message type: the family
 * @command:  the family's
 * @version:  the family's
 *
 * Return: The message, for attributes to be added.
 */
struct nlmsghdr *genl_request(void *buffer, uint16_t type, uint8_t command, uint8_t version) {
        struct nlmsghdr *header = mnl_nlmsg_put_header(buffer);
        struct genlmsghdr *genl = mnl_nlmsg_put_extra_header(header, sizeof(*genl));

        header->nlmsg_type = type;
        header->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
        header->nlmsg_seq = 1;
        genl->cmd = command;
        genl->version = version;
        return header;
}

/**
 * genl_run() - send a request and wait for its acknowledgement
 * @fd:        the socket
 * @header:    the request
 * @callback:  for replies that come before it; or NULL
 * @data:      for the callback
 *
 * Other messages that arrive meanwhile are dropped (exits, as soon as a registration
 * holds): before the start no event is promised.
 *
 * Return: 0; the kernel's negative errno; -ETIMEDOUT.
 */
int genl_run(int fd, const struct nlmsghdr *header, mnl_cb_t callback, void *data) {
        struct pollfd pfd = { .fd = fd, .events = POLLIN };

        if (send(fd, header, header->nlmsg_len, 0) < 0)
                return -errno;

        for (;;) {
                uint8_t buffer[GENL_MESSAGE_BYTES] __attribute__((__aligned__(NLMSG_ALIGNTO)));
                const struct nlmsghdr *reply = (const struct nlmsghdr *)buffer;
                ssize_t n;
                int r;

                r = poll(&pfd, 1, REPLY_TIMEOUT_MS);
                if (r == 0)
                        return -ETIMEDOUT;
                n = r < 0 ? -1 : recv(fd, buffer, sizeof(buffer), 0);
                if (n < 0) {
                        if (errno == EINTR || errno == EAGAIN)
                                continue;
                        return -errno;
                }
                if ((size_t)n < sizeof(*reply) || reply->nlmsg_seq != header->nlmsg_seq ||
                    (reply->nlmsg_type != header->nlmsg_type && reply->nlmsg_type != NLMSG_ERROR))
                        continue;
                if (mnl_cb_run(buffer, (size_t)n, header->nlmsg_seq, 0, callback, data) < 0)
                        return -errno;
                if (reply->nlmsg_type == NLMSG_ERROR)
                        return 0;
        }
}

static int family_attribute(const struct nlattr *attr, void *data) {
        if (mnl_attr_get_type(attr) == CTRL_ATTR_FAMILY_ID && mnl_attr_validate(attr, MNL_TYPE_U16) >= 0)
                *(uint16_t *)data = mnl_attr_get_u16(attr);
        return MNL_CB_OK;
}

static int family_reply(const struct nlmsghdr *header, void *data) {
        return mnl_attr_parse(header, sizeof(struct genlmsghdr), family_attribute, data);
}

/**
 * genl_find_taskstats() - ask for the family's number
 * @fd:          the socket
 * @ret_family:  output; 0: this kernel has no taskstats
 *
 * Return: 0, or a negative errno.
 */
int genl_find_taskstats(int fd, uint16_t *ret_family) {
        uint8_t buffer[256] __attribute__((__aligned__(NLMSG_ALIGNTO)));
        struct nlmsghdr *header = genl_request(buffer, GENL_ID_CTRL, CTRL_CMD_GETFAMILY, 1);
        int r;

        *ret_family = 0;
        mnl_attr_put_strz(header, CTRL_ATTR_FAMILY_NAME, TASKSTATS_GENL_NAME);
        r = genl_run(fd, header, family_reply, ret_family);
        return r == -ENOENT ? 0 : error_trace(r);
}
