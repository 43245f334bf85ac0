/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The kernel answers within send(): each request of the datagram is looked up, and its
 * reply put into our receive buffer, before the call returns. So there is nothing to
 * wait for, and a reply that is not there afterwards was lost, as the buffer had no room
 * for it. A reply is charged with 1280 bytes of the buffer (version 16). A query asks for
 * fewer tasks than fit.
 *
 * Replies come in the order of the requests, each with its number; a number that is
 * passed over is a reply that was lost.
 *
 * The kernel checks CAP_NET_ADMIN at each send, in the opener and in the sender. The task is
 * looked up in our own pid namespace, which must be the initial one for the connector's
 * sake.
 */

#include <errno.h>
#include <fcntl.h>
#include <linux/genetlink.h>
#include <linux/taskstats.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "broker/base/error.h"
#include "broker/base/log.h"
#include "broker/base/util.h"
#include "broker/kernel/genl.h"
#include "broker/kernel/socket.h"
#include "broker/kernel/stats_query.h"

/* Upper bound of what one reply is charged against SO_RCVBUF: twice the size seen with version 16. */
#define REPLY_ACCOUNT_BYTES 2560u

/* A test that does not answer at all shall not stop the broker for long. */
#define TEST_WAIT_MS 1000

_Static_assert(STATS_REQUEST_BYTES == NLMSG_HDRLEN + GENL_HDRLEN + NLA_HDRLEN + sizeof(uint32_t), "a request");

static void request_put(uint8_t *data, uint16_t family, uint32_t seq, uint32_t tid) {
        struct nlmsghdr header = {
                .nlmsg_len = STATS_REQUEST_BYTES,
                .nlmsg_type = family,
                .nlmsg_flags = NLM_F_REQUEST,
                .nlmsg_seq = seq,
        };
        struct genlmsghdr genl = { .cmd = TASKSTATS_CMD_GET, .version = TASKSTATS_GENL_VERSION };
        struct nlattr attr = { .nla_len = NLA_HDRLEN + sizeof(tid), .nla_type = TASKSTATS_CMD_ATTR_PID };

        memcpy(data, &header, sizeof(header));
        memcpy(data + NLMSG_HDRLEN, &genl, sizeof(genl));
        memcpy(data + NLMSG_HDRLEN + GENL_HDRLEN, &attr, sizeof(attr));
        memcpy(data + NLMSG_HDRLEN + GENL_HDRLEN + NLA_HDRLEN, &tid, sizeof(tid));
}

/* Drops the replies to the last query that were not read. */
static int query_discard(StatsQuery *query) {
        int r = 0;

        while (r == 0 && query->i_next < query->n_asked) {
                r = recv_batch_receive(&query->batch, query->fd, query->batch.n_max);
                if (query->batch.n == 0)
                        break;
        }
        query->batch.n = query->i_datagram = 0;
        query->n_asked = query->i_next = 0;
        return error_trace(r);
}

static int query_ask(StatsSource *source, const uint32_t *tids, size_t n) {
        StatsQuery *query = container_of(source, StatsQuery, source);
        int r;

        n = MIN(n, source->n_max);
        r = query_discard(query);
        if (r)
                return error_trace(r);
        for (size_t i = 0; i < n; ++i)
                request_put(query->requests + i * STATS_REQUEST_BYTES, query->family, query->seq + (uint32_t)i,
                            tids[i]);
        query->n_asked = n;
        /* A request that cannot be sent for lack of memory has no answer: it counts as lost. */
        if (n > 0 && send(query->fd, query->requests, n * STATS_REQUEST_BYTES, MSG_NOSIGNAL) < 0 && errno != ENOBUFS &&
            errno != ENOMEM && errno != EAGAIN && errno != EPIPE)
                return error_origin(-errno);
        query->seq += (uint32_t)n;
        return 0;
}

/* Receives the next datagram; NULL: the queue is empty. */
static int query_receive(StatsQuery *query, const void **ret_data, size_t *ret_n) {
        *ret_data = NULL;
        for (;;) {
                struct pollfd pfd = { .fd = query->fd, .events = POLLIN };
                int r;

                while (query->i_datagram < query->batch.n) {
                        *ret_data = recv_batch_datagram(&query->batch, query->i_datagram, &query->counters, ret_n);
                        if (*ret_data)
                                return 0;
                        ++query->i_datagram;
                }
                if (query->wait_ms > 0 && poll(&pfd, 1, query->wait_ms) <= 0)
                        return 0;
                query->i_datagram = 0;
                r = recv_batch_receive(&query->batch, query->fd, query->n_asked - query->i_next);
                if (r)
                        return error_trace(r);
                if (query->batch.n == 0)
                        return 0;
        }
}

