/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The proc connector reports every fork, exec, exit and change of ids, by netlink
 * multicast.
 *
 * Loss. Each message carries the CPU that made it and that CPU's running number;
 * a gap between two numbers counts the lost messages exactly, whatever the cause (a
 * full receive buffer, or a failed allocation, which no counter shows). No later
 * number shows messages that are missing at the end of the queue. The socket's drop
 * counter does, once the queue is empty. This early count is remembered (n_ahead) and
 * taken off the gap when the gap is met. The kernel's event filter is never set:
 * filtered messages consume numbers too.
 *
 * Muting. The kernel makes events only while its count of listeners is above
 * zero, and since Linux 6.6 any unprivileged process can lower that count with
 * requests that the kernel does not match with one another (an invalid one
 * between two IGNOREs). All listeners are then silent, with no error anywhere.
 * A repeated LISTEN on a listening socket does not change the count, and it is
 * acknowledged only while events are made. Sent once a second, it probes the connector.
 * The remedy uses the attack's means: an invalid request and then a LISTEN raise the
 * count by one. The broker repeats them until an answer comes. Before 6.6 a LISTEN always
 * raised the count and only root could lower it, so no probe is sent.
 */

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/cn_proc.h>
#include <linux/connector.h>
#include <linux/netlink.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "broker/base/clock.h"
#include "broker/base/error.h"
#include "broker/base/util.h"
#include "broker/kernel/connector.h"
#include "broker/kernel/proc_message.h"
#include "broker/kernel/socket.h"

#define BATCH_N 512
#define BATCH_BYTES 128

/* The drop counter is looked at when the queue is empty and this many messages came since. */
#define POLL_DROPS_EVERY 64u

#define REMEDY_TRIES 20000

static int connector_open(Connector *connector) {
        struct sockaddr_nl address = { .nl_family = AF_NETLINK, .nl_groups = CN_IDX_PROC };

        connector->fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_CONNECTOR);
        if (connector->fd < 0)
                return errno == EPROTONOSUPPORT ? CONNECTOR_E_NO_CONNECTOR : error_origin(-errno);
        connector->opened = true;
        if (bind(connector->fd, (struct sockaddr *)&address, sizeof(address)) < 0)
                return errno == EPERM ? CONNECTOR_E_NO_PERMISSION : error_origin(-errno);
        if (setsockopt(connector->fd, SOL_NETLINK, NETLINK_NO_ENOBUFS, &(int){ 1 }, sizeof(int)) < 0)
                return error_origin(-errno);
        return 0;
}

