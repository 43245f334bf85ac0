/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/*
 * The proc connector as a source, played over a pair of sockets: what its numbers
 * and its drop counter say of losses, each message counted once.
 */

#include <arpa/inet.h>
#include <netinet/in.h>

#include "broker/base/clock.h"
#include "broker/kernel/connector.h"
#include "tests/unit/fake_kernel.h"

typedef struct Rig Rig;

struct Rig {
        Connector connector;
        int kernel;
};

static Rig rig_new_of(int fds[static 2]) {
        Rig rig = { .kernel = fds[1] };

        assert(connector_init(&rig.connector, &(ConnectorOptions){ .fd = fds[0], .rcvbuf_bytes = 1 << 20 }) == 0);
        return rig;
}

static Rig rig_new(void) {
        int fds[2];

        packet_pair(fds);
        return rig_new_of(fds);
}

static void rig_free(Rig *rig) {
        connector_deinit(&rig->connector);
        assert(rig->connector.fd == -1);
        connector_deinit(&rig->connector);
        close(rig->kernel);
}

/* Sends an exec of task 100 + @seq % 100, so that a test can distinguish the messages that arrived. */
static void rig_send(const Rig *rig, uint32_t cpu, uint32_t seq, uint64_t time_ns) {
        uint8_t bytes[PROC_BYTES];

        proc_bytes(bytes, seq, WHAT_EXEC, cpu, time_ns);
        proc_union(bytes, 100 + seq % 100, 100 + seq % 100, 0, 0, 0, 0);
        packet_send(rig->kernel, bytes, sizeof(bytes));
}

static void check_exec(const Event *event, uint32_t cpu, uint32_t seq) {
        assert(event->kind == EVENT_EXEC);
        assert(event->cpu == cpu);
        assert(event->tid == 100 + seq % 100);
}

static void check_loss(const Event *event, uint64_t count, bool cpu_known, uint32_t cpu) {
        assert(event->kind == EVENT_LOSS);
        assert(event->loss.count == count);
        assert(event->loss.source == LOSS_CONNECTOR && event->loss.reason == LOSS_OVERRUN);
        assert(!event->loss.at_least);
        assert(event->loss.cpu_known == cpu_known);
        assert(event->cpu == cpu);
        assert(event->pid == 0 && event->tid == 0);
}

static void test_first_words(void) {
        Rig rig = rig_new();
        uint8_t request[64];
        uint32_t words[10];

        /* it asks the kernel to speak at once */
        assert(recv(rig.kernel, request, sizeof(request), MSG_DONTWAIT) == 40);
        memcpy(words, request, sizeof(words));
        assert(words[9] == 1);
        assert(words[7] == rig.connector.cookie);
        assert(rig.connector.awaiting);
        assert(rig.connector.counters.receive_buffer_bytes > 0);
        assert(!rig.connector.opened);

        assert(connector_read(&rig.connector, 512) == 0);
        assert(rig.connector.n_events == 0 && rig.connector.batch.drained);
        rig_free(&rig);
}

static void test_no_loss(void) {
        Rig rig = rig_new();
        uint32_t seqs[3] = { 7000, UINT32_MAX - 20, 0 };

        /* from the first number that each processor shows, and across the end of 32 bits */
        for (uint32_t i = 0; i < 99; ++i) {
                rig_send(&rig, i % 3, seqs[i % 3]++, i);
                if (i % 50 != 49)
                        continue;
                assert(connector_read(&rig.connector, 512) == 0);
                assert(rig.connector.n_events == 50);
        }
        assert(connector_read(&rig.connector, 512) == 0);
        assert(rig.connector.n_events == 49);
        assert(rig.connector.counters.lost == 0 && rig.connector.counters.malformed == 0);
        assert(rig.connector.counters.received == 99);
        rig_free(&rig);
}

