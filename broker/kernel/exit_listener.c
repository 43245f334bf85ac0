/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A listener is a netlink port that asked for the exit messages of a set of
 * CPUs. One socket serves all CPUs, so that the numbers of the messages do not show their
 * CPU. They need not: every exit of the connector must meet its record, and an exit
 * without a record is an exactly counted loss.
 */

#include <errno.h>
#include <fcntl.h>
#include <linux/taskstats.h>
#include <string.h>
#include <unistd.h>

#include "broker/base/error.h"
#include "broker/base/log.h"
#include "broker/base/util.h"
#include "broker/kernel/exit_listener.h"
#include "broker/kernel/genl.h"
#include "broker/kernel/socket.h"
#include "broker/kernel/taskstats_layout.h"

#define BATCH_N 256

/*
 * The mask is a list of CPUs in ASCII and must end with its NUL inside the
 * attribute: without it the kernel cuts off the last byte, and a mask of one
 * digit is then accepted and registers nothing.
 */
static int listener_set(ExitListener *listener, uint16_t attribute) {
        uint8_t buffer[512] __attribute__((__aligned__(NLMSG_ALIGNTO)));
        struct nlmsghdr *header = genl_request(buffer, listener->family, TASKSTATS_CMD_GET, TASKSTATS_GENL_VERSION);

        mnl_attr_put_strz(header, attribute, listener->cpumask);
        return genl_run(listener->fd, header, NULL, NULL);
}

static int listener_open(ExitListener *listener, const ExitListenerOptions *options) {
        int r;

        if (strlen(options->cpumask) >= sizeof(listener->cpumask))
                return error_origin(-EINVAL);
        strcpy(listener->cpumask, options->cpumask);

        r = genl_open(&listener->fd);
        if (!r)
                r = genl_find_taskstats(listener->fd, &listener->family);
        if (r)
                return error_trace(r);
        if (listener->family == 0)
                return EXIT_LISTENER_E_NO_TASKSTATS;
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
 * In another network namespace the kernel agrees and never sends anything. Only a
 * record proves that it works: the self-test (daemon/self_test.c) waits for one.
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
        return error_trace(recv_batch_init(&listener->batch, BATCH_N, GENL_MESSAGE_BYTES));
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
        recv_batch_deinit(&listener->batch);
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
        return error_trace(recv_batch_receive(&listener->batch, listener->fd, n_wanted));
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

                data = recv_batch_datagram(&listener->batch, listener->i_next++, &listener->counters, &n_data);
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
                                  TASKSTATS_LAYOUT_VERSION_MIN);
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
