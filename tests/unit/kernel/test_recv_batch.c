/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/* Batches of datagrams: how many, whether the queue is empty behind them, and which are not to be used. */

#include <linux/netlink.h>

#include "broker/base/util.h"
#include "broker/kernel/recv_batch.h"
#include "broker/kernel/socket.h"
#include "tests/unit/harness.h"

static void send_numbered(int fd, uint8_t number, size_t n) {
        uint8_t data[64];

        memset(data, number, sizeof(data));
        packet_send(fd, data, n);
}

static void test_receive(void) {
        SourceCounters counters = {};
        RecvBatch batch;
        int fds[2];
        size_t n;

        packet_pair(fds);
        assert(recv_batch_init(&batch, 4, 16) == 0);

        assert(recv_batch_receive(&batch, fds[0], 4) == 0);
        assert(batch.n == 0 && batch.drained);

        for (uint8_t i = 0; i < 6; ++i)
                send_numbered(fds[1], i, 1 + i);
        /* as many as are wanted, and not known to be all */
        assert(recv_batch_receive(&batch, fds[0], 2) == 0);
        assert(batch.n == 2 && !batch.drained);
        for (size_t i = 0; i < 2; ++i) {
                const uint8_t *data = recv_batch_datagram(&batch, i, &counters, &n);

                assert(data && n == 1 + i && data[0] == i && data[n - 1] == i);
        }
        /* never more than the batch holds, here exactly what is there */
        assert(recv_batch_receive(&batch, fds[0], 100) == 0);
        assert(batch.n == 4 && !batch.drained);
        for (size_t i = 0; i < 4; ++i) {
                const uint8_t *data = recv_batch_datagram(&batch, i, &counters, &n);

                assert(data && n == 3 + i && data[0] == 2 + i);
        }
        assert(recv_batch_receive(&batch, fds[0], 100) == 0);
        assert(batch.n == 0 && batch.drained);

        send_numbered(fds[1], 9, 3);
        assert(recv_batch_receive(&batch, fds[0], 4) == 0);
        assert(batch.n == 1 && batch.drained);
        assert(counters.received == 6);
        assert(counters.truncated == 0 && counters.foreign == 0);

        recv_batch_deinit(&batch);
        recv_batch_deinit(&batch);
        close(fds[0]);
        close(fds[1]);
}

static void test_truncation(void) {
        SourceCounters counters = {};
        RecvBatch batch;
        int fds[2];
        size_t n = 99;

        packet_pair(fds);
        assert(recv_batch_init(&batch, 4, 16) == 0);
        send_numbered(fds[1], 1, 16);
        send_numbered(fds[1], 2, 17);
        send_numbered(fds[1], 3, 64);
        send_numbered(fds[1], 4, 15);
        assert(recv_batch_receive(&batch, fds[0], 4) == 0);
        assert(batch.n == 4);
        assert(recv_batch_datagram(&batch, 0, &counters, &n) && n == 16);
        assert(!recv_batch_datagram(&batch, 1, &counters, &n));
        assert(!recv_batch_datagram(&batch, 2, &counters, &n));
        assert(recv_batch_datagram(&batch, 3, &counters, &n) && n == 15);
        assert(counters.received == 4 && counters.truncated == 2);

        /* the flag is not left over */
        for (uint8_t i = 0; i < 4; ++i)
                send_numbered(fds[1], i, 8);
        assert(recv_batch_receive(&batch, fds[0], 4) == 0);
        for (size_t i = 0; i < 4; ++i)
                assert(recv_batch_datagram(&batch, i, &counters, &n) && n == 8);
        assert(counters.truncated == 2);
        recv_batch_deinit(&batch);
        close(fds[0]);
        close(fds[1]);
}

static void test_senders(void) {
        static const struct {
                size_t n_name;
                uint16_t family;
                uint32_t port;
                bool used;
        } rows[] = {
                { sizeof(struct sockaddr_nl), AF_NETLINK, 0, true },
                { sizeof(struct sockaddr_nl), AF_NETLINK, 1, false },
                { sizeof(struct sockaddr_nl), AF_NETLINK, UINT32_MAX, false },
                /* not netlink: a test's */
                { 2, AF_UNIX, 1, true },
                { sizeof(struct sockaddr_nl), AF_INET, 1, true },
                { 0, 0, 1, true },
        };
        SourceCounters counters = {};
        RecvBatch batch;
        size_t n;

        assert(recv_batch_init(&batch, 1, 16) == 0);
        for (size_t i = 0; i < ARRAY_SIZE(rows); ++i) {
                struct sockaddr_nl sender = { .nl_family = rows[i].family, .nl_pid = rows[i].port };

                memcpy(&batch.senders[0], &sender, sizeof(sender));
                batch.messages[0].msg_hdr.msg_namelen = (socklen_t)rows[i].n_name;
                batch.messages[0].msg_hdr.msg_flags = 0;
                batch.messages[0].msg_len = 5;
                assert(!!recv_batch_datagram(&batch, 0, &counters, &n) == rows[i].used);
        }
        assert(counters.foreign == 2 && counters.received == 4);
        recv_batch_deinit(&batch);
}

static void test_errors(void) {
        uint32_t drops;
        uint64_t granted;
        RecvBatch batch;

        assert(recv_batch_init(&batch, 1, 16) == 0);
        assert(recv_batch_receive(&batch, -1, 1) == -EBADF);
        assert(socket_drops(-1, &drops) == -EBADF);
        assert(socket_enlarge(-1, 4096, &granted) == -EBADF);
        recv_batch_deinit(&batch);
}

static void test_socket_options(void) {
        uint64_t small = 0, large = 0;
        uint32_t drops = 77;
        int fds[2];

        packet_pair(fds);
        assert(socket_drops(fds[0], &drops) == 0);
        assert(drops == 0);
        assert(socket_enlarge(fds[0], 1, &small) == 0);
        assert(socket_enlarge(fds[0], 64 * 1024, &large) == 0);
        assert(small > 0 && large > small);
        /* a size beyond the range of int requests the largest possible buffer */
        assert(socket_enlarge(fds[0], UINT64_MAX, &large) == 0);
        assert(large > 64 * 1024);
        close(fds[0]);
        close(fds[1]);
}

int main(void) {
        test_receive();
        test_truncation();
        test_senders();
        test_errors();
        test_socket_options();
        return 0;
}
