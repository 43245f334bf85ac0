/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * RecvBatch: datagrams received by one recvmmsg(), in buffers that live as long as
 * the source that owns the batch. Knows sockets, not what is in the datagrams.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "broker/model/status.h"

typedef struct RecvBatch RecvBatch;

struct RecvBatch {
        size_t n_max;                   /* datagrams a call */
        size_t n_datagram;              /* bytes of room for each */
        uint8_t *buffers;
        struct mmsghdr *messages;
        struct iovec *iovecs;
        struct sockaddr_storage *senders;

        size_t n;                       /* datagrams of the last receive */
        bool drained;                   /* that receive found the queue empty behind them */
};

int recv_batch_init(RecvBatch *batch, size_t n_max, size_t n_datagram);
void recv_batch_deinit(RecvBatch *batch);

int recv_batch_receive(RecvBatch *batch, int fd, size_t n_wanted);
const void *recv_batch_datagram(const RecvBatch *batch, size_t i, SourceCounters *counters, size_t *ret_n);
