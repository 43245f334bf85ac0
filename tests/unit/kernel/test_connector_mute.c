/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/*
 * Tests the connector's proof of life and its remedy against silencing. The fake
 * kernel counts its listeners as cn_proc.c does: LISTEN counts up if the socket's
 * last request was not LISTEN, and IGNORE counts down if it was not IGNORE. The
 * kernel sends no event while the count is not above zero.
 */

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>

#include "broker/base/log.h"
#include "broker/kernel/connector.h"
#include "broker/kernel/proc_message.h"
#include "tests/unit/fake_kernel.h"

typedef struct Rig Rig;

struct Rig {
        Connector connector;
        int fd;
        uint32_t seq;
        atomic_int count;
        atomic_int n_requests;
        atomic_bool stop;
        bool answers;
        uint32_t last_op;
        pthread_t thread;
};

static void kernel_answer(Rig *rig, uint32_t ack) {
        uint8_t bytes[PROC_BYTES];

        proc_bytes(bytes, rig->seq++, WHAT_NONE, 0, 1);
        put_u32(bytes, PROC_AT_ACK, ack);
        packet_send(rig->fd, bytes, sizeof(bytes));
}

static void *kernel_run(void *data) {
        Rig *rig = data;

        while (!atomic_load(&rig->stop)) {
                struct pollfd pfd = { .fd = rig->fd, .events = POLLIN };
                uint32_t words[10];

                if (poll(&pfd, 1, 2) <= 0 || recv(rig->fd, words, sizeof(words), MSG_DONTWAIT) != sizeof(words))
                        continue;
                if (words[9] == PROC_REQUEST_LISTEN && rig->last_op != PROC_REQUEST_LISTEN)
                        atomic_fetch_add(&rig->count, 1);
                if (words[9] == PROC_REQUEST_IGNORE && rig->last_op != PROC_REQUEST_IGNORE)
                        atomic_fetch_sub(&rig->count, 1);
                rig->last_op = words[9];
                if (atomic_load(&rig->count) > 0)
                        kernel_answer(rig, words[7] + 1);
                atomic_fetch_add(&rig->n_requests, 1);
        }
        return NULL;
}

static void rig_init(Rig *rig, bool keepalive, bool answers) {
        int fds[2];

        packet_pair(fds);
        *rig = (Rig){ .fd = fds[1], .answers = answers };
        assert(connector_init(&rig->connector,
                              &(ConnectorOptions){ .fd = fds[0], .rcvbuf_bytes = 65536, .keepalive = keepalive }) == 0);
        if (answers)
                assert(pthread_create(&rig->thread, NULL, kernel_run, rig) == 0);
}

static void rig_deinit(Rig *rig) {
        if (rig->answers) {
                atomic_store(&rig->stop, true);
                assert(pthread_join(rig->thread, NULL) == 0);
        }
        connector_deinit(&rig->connector);
        close(rig->fd);
}

static void rig_await_requests(Rig *rig, int n) {
        for (int i = 0; i < 5000 && atomic_load(&rig->n_requests) < n; ++i)
                usleep(1000);
        assert(atomic_load(&rig->n_requests) >= n);
}

static void rig_read(Rig *rig) {
        do
                assert(connector_read(&rig->connector, 512) == 0);
        while (!rig->connector.batch.drained);
}

static void test_alive(void) {
        Rig rig;

        rig_init(&rig, true, true);
        rig_await_requests(&rig, 1);
        assert(rig.connector.awaiting);
        rig_read(&rig);
        assert(!rig.connector.awaiting);
        assert(connector_check(&rig.connector) == 0);

        for (int i = 2; i < 6; ++i) {
                assert(connector_probe(&rig.connector) == 0);
                assert(rig.connector.awaiting);
                rig_await_requests(&rig, i);
                rig_read(&rig);
                assert(!rig.connector.awaiting);
                assert(connector_check(&rig.connector) == 0);
        }
        /* asking does not count up */
        assert(atomic_load(&rig.count) == 1);
        assert(rig.connector.counters.muted == 0 && rig.connector.counters.lost == 0);
        rig_deinit(&rig);
}

