/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/*
 * Datagrams of the proc connector through the real socket, batch and loss counters.
 * The events have plausible tasks, and the reported losses equal the counted losses.
 * An input is a list of datagrams, each behind a byte with its length.
 */

#include "broker/kernel/connector.h"
#include "broker/kernel/proc_message.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/harness.h"

#define CONNECTOR_READ_MAX 64u

static uint64_t check_event(const Event *event) {
        if (event->kind == EVENT_LOSS) {
                assert(event->loss.count > 0 && event->loss.source == LOSS_CONNECTOR);
                return event->loss.count;
        }
        assert(event->kind >= EVENT_FORK && event->kind < EVENT_LOSS);
        assert(event->pid > 0 && event->pid < PROC_PID_LIMIT);
        assert(event->tid > 0 && event->tid < PROC_PID_LIMIT);
        assert(event->cpu < PROC_CPU_LIMIT);
        assert(memchr(event->comm, 0, sizeof(event->comm)));
        return 0;
}

static void read_all(Connector *connector, uint64_t *n_lost) {
        do {
                assert(connector_read(connector, CONNECTOR_READ_MAX) == 0);
                for (size_t i = 0; i < connector->n_events; ++i)
                        *n_lost += check_event(&connector->events[i]);
        } while (connector->batch.n > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_data) {
        FuzzInput input = { data, data + n_data };
        uint64_t n_lost = 0, n_sent = 0;
        Connector connector;
        int fds[2];

        packet_pair(fds);
        assert(connector_init(&connector, &(ConnectorOptions){ .fd = fds[0], .rcvbuf_bytes = 1 << 20 }) == 0);
        while (fuzz_has_more(&input)) {
                /* beyond 127: larger than the batch has room for */
                size_t n_wanted = fuzz_u8(&input), n;
                const uint8_t *datagram = fuzz_take(&input, n_wanted > 127 ? n_wanted * 2 : n_wanted, &n);

                /* an empty packet would be the end of this kind of socket */
                if (n == 0)
                        continue;
                packet_send(fds[1], datagram, n);
                if (++n_sent % 32 == 0)
                        read_all(&connector, &n_lost);
        }
        read_all(&connector, &n_lost);
        assert(connector.counters.received == n_sent && connector.counters.lost == n_lost);

        connector_deinit(&connector);
        close(fds[1]);
        return 0;
}
