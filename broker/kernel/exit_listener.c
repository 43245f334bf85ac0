/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A listener is a netlink port that asked for the exit messages of a set of
 * CPUs. One socket for all CPUs: the messages' own numbers cannot be told apart
 * by CPU then, but they need not be, because every exit that the connector tells
 * must meet its record, and one that does not is a loss, exactly counted.
 */

#include <errno.h>
#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <linux/genetlink.h>
#include <linux/taskstats.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "broker/base/error.h"
#include "broker/base/log.h"
#include "broker/base/util.h"
#include "broker/kernel/exit_listener.h"
#include "broker/kernel/layout.h"

/* The largest message of version 17 has 1428 bytes; versions grow. */
#define BATCH_N 256
#define BATCH_BYTES 4096

#define REPLY_TIMEOUT_MS 2000

static int family_attribute(const struct nlattr *attr, void *data) {
        if (mnl_attr_get_type(attr) == CTRL_ATTR_FAMILY_ID && mnl_attr_validate(attr, MNL_TYPE_U16) >= 0)
                *(uint16_t *)data = mnl_attr_get_u16(attr);
        return MNL_CB_OK;
}

static int family_reply(const struct nlmsghdr *header, void *data) {
        return mnl_attr_parse(header, sizeof(struct genlmsghdr), family_attribute, data);
}

static struct nlmsghdr *request_begin(uint8_t *buffer, uint16_t type, uint8_t command, uint8_t version) {
        struct nlmsghdr *header = mnl_nlmsg_put_header(buffer);
        struct genlmsghdr *genl = mnl_nlmsg_put_extra_header(header, sizeof(*genl));

        header->nlmsg_type = type;
        header->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
        header->nlmsg_seq = 1;
        genl->cmd = command;
        genl->version = version;
        return header;
}

/*
 * Sends a request and waits for its acknowledgement. What else arrives on the
 * socket meanwhile (exits, as soon as the registration holds) goes to nobody:
 * nothing is promised before the start.
 */