static int connector_send(Connector *connector, ProcRequest request) {
        uint8_t buffer[PROC_REQUEST_SIZE];
        size_t n = proc_request_build(buffer, request, connector->cookie);

        if (send(connector->fd, buffer, n, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
                return -errno;
        return 0;
}

static int connector_new_cookie(Connector *connector) {
        if (getrandom(&connector->cookie, sizeof(connector->cookie), 0) < 0)
                return error_origin(-errno);
        connector->first_cookie = connector->cookie;
        return 0;
}

/**
 * connector_init() - open the connector and ask it to speak
 * @connector:  output
 * @options:    how
 *
 * Whether the kernel agreed is only known from its acknowledgement, and whether
 * events come, only from events: the root proves both.
 *
 * Return: 0; CONNECTOR_E_NO_CONNECTOR or CONNECTOR_E_NO_PERMISSION; a negative
 *         errno. On failure too, connector_deinit() is allowed.
 */
int connector_init(Connector *connector, const ConnectorOptions *options) {
        int r;

        *connector = (Connector)CONNECTOR_NULL;
        connector->keepalive = options->keepalive;
        if (options->fd >= 0) {
                connector->fd = options->fd;
                if (fcntl(connector->fd, F_SETFL, O_NONBLOCK) < 0)
                        return error_origin(-errno);
        } else {
                r = connector_open(connector);
                if (r)
                        return r;
        }

        r = socket_enlarge(connector->fd, options->rcvbuf_bytes, &connector->counters.receive_buffer_bytes);
        if (r)
                return error_trace(r);
        r = socket_drops(connector->fd, &connector->drops);
        if (r)
                return error_trace(r);
        r = recv_batch_init(&connector->batch, BATCH_N, BATCH_BYTES);
        if (r)
                return error_trace(r);

        /* each message, a loss before each, and a loss behind them all */
        connector->events = calloc(2 * BATCH_N + 1, sizeof(*connector->events));
        if (!connector->events)
                return error_origin(-ENOMEM);
        r = connector_new_cookie(connector);
        if (r)
                return error_trace(r);

        connector->alive_ns = (uint64_t)clock_read_ns(CLOCK_MONOTONIC);
        r = connector_send(connector, PROC_REQUEST_LISTEN);
        if (r == -ECONNREFUSED)
                return CONNECTOR_E_NO_CONNECTOR;
        if (r == -EPERM)
                return CONNECTOR_E_NO_PERMISSION;
        if (r)
                return error_origin(r);
        connector->awaiting = true;
        connector->awaiting_drops = connector->drops;
        return 0;
}

/**
 * connector_deinit() - hand the connector back
 * @connector:  the connector
 *
 * IGNORE takes our listener off the kernel's count; closing alone would not, and
 * the kernel would make events without a listener until it is rebooted.
 */
void connector_deinit(Connector *connector) {
        if (connector->fd >= 0) {
                if (connector->opened)
                        (void)connector_send(connector, PROC_REQUEST_IGNORE);
                close(connector->fd);
        }
        recv_batch_deinit(&connector->batch);
        free(connector->events);
        free(connector->cpu_seqs);
        free(connector->cpu_known);
        *connector = (Connector)CONNECTOR_NULL;
}

static int cpus_grow(Connector *connector, uint32_t cpu) {
        size_t n = MAX((size_t)cpu + 1, connector->n_cpus * 2);
        uint32_t *seqs;
        bool *known;

        seqs = realloc(connector->cpu_seqs, n * sizeof(*seqs));
        if (!seqs)
                return error_origin(-ENOMEM);
        connector->cpu_seqs = seqs;
        known = realloc(connector->cpu_known, n * sizeof(*known));
        if (!known)
                return error_origin(-ENOMEM);
        connector->cpu_known = known;
        memset(known + connector->n_cpus, 0, (n - connector->n_cpus) * sizeof(*known));
        connector->n_cpus = n;
        return 0;
}

static uint64_t connector_time_ns(const Connector *connector, uint64_t monotonic_ns) {
        return monotonic_ns + (uint64_t)connector->time_offset_ns;
}

static void connector_add_loss(Connector *connector, uint64_t count, uint64_t monotonic_ns, uint32_t cpu,
                               bool cpu_known) {
        connector->events[connector->n_events++] = (Event){
                .kind = EVENT_LOSS,
                .time_ns = connector_time_ns(connector, monotonic_ns),
                .cpu = cpu,
                .loss = {
                        .count = count,
                        .source = LOSS_CONNECTOR,
                        .reason = LOSS_OVERRUN,
                        .cpu_known = cpu_known,
                },
        };
        connector->counters.lost += count;
}

/* Compares a message's number with the one that its CPU's turn is at. */
static int connector_account(Connector *connector, const ProcMessage *message) {
        uint32_t cpu = message->event.cpu, gap;
        uint64_t count;
        int r;

        if (cpu >= connector->n_cpus) {
                r = cpus_grow(connector, cpu);
                if (r)
                        return error_trace(r);
        }

        gap = connector->cpu_known[cpu] ? message->seq - connector->cpu_seqs[cpu] : 0;
        connector->cpu_known[cpu] = true;
        connector->cpu_seqs[cpu] = message->seq + 1;
        if (gap == 0)
                return 0;
        if (gap > INT32_MAX) {
                /* backwards: no kernel does this; begin anew from here */
                ++connector->counters.malformed;
                return 0;
        }

        connector->n_gaps += gap;
        count = MIN(connector->n_ahead, (uint64_t)gap);
        connector->n_ahead -= count;
        if (gap > count)
                connector_add_loss(connector, gap - count, message->monotonic_ns, cpu, true);
        return 0;
}

/*
 * The queue is empty behind what was just read: of the drops that were counted
 * before it was read, those that no gap has shown are missing here, at its end.
 * (Counted afterwards, they could as well be missing behind messages that are
 * still to be read.)
 */
static void connector_account_drops(Connector *connector) {
        uint64_t dropped = connector->counters.dropped, shown = connector->n_gaps + connector->n_ahead;

        if (dropped <= shown)
                return;
        connector->n_ahead += dropped - shown;
        connector_add_loss(connector, dropped - shown, (uint64_t)clock_read_ns(CLOCK_MONOTONIC), 0, false);
}

static int connector_poll_drops(Connector *connector) {
        uint32_t drops;
        int r;

        r = socket_drops(connector->fd, &drops);
        if (r)
                return error_trace(r);
        connector->counters.dropped += (uint32_t)(drops - connector->drops);
        connector->drops = drops;
        return 0;
}

/*
 * Counts an acknowledgement that is not ours. A request that raises the kernel's count from
 * zero is always acknowledged, so that each silence ends with one. The remedy's own requests
 * have the numbers since the last probe.
 */
static void connector_note_ack(Connector *connector, uint32_t ack) {
        if (connector->awaiting && ack == connector->cookie + 1)
                connector->awaiting = false;
        else if (connector->first_cookie == connector->cookie ||
                 ack - 1 - connector->first_cookie > connector->cookie - connector->first_cookie)
                ++connector->n_foreign_acks;
}

/**
 * connector_read() - receive a batch
 * @connector:  the connector; its events are overwritten
 * @n_wanted:   datagrams at most
 *
 * connector->batch.drained says whether there is no need to read on for now: the
 * queue is empty behind them, and so is the account of what was dropped.
 *
 * Return: 0, or a negative errno.
 */
int connector_read(Connector *connector, size_t n_wanted) {
        bool polled = connector->n_unpolled >= POLL_DROPS_EVERY;
        int r;

        connector->n_events = 0;
        if (polled) {
                r = connector_poll_drops(connector);
                if (r)
                        return error_trace(r);
        }
        r = recv_batch_receive(&connector->batch, connector->fd, n_wanted);
        if (r)
                return error_trace(r);

        for (size_t i = 0; i < connector->batch.n; ++i) {
                ProcMessage message;
                const void *data;
                size_t n_data;

                data = recv_batch_datagram(&connector->batch, i, &connector->counters, &n_data);
                if (!data)
                        continue;
                r = proc_message_parse(data, n_data, &message);
                if (r == PROC_MESSAGE_E_MALFORMED) {
                        ++connector->counters.malformed;
                        continue;
                }
                if (r == PROC_MESSAGE_E_ACK)
                        connector_note_ack(connector, message.ack);

                if (connector_account(connector, &message))
                        return error_trace(-ENOMEM);
                if (r == PROC_MESSAGE_E_NO_TASK)
                        ++connector->counters.malformed;
                if (r == 0) {
                        message.event.time_ns = connector_time_ns(connector, message.monotonic_ns);
                        if (message.event.kind == EVENT_EXIT)
                                message.event.exit.n_acks = connector->n_foreign_acks;
                        connector->events[connector->n_events++] = message.event;
                }
        }

        if (connector->batch.n > 0)
                connector->alive_ns = (uint64_t)clock_read_ns(CLOCK_MONOTONIC);
        connector->n_unpolled += connector->batch.n;
        connector->empty = connector->batch.drained;
        if (connector->batch.drained && polled) {
                connector_account_drops(connector);
                connector->n_unpolled = 0;
        }
        connector->batch.drained &= connector->n_unpolled < POLL_DROPS_EVERY;
        return 0;
}

/**
 * connector_is_idle() - whether the kernel has sent nothing since the last read
 * @connector:  the connector, whose queue was read empty
 *
 * The next event of a batch then needs no reading of /proc either.
 *
 * Return: Whether the queue is still empty.
 */
bool connector_is_idle(Connector *connector) {
        uint8_t byte;

        if (recv(connector->fd, &byte, sizeof(byte), MSG_PEEK | MSG_DONTWAIT) >= 0)
                connector->empty = false;
        return connector->empty;
}

/**
 * connector_probe() - ask for a proof of life
 * @connector:  the connector; drained
 *
 * The answer is queued before send() returns; connector_check() is called when
 * it must have been read. The next read checks the drop counter too.
 *
 * Return: 0, or a negative errno.
 */
int connector_probe(Connector *connector) {
        int r;

        connector->n_unpolled = POLL_DROPS_EVERY;
        if (!connector->keepalive || connector->muted || connector->awaiting)
                return 0;
        r = connector_new_cookie(connector);
        if (r)
                return error_trace(r);
        r = connector_send(connector, PROC_REQUEST_LISTEN);
        if (r == -EAGAIN || r == -ENOBUFS || r == -ENOMEM)
                return 0;
        if (r)
                return error_origin(r);
        connector->awaiting = true;
        return error_trace(socket_drops(connector->fd, &connector->awaiting_drops));
}

static bool connector_says_something(Connector *connector) {
        struct pollfd pfd = { .fd = connector->fd, .events = POLLIN };

        /* The kernel answers within send(); a test that plays the kernel needs a moment. */
        return poll(&pfd, 1, connector->opened ? 0 : 20) > 0;
}

/* The queue is empty: anything in it after these requests is proof that the count is above zero. */
static bool connector_remedy(Connector *connector) {
        int n_tries = connector->opened ? REMEDY_TRIES : 50;

        for (int i = 0; i < n_tries; ++i) {
                if (connector_says_something(connector))
                        return true;
                if (connector_send(connector, PROC_REQUEST_INVALID) < 0)
                        return false;
                ++connector->cookie;
                if (connector_send(connector, PROC_REQUEST_LISTEN) < 0)
                        return false;
        }
        return connector_says_something(connector);
}

/**
 * connector_check() - see whether the proof of life came
 * @connector:  the connector; drained since connector_probe()
 *
 * An acknowledgement may itself have been dropped: with drops since it was asked
 * for, there is no verdict, and it is asked for again.
 *
 * Return: 0: alive, or no verdict; CONNECTOR_E_MUTED; CONNECTOR_E_REPAIRED; a
 *         negative errno.
 */
int connector_check(Connector *connector) {
        uint32_t drops;
        int r;

        if (!connector->muted) {
                if (!connector->awaiting)
                        return 0;
                connector->awaiting = false;
                r = socket_drops(connector->fd, &drops);
                if (r)
                        return error_trace(r);
                if (drops != connector->awaiting_drops)
                        return 0;

                connector->muted = true;
                connector->muted_since_ns = connector->alive_ns;
                ++connector->counters.muted;
        }

        if (!connector_remedy(connector))
                return CONNECTOR_E_MUTED;
        connector->muted = false;
        ++connector->counters.repaired;
        return CONNECTOR_E_REPAIRED;
}