/* Each loss stands where its gap was found, of the processor whose gap it is. */
static void test_gaps(void) {
        Rig rig = rig_new();
        const Event *events = rig.connector.events;

        rig_send(&rig, 0, 10, 1000);
        rig_send(&rig, 1, 900, 1001);
        rig_send(&rig, 0, 11, 1002);
        rig_send(&rig, 0, 13, 1003); /* 12 is missing */
        rig_send(&rig, 1, 901, 1004);
        rig_send(&rig, 1, 1000, 1005); /* 902 to 999 */
        rig_send(&rig, 0, 14, 1006);
        assert(connector_read(&rig.connector, 512) == 0);
        events = rig.connector.events;
        assert(rig.connector.n_events == 9);
        check_exec(&events[0], 0, 10);
        check_exec(&events[1], 1, 900);
        check_exec(&events[2], 0, 11);
        check_loss(&events[3], 1, true, 0);
        assert(events[3].time_ns == 1003);
        check_exec(&events[4], 0, 13);
        check_exec(&events[5], 1, 901);
        check_loss(&events[6], 98, true, 1);
        assert(events[6].time_ns == 1005);
        check_exec(&events[7], 1, 1000);
        check_exec(&events[8], 0, 14);
        assert(rig.connector.counters.lost == 99);

        /* a gap over the end of 32 bits, and one between two reads */
        rig_send(&rig, 5, UINT32_MAX - 1, 1);
        assert(connector_read(&rig.connector, 512) == 0);
        rig_send(&rig, 5, 3, 2);
        assert(connector_read(&rig.connector, 512) == 0);
        assert(rig.connector.n_events == 2);
        check_loss(&rig.connector.events[0], 4, true, 5);
        check_exec(&rig.connector.events[1], 5, 3);
        rig_free(&rig);
}

/* A whole batch of gaps fits: a loss before each message. */
static void test_every_message_a_gap(void) {
        Rig rig = rig_new();
        size_t n_events = 0, n_sent = 0;

        rig_send(&rig, 0, 0, 1);
        assert(connector_read(&rig.connector, 512) == 0);
        for (uint32_t i = 0; i < 1024; ++i) {
                rig_send(&rig, 0, 2 + 2 * i, 1);
                if (++n_sent == 128) {
                        assert(connector_read(&rig.connector, 512) == 0);
                        n_events += rig.connector.n_events;
                        n_sent = 0;
                }
        }
        assert(n_events == 2048);
        assert(rig.connector.counters.lost == 1024);
        rig_free(&rig);
}

static void test_backwards(void) {
        Rig rig = rig_new();

        rig_send(&rig, 0, 100, 1);
        rig_send(&rig, 0, 90, 2);
        rig_send(&rig, 0, 91, 3);
        rig_send(&rig, 0, 93, 4);
        assert(connector_read(&rig.connector, 512) == 0);
        /* no loss of four thousand millions: begun anew, from there on counted as ever */
        assert(rig.connector.n_events == 5);
        check_exec(&rig.connector.events[1], 0, 90);
        check_exec(&rig.connector.events[2], 0, 91);
        check_loss(&rig.connector.events[3], 1, true, 0);
        assert(rig.connector.counters.malformed == 1);
        assert(rig.connector.counters.lost == 1);
        rig_free(&rig);
}

/* Acknowledgements and messages of unknown kinds have sequence numbers too. Other bytes have no number. */
static void test_numbers_of_others(void) {
        uint8_t bytes[PROC_BYTES];
        Rig rig = rig_new();

        rig_send(&rig, 0, 1, 1);
        proc_bytes(bytes, 2, WHAT_NONE, 0, 2);
        packet_send(rig.kernel, bytes, sizeof(bytes));
        proc_bytes(bytes, 3, 0x10000000, 0, 3);
        packet_send(rig.kernel, bytes, sizeof(bytes));
        packet_send(rig.kernel, "short", 5);
        memset(bytes, 0, sizeof(bytes));
        packet_send(rig.kernel, bytes, sizeof(bytes));
        /* an event of an impossible task is not reported and not missing */
        proc_bytes(bytes, 4, WHAT_EXEC, 0, 4);
        packet_send(rig.kernel, bytes, sizeof(bytes));
        rig_send(&rig, 0, 5, 5);
        assert(connector_read(&rig.connector, 512) == 0);
        assert(rig.connector.n_events == 2);
        check_exec(&rig.connector.events[0], 0, 1);
        check_exec(&rig.connector.events[1], 0, 5);
        assert(rig.connector.counters.malformed == 3);
        assert(rig.connector.counters.received == 7);
        assert(rig.connector.counters.lost == 0);
        rig_free(&rig);
}