/* Before Linux 6.6 LISTEN would count up each time: it is not repeated. */
static void test_without_keepalive(void) {
        uint32_t words[10];
        Rig rig;

        rig_init(&rig, false, false);
        assert(recv(rig.fd, words, sizeof(words), MSG_DONTWAIT) == sizeof(words));
        kernel_answer(&rig, words[7] + 1);
        rig_read(&rig);
        assert(connector_probe(&rig.connector) == 0);
        assert(!rig.connector.awaiting);
        assert(recv(rig.fd, words, sizeof(words), MSG_DONTWAIT) < 0);
        assert(connector_check(&rig.connector) == 0);
        rig_deinit(&rig);
}

static void test_muted_and_repaired(void) {
        uint64_t alive_ns;
        Rig rig;

        rig_init(&rig, true, true);
        rig_await_requests(&rig, 1);
        rig_read(&rig);
        alive_ns = rig.connector.alive_ns;

        /* somebody takes four listeners away that were not his */
        atomic_store(&rig.count, -3);
        assert(connector_probe(&rig.connector) == 0);
        rig_await_requests(&rig, 2);
        rig_read(&rig);
        assert(rig.connector.awaiting);
        assert(connector_check(&rig.connector) == CONNECTOR_E_REPAIRED);
        assert(atomic_load(&rig.count) >= 1);
        assert(!rig.connector.muted);
        assert(rig.connector.muted_since_ns == alive_ns);
        assert(rig.connector.counters.muted == 1 && rig.connector.counters.repaired == 1);

        /* the answers to the remedy are nobody's losses, and it is as alive as before */
        usleep(5000);
        rig_read(&rig);
        assert(connector_probe(&rig.connector) == 0);
        usleep(20000);
        rig_read(&rig);
        assert(connector_check(&rig.connector) == 0);
        assert(rig.connector.counters.muted == 1 && rig.connector.counters.lost == 0);
        rig_deinit(&rig);
}

/* The kernel does not answer: the connector reports that it is muted at each check, until a message arrives. */
static void test_muted_for_long(void) {
        Rig rig;

        rig_init(&rig, true, false);
        rig_read(&rig);
        assert(connector_check(&rig.connector) == CONNECTOR_E_MUTED);
        assert(rig.connector.muted);
        /* a probe is no use now */
        assert(connector_probe(&rig.connector) == 0);
        assert(!rig.connector.awaiting);

        kernel_answer(&rig, 1);
        assert(connector_check(&rig.connector) == CONNECTOR_E_REPAIRED);
        assert(rig.connector.counters.muted == 1 && rig.connector.counters.repaired == 1);
        rig_deinit(&rig);
}

/* All listeners get an answer to another listener's request. It does not answer the connector's request. */
static void test_foreign_acknowledgement(void) {
        Rig rig;

        rig_init(&rig, true, false);
        kernel_answer(&rig, rig.connector.cookie);
        kernel_answer(&rig, rig.connector.cookie + 2);
        kernel_answer(&rig, 0);
        rig_read(&rig);
        assert(rig.connector.awaiting);
        kernel_answer(&rig, rig.connector.cookie + 1);
        rig_read(&rig);
        assert(!rig.connector.awaiting);
        /* each of them may be the end of a silence, and is counted for the status */
        assert(rig.connector.n_foreign_acks == 3);
        rig_deinit(&rig);
}

/* If messages were dropped since it asked, the answer may be among them. */
static void test_no_verdict_with_drops(void) {
        Rig rig;

        rig_init(&rig, true, false);
        rig_read(&rig);
        rig.connector.awaiting_drops = rig.connector.drops - 1;
        assert(connector_check(&rig.connector) == 0);
        assert(!rig.connector.muted);
        /* it is asked anew */
        assert(connector_probe(&rig.connector) == 0);
        assert(rig.connector.awaiting);
        rig_deinit(&rig);
}

int main(void) {
        log_init(LOG_LEVEL_ERR);
        test_alive();
        test_without_keepalive();
        test_muted_and_repaired();
        test_muted_for_long();
        test_foreign_acknowledgement();
        test_no_verdict_with_drops();
        return 0;
}
