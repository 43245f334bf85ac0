/* SPDX-License-Identifier: Apache-2.0 */

#include <errno.h>
#include <linux/netlink.h>
#include <stdlib.h>
#include <string.h>

#include "broker/base/error.h"
#include "broker/base/util.h"
#include "broker/kernel/recv_batch.h"

int recv_batch_init(RecvBatch *batch, size_t n_max, size_t n_datagram) {
        *batch = (RecvBatch){ .n_max = n_max, .n_datagram = n_datagram };
        batch->buffers = malloc(n_max * n_datagram);
        batch->messages = calloc(n_max, sizeof(*batch->messages));
        batch->iovecs = calloc(n_max, sizeof(*batch->iovecs));
        batch->senders = calloc(n_max, sizeof(*batch->senders));
        if (!batch->buffers || !batch->messages || !batch->iovecs || !batch->senders) {
                recv_batch_deinit(batch);
                return error_origin(-ENOMEM);
        }

        for (size_t i = 0; i < n_max; ++i) {
                batch->iovecs[i] = (struct iovec){ batch->buffers + i * n_datagram, n_datagram };
                batch->messages[i].msg_hdr = (struct msghdr){
                        .msg_name = &batch->senders[i],
                        .msg_iov = &batch->iovecs[i],
                        .msg_iovlen = 1,
                };
        }
        return 0;
}

void recv_batch_deinit(RecvBatch *batch) {
        free(batch->buffers);
        free(batch->messages);
        free(batch->iovecs);
        free(batch->senders);
        *batch = (RecvBatch){};
}

/**
 * recv_batch_receive() - receive what waits
 * @batch:     the batch, overwritten
 * @fd:        the socket
 * @n_wanted:  datagrams at most; more than the batch holds is cut to that
 *
 * ENOBUFS cannot occur (NETLINK_NO_ENOBUFS is set: see socket_drops()).
 *
 * Return: 0, also if nothing was there; a negative errno.
 */
int recv_batch_receive(RecvBatch *batch, int fd, size_t n_wanted) {
        int n;

        n_wanted = MIN(n_wanted, batch->n_max);
        for (size_t i = 0; i < n_wanted; ++i) {
                batch->messages[i].msg_hdr.msg_namelen = sizeof(batch->senders[i]);
                batch->messages[i].msg_hdr.msg_flags = 0;
        }

        batch->n = 0;
        do {
                n = recvmmsg(fd, batch->messages, (unsigned int)n_wanted, MSG_DONTWAIT, NULL);
        } while (n < 0 && errno == EINTR);
        if (n < 0 && errno != EAGAIN && errno != ENOBUFS)
                return error_origin(-errno);

        batch->n = n < 0 ? 0 : (size_t)n;
        batch->drained = batch->n < n_wanted;
        return 0;
}

/**
 * recv_batch_datagram() - take a datagram of the last receive
 * @batch:     the batch
 * @i:         its index, below batch->n
 * @counters:  the source's; received, truncated and foreign are counted here
 * @ret_n:     its length
 *
 * The kernel's datagrams come from port 0. Any process may send to a netlink
 * socket of its own kind with the right privilege, and anyone to the group on
 * some kernels. Their datagrams are ignored. (Tests use sockets that are not netlink, and
 * play the kernel.)
 *
 * Return: The datagram; NULL if it is not to be used.
 */
const void *recv_batch_datagram(const RecvBatch *batch, size_t i, SourceCounters *counters, size_t *ret_n) {
        const struct msghdr *header = &batch->messages[i].msg_hdr;
        const struct sockaddr_nl *sender = header->msg_name;

        if (header->msg_namelen >= sizeof(*sender) && sender->nl_family == AF_NETLINK && sender->nl_pid != 0) {
                ++counters->foreign;
                return NULL;
        }
        ++counters->received;
        if (header->msg_flags & MSG_TRUNC) {
                ++counters->truncated;
                return NULL;
        }
        *ret_n = batch->messages[i].msg_len;
        return batch->buffers + i * batch->n_datagram;
}