static void test_processors(void) {
        Rig rig = rig_new();

        /* any order, growing the ledger; none is mistaken for one seen */
        static const uint32_t cpus[] = { 0, 8191, 3, 1000, 1001, 64, 8190 };
        for (size_t i = 0; i < sizeof(cpus) / sizeof(cpus[0]); ++i)
                rig_send(&rig, cpus[i], 50, 1);
        for (size_t i = 0; i < sizeof(cpus) / sizeof(cpus[0]); ++i)
                rig_send(&rig, cpus[i], 51, 1);
        assert(connector_read(&rig.connector, 512) == 0);
        assert(rig.connector.n_events == 14);
        assert(rig.connector.counters.lost == 0);

        /* more than a kernel can have: not a message of the connector */
        rig_send(&rig, 8192, 1, 1);
        rig_send(&rig, UINT32_MAX, 77, 1);
        assert(connector_read(&rig.connector, 512) == 0);
        assert(rig.connector.n_events == 0);
        assert(rig.connector.counters.malformed == 2 && rig.connector.counters.lost == 0);
        rig_free(&rig);
}

static void test_truncated_datagram(void) {
        uint8_t bytes[300] = {};
        Rig rig = rig_new();

        rig_send(&rig, 0, 1, 1);
        packet_send(rig.kernel, bytes, sizeof(bytes));
        rig_send(&rig, 0, 3, 1);
        assert(connector_read(&rig.connector, 512) == 0);
        assert(rig.connector.counters.truncated == 1);
        assert(rig.connector.n_events == 3);
        check_loss(&rig.connector.events[1], 1, true, 0);
        rig_free(&rig);
}

static void test_wanted(void) {
        Rig rig = rig_new();

        for (uint32_t i = 0; i < 10; ++i)
                rig_send(&rig, 0, i, 1);
        assert(connector_read(&rig.connector, 4) == 0);
        assert(rig.connector.n_events == 4 && !rig.connector.batch.drained);
        assert(connector_read(&rig.connector, 4) == 0);
        assert(rig.connector.n_events == 4 && !rig.connector.batch.drained);
        assert(connector_read(&rig.connector, 4) == 0);
        assert(rig.connector.n_events == 2 && rig.connector.batch.drained);
        rig_free(&rig);
}

/*
 * Drops, which only a socket with a drop counter has: UDP's is the same counter as
 * netlink's.
 */