static int request_run(ExitListener *listener, const struct nlmsghdr *header, mnl_cb_t callback, void *data) {
        struct pollfd pfd = { .fd = listener->fd, .events = POLLIN };

        if (send(listener->fd, header, header->nlmsg_len, 0) < 0)
                return -errno;

        for (;;) {
                uint8_t buffer[BATCH_BYTES] __attribute__((__aligned__(NLMSG_ALIGNTO)));
                const struct nlmsghdr *reply = (const struct nlmsghdr *)buffer;
                ssize_t n;
                int r;

                r = poll(&pfd, 1, REPLY_TIMEOUT_MS);
                if (r == 0)
                        return -ETIMEDOUT;
                n = r < 0 ? -1 : recv(listener->fd, buffer, sizeof(buffer), 0);
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

static int listener_find_family(ExitListener *listener) {
        uint8_t buffer[256] __attribute__((__aligned__(NLMSG_ALIGNTO)));
        struct nlmsghdr *header = request_begin(buffer, GENL_ID_CTRL, CTRL_CMD_GETFAMILY, 1);
        int r;

        mnl_attr_put_strz(header, CTRL_ATTR_FAMILY_NAME, TASKSTATS_GENL_NAME);
        r = request_run(listener, header, family_reply, &listener->family);
        if (r == -ENOENT || (r == 0 && listener->family == 0))
                return EXIT_LISTENER_E_NO_TASKSTATS;
        return error_trace(r);
}

/*
 * The mask is a list of CPUs in ASCII and must end with its NUL inside the
 * attribute: without it the kernel cuts off the last byte, and a mask of one
 * digit is then accepted and registers nothing.
 */
static int listener_set(ExitListener *listener, uint16_t attribute) {
        uint8_t buffer[512] __attribute__((__aligned__(NLMSG_ALIGNTO)));
        struct nlmsghdr *header =
                request_begin(buffer, listener->family, TASKSTATS_CMD_GET, TASKSTATS_GENL_VERSION);

        mnl_attr_put_strz(header, attribute, listener->cpumask);
        return request_run(listener, header, NULL, NULL);
}

static int listener_open(ExitListener *listener, const ExitListenerOptions *options) {
        struct sockaddr_nl address = { .nl_family = AF_NETLINK };
        int r;

        if (strlen(options->cpumask) >= sizeof(listener->cpumask))
                return error_origin(-EINVAL);
        strcpy(listener->cpumask, options->cpumask);

        listener->fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_GENERIC);
        if (listener->fd < 0)
                return error_origin(-errno);
        /* Port 0 lets the kernel choose: a chosen port could be one that a dead listener left registered. */
        if (bind(listener->fd, (struct sockaddr *)&address, sizeof(address)) < 0)
                return error_origin(-errno);
        if (setsockopt(listener->fd, SOL_NETLINK, NETLINK_NO_ENOBUFS, &(int){ 1 }, sizeof(int)) < 0)
                return error_origin(-errno);

        r = listener_find_family(listener);
        if (r)
                return r;
        r = listener_set(listener, TASKSTATS_CMD_ATTR_REGISTER_CPUMASK);
        if (r == -EPERM)
                return EXIT_LISTENER_E_NO_PERMISSION;
        if (r == -EINVAL)
                return EXIT_LISTENER_E_NAMESPACE;
        if (r)
                return error_origin(r);
        listener->opened = true;
        return 0;
}

/**
 * exit_listener_init() - open the socket and register it
 * @listener:  output
 * @options:   how
 *
 * In another network namespace the kernel agrees and never sends anything: only
 * a record is proof, and the root asks for one.
 *
 * Return: 0; one of EXIT_LISTENER_E_*; a negative errno. On failure too,
 *         exit_listener_deinit() is allowed.
 */
int exit_listener_init(ExitListener *listener, const ExitListenerOptions *options) {
        int r;

        *listener = (ExitListener)EXIT_LISTENER_NULL;
        if (options->fd >= 0) {
                listener->fd = options->fd;
                if (fcntl(listener->fd, F_SETFL, O_NONBLOCK) < 0)
                        return error_origin(-errno);
        } else {
                r = listener_open(listener, options);
                if (r)
                        return r;
        }

        r = socket_enlarge(listener->fd, options->rcvbuf_bytes, &listener->counters.receive_buffer_bytes);
        if (r)
                return error_trace(r);
        r = socket_drops(listener->fd, &listener->drops);
        if (r)
                return error_trace(r);
        return error_trace(batch_init(&listener->batch, BATCH_N, BATCH_BYTES));
}

/**
 * exit_listener_deinit() - hand the listener back
 * @listener:  the listener
 *
 * Deregistered, the kernel stops at once to make messages for us; a closed
 * socket it would only notice at the next exit on each CPU.
 */
void exit_listener_deinit(ExitListener *listener) {
        if (listener->opened)
                (void)listener_set(listener, TASKSTATS_CMD_ATTR_DEREGISTER_CPUMASK);
        if (listener->fd >= 0)
                close(listener->fd);
        batch_deinit(&listener->batch);
        *listener = (ExitListener)EXIT_LISTENER_NULL;
}

/**
 * exit_listener_receive() - receive a batch
 * @listener:  the listener; every record of the batch before must have been taken
 * @n_wanted:  datagrams at most
 *
 * listener->batch.drained says whether the queue is empty behind them.
 *
 * Return: 0, or a negative errno.
 */
int exit_listener_receive(ExitListener *listener, size_t n_wanted) {
        listener->i_next = 0;
        return error_trace(batch_receive(&listener->batch, listener->fd, n_wanted));
}

/**
 * exit_listener_next() - take a record of the batch
 * @listener:    the listener
 * @ret_record:  output
 *
 * Return: 0, or EXIT_LISTENER_E_NONE.
 */
int exit_listener_next(ExitListener *listener, ExitRecord *ret_record) {
        while (listener->i_next < listener->batch.n) {
                const void *data;
                size_t n_data;
                int r;

                data = batch_datagram(&listener->batch, listener->i_next++, &listener->counters, &n_data);
                if (!data)
                        continue;
                r = exit_record_parse(data, n_data, ret_record);
                if (r == 0) {
                        listener->last_version = ret_record->stats.version;
                        return 0;
                }
                ++listener->counters.malformed;
                if (r == EXIT_RECORD_E_VERSION && !listener->version_logged) {
                        listener->version_logged = true;
                        log_error("This kernel's taskstats are older than version %d (Linux 2.6.37): exits will "
                                  "have no statistics.",
                                  LAYOUT_VERSION_MIN);
                }
        }
        return EXIT_LISTENER_E_NONE;
}

/**
 * exit_listener_poll_drops() - read the socket's drop counter
 * @listener:  the listener
 *
 * For the status only: what is lost, the join counts.
 *
 * Return: 0, or a negative errno.
 */
int exit_listener_poll_drops(ExitListener *listener) {
        uint32_t drops;
        int r;

        r = socket_drops(listener->fd, &drops);
        if (r)
                return error_trace(r);
        listener->counters.dropped += (uint32_t)(drops - listener->drops);
        listener->drops = drops;
        return 0;
}