static StatsAnswerState query_error(StatsQuery *query, const struct nlmsghdr *header, size_t n) {
        struct nlmsgerr error;

        if (n < NLMSG_HDRLEN + sizeof(error))
                return STATS_ANSWER_LOST;
        memcpy(&error, (const uint8_t *)header + NLMSG_HDRLEN, sizeof(error));
        if (error.error == -ESRCH)
                return STATS_ANSWER_GONE;
        if (!query->refused_logged) {
                query->refused_logged = true;
                log_warning("The kernel refuses statistics of live tasks: %s. They are missing from samples.",
                            /* the least of ints has no opposite */
                            strerror((int)-(unsigned int)error.error));
        }
        return STATS_ANSWER_LOST;
}

static int query_next(StatsSource *source, StatsAnswer *ret_answer) {
        StatsQuery *query = container_of(source, StatsQuery, source);
        uint32_t seq = query->seq - (uint32_t)(query->n_asked - query->i_next);

        ret_answer->state = STATS_ANSWER_LOST;
        for (;;) {
                const struct nlmsghdr *header;
                const void *data;
                size_t n;
                int r;

                r = query_receive(query, &data, &n);
                if (r)
                        return error_trace(r);
                header = data;
                if (!data || (n >= sizeof(*header) && (int32_t)(header->nlmsg_seq - seq) > 0)) {
                        /* Later ones, if there are any, keep their places. */
                        ++query->counters.lost;
                        ++query->i_next;
                        return 0;
                }
                ++query->i_datagram;
                if (n < sizeof(*header) || header->nlmsg_seq != seq)
                        continue;
                ++query->i_next;
                if (header->nlmsg_type == NLMSG_ERROR) {
                        ret_answer->state = query_error(query, header, n);
                } else if (exit_record_parse(data, n, &query->record) == 0) {
                        ret_answer->state = STATS_ANSWER_LIVE;
                        ret_answer->stats = query->record.stats;
                } else {
                        ++query->counters.malformed;
                }
                query->counters.lost += ret_answer->state == STATS_ANSWER_LOST;
                return 0;
        }
}

/**
 * stats_query_init() - open the socket
 * @query:  output
 * @fd:     use this socket, a test's, whose other end is the kernel; -1: open
 *
 * Return: 0; STATS_QUERY_E_NO_TASKSTATS; a negative errno. On failure too,
 *         stats_query_deinit() is allowed.
 */
int stats_query_init(StatsQuery *query, int fd) {
        uint64_t granted = 0;
        int r;

        *query = (StatsQuery){ .fd = fd, .seq = 1, .source = { .ask = query_ask, .next = query_next } };
        if (fd >= 0) {
                query->wait_ms = TEST_WAIT_MS;
                if (fcntl(fd, F_SETFL, O_NONBLOCK) < 0)
                        return error_origin(-errno);
        } else {
                r = genl_open(&query->fd);
                if (!r)
                        r = genl_find_taskstats(query->fd, &query->family);
                if (r)
                        return error_trace(r);
                if (query->family == 0)
                        return STATS_QUERY_E_NO_TASKSTATS;
        }

        r = socket_enlarge(query->fd, (uint64_t)STATS_QUERY_MAX * REPLY_ACCOUNT_BYTES, &granted);
        if (r)
                return error_trace(r);
        granted = MAX(granted / REPLY_ACCOUNT_BYTES, (uint64_t)1);
        query->source.n_max = (size_t)MIN(granted, (uint64_t)STATS_QUERY_MAX);
        query->requests = malloc((size_t)STATS_QUERY_MAX * STATS_REQUEST_BYTES);
        if (!query->requests)
                return error_origin(-ENOMEM);
        return error_trace(recv_batch_init(&query->batch, STATS_QUERY_MAX, GENL_MESSAGE_BYTES));
}

void stats_query_deinit(StatsQuery *query) {
        if (query->fd >= 0)
                close(query->fd);
        free(query->requests);
        recv_batch_deinit(&query->batch);
        *query = (StatsQuery)STATS_QUERY_NULL;
}