static bool udp_pair(int fds[static 2]) {
        struct sockaddr_in addresses[2];

        for (int i = 0; i < 2; ++i) {
                socklen_t n = sizeof(addresses[i]);

                addresses[i] = (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
                fds[i] = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
                if (fds[i] < 0 || bind(fds[i], (struct sockaddr *)&addresses[i], sizeof(addresses[i])) < 0)
                        return false;
                assert(getsockname(fds[i], (struct sockaddr *)&addresses[i], &n) == 0);
        }
        return connect(fds[0], (struct sockaddr *)&addresses[1], sizeof(addresses[1])) == 0 &&
               connect(fds[1], (struct sockaddr *)&addresses[0], sizeof(addresses[0])) == 0;
}

/* Reads all; returns the number of events that are not losses and adds up those that are. */
static uint64_t rig_read_all(Rig *rig, uint64_t *losses) {
        uint64_t n = 0;

        do {
                assert(connector_read(&rig->connector, 512) == 0);
                for (size_t i = 0; i < rig->connector.n_events; ++i) {
                        const Event *event = &rig->connector.events[i];

                        if (event->kind == EVENT_LOSS)
                                *losses += event->loss.count;
                        else
                                ++n;
                }
        } while (!rig->connector.batch.drained);
        return n;
}

/* As the broker's tick does: ask, and read on. */
static uint64_t rig_ask(Rig *rig, uint64_t *losses) {
        assert(connector_probe(&rig->connector) == 0);
        return rig_read_all(rig, losses);
}

static bool rig_new_small(Rig *rig) {
        int fds[2];

        if (!udp_pair(fds)) {
                fprintf(stderr, "No loopback network: the drop counter is not tested.\n");
                return false;
        }
        *rig = (Rig){ .kernel = fds[1] };
        assert(connector_init(&rig->connector, &(ConnectorOptions){ .fd = fds[0], .rcvbuf_bytes = 16384 }) == 0);
        return true;
}

static void test_drops_at_the_end(void) {
        uint64_t losses = 0, n;
        Rig rig;

        if (!rig_new_small(&rig))
                return;
        for (uint32_t i = 0; i < 500; ++i)
                rig_send(&rig, 0, i, i);
        n = rig_read_all(&rig, &losses);
        assert(n > 0 && n < 500);

        /* if not at the read, then at the probe: once */
        assert(rig_ask(&rig, &losses) == 0);
        assert(losses == 500 - n);
        assert(rig.connector.counters.lost == losses && rig.connector.counters.dropped == losses);
        assert(rig_ask(&rig, &losses) == 0);
        assert(losses == 500 - n);

        /* the gap that shows later is the same loss; a larger gap is a further loss */
        rig_send(&rig, 0, 500 + 3, 1);
        assert(connector_read(&rig.connector, 512) == 0);
        assert(rig.connector.n_events == 2);
        check_loss(&rig.connector.events[0], 3, true, 0);
        assert(rig.connector.counters.lost == 500 - n + 3);
        rig_free(&rig);
}

/* The counter does not report again the gaps that sequence numbers reported. */
static void test_drops_met_as_gaps_first(void) {
        uint64_t losses = 0, n;
        Rig rig;

        if (!rig_new_small(&rig))
                return;
        for (uint32_t i = 0; i < 60; ++i)
                rig_send(&rig, 0, i, i);
        n = rig_read_all(&rig, &losses);
        assert(n < 60 && losses == 0);
        rig_send(&rig, 0, 60, 1);
        assert(rig_read_all(&rig, &losses) == 1);
        assert(losses == 60 - n);
        assert(rig_ask(&rig, &losses) == 0);
        assert(losses == 60 - n);
        assert(rig.connector.counters.lost == 60 - n && rig.connector.counters.dropped == 60 - n);
        rig_free(&rig);
}

/* Overflow after overflow, on three processors: sent is received plus lost, to the message. */
static void test_drops_and_gaps_at_random(void) {
        uint64_t state = 0x1234567, sent = 0, received = 0, losses = 0;
        uint32_t seqs[3] = { 5, UINT32_MAX - 300, 0 };
        Rig rig;

        if (!rig_new_small(&rig))
                return;
        /* each processor's first must be seen: what was before it, nobody knows */
        for (uint32_t cpu = 0; cpu < 3; ++cpu) {
                rig_send(&rig, cpu, seqs[cpu]++, 1);
                ++sent;
        }
        received += rig_read_all(&rig, &losses);
        assert(received == 3);

        for (int round = 0; round < 400; ++round) {
                for (uint64_t k = random_below(&state, 120); k > 0; --k) {
                        uint32_t cpu = (uint32_t)random_below(&state, 3);

                        rig_send(&rig, cpu, seqs[cpu]++, 1);
                        ++sent;
                }
                received += rig_read_all(&rig, &losses);
                if (random_below(&state, 4) == 0) {
                        received += rig_ask(&rig, &losses);
                        assert(received + losses == sent);
                }
        }
        received += rig_ask(&rig, &losses);
        assert(received + losses == sent);
        assert(losses > 0 && rig.connector.counters.lost == losses);
        assert(rig.connector.counters.dropped == losses);
        rig_free(&rig);
}

int main(void) {
        test_first_words();
        test_no_loss();
        test_gaps();
        test_every_message_a_gap();
        test_backwards();
        test_numbers_of_others();
        test_processors();
        test_truncated_datagram();
        test_wanted();
        test_drops_at_the_end();
        test_drops_met_as_gaps_first();
        test_drops_and_gaps_at_random();
        return 0;
}
