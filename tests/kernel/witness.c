/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Listens to the kernel beside the broker, with so much room that it never loses
 * anything, and writes down every message: witness FILE.
 *
 * Says "ready" on standard output when both sources are proved: the connector
 * acknowledged, the listener is registered. On SIGTERM it reads what is queued,
 * gives both back, writes FILE and ends: with 0 if it lost nothing, which it
 * knows from the sockets' own counters and from the connector's numbers; else it
 * says what it lost, and what it saw must not be used as a truth.
 */

#include <errno.h>
#include <fcntl.h>
#include <linux/cn_proc.h>
#include <linux/connector.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <linux/taskstats.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "tests/kernel/truth.h"

#define ROOM_BYTES (512 * 1024 * 1024)
#define N_BATCH 128
#define N_DATAGRAM 4096
#define N_CPUS 1024
#define COOKIE 0x77697400u

/* struct taskstats, the few fields of interest; the same in all versions but 15 */
#define STATS_FLAG 8
#define STATS_PID 128
#define STATS_TGID 368

typedef struct Witness {
        int connector;
        int taskstats;
        uint16_t family;
        char cpus[128];
        struct WitnessRecord *records;
        size_t n_records;
        size_t n_allocated;
        uint32_t next[N_CPUS];
        bool seen[N_CPUS];
        uint64_t gaps;
        bool acknowledged;
} Witness;

static volatile sig_atomic_t stop;

static void stop_handle(int signal_number) {
        (void)signal_number;
        stop = 1;
}

static void die(const char *what) {
        fprintf(stderr, "witness: %s: %s\n", what, strerror(errno));
        exit(1);
}

static int socket_open(int protocol, uint32_t groups) {
        struct sockaddr_nl address = { .nl_family = AF_NETLINK, .nl_groups = groups };
        int fd, room = ROOM_BYTES, on = 1;

        fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, protocol);
        if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)) < 0 ||
            setsockopt(fd, SOL_NETLINK, NETLINK_NO_ENOBUFS, &on, sizeof(on)) < 0 ||
            bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
                die("cannot open a netlink socket");
        return fd;
}

static uint32_t socket_drops(int fd) {
        uint32_t info[16] = {};
        socklen_t n = sizeof(info);

        /* SK_MEMINFO_DROPS */
        if (getsockopt(fd, SOL_SOCKET, SO_MEMINFO, info, &n) < 0)
                die("SO_MEMINFO");
        return info[8];
}

static struct WitnessRecord *record_new(Witness *witness) {
        if (witness->n_records == witness->n_allocated) {
                witness->n_allocated = witness->n_allocated ? witness->n_allocated * 2 : 65536;
                witness->records = realloc(witness->records, witness->n_allocated * sizeof(*witness->records));
                if (!witness->records)
                        die("realloc");
        }
        return memset(&witness->records[witness->n_records++], 0, sizeof(*witness->records));
}

static void connector_op(Witness *witness, uint32_t op) {
        char buffer[NLMSG_SPACE(sizeof(struct cn_msg) + sizeof(op))] = {};
        struct nlmsghdr header = {
                .nlmsg_len = NLMSG_LENGTH(sizeof(struct cn_msg) + sizeof(op)),
                .nlmsg_type = NLMSG_DONE,
        };
        struct cn_msg message = {
                .id = { .idx = CN_IDX_PROC, .val = CN_VAL_PROC },
                .ack = COOKIE,
                .len = sizeof(op),
        };

        memcpy(buffer, &header, sizeof(header));
        memcpy(buffer + NLMSG_HDRLEN, &message, sizeof(message));
        memcpy(buffer + NLMSG_HDRLEN + sizeof(message), &op, sizeof(op));
        if (send(witness->connector, buffer, header.nlmsg_len, 0) < 0)
                die("connector");
}

static void connector_parse(Witness *witness, const char *data, size_t n_data) {
        struct WitnessRecord *record;
        struct cn_msg message;
        uint32_t event[10];

        if (n_data < NLMSG_HDRLEN + sizeof(message) + sizeof(event))
                die("a short connector message");
        memcpy(&message, data + NLMSG_HDRLEN, sizeof(message));
        memcpy(event, data + NLMSG_HDRLEN + sizeof(message), sizeof(event));

        record = record_new(witness);
        record->source = WITNESS_CONNECTOR;
        record->what = event[0];
        record->cpu = event[1];
        record->sequence = message.seq;
        memcpy(&record->stamp_ns, &event[2], sizeof(record->stamp_ns));
        if (event[0] == 0) {
                /* an acknowledgement, perhaps to somebody else */
                witness->acknowledged |= message.ack == COOKIE + 1;
                record->pid = event[4];
        } else {
                bool fork = event[0] == 1;

                record->tid = event[fork ? 6 : 4];
                record->pid = event[fork ? 7 : 5];
        }

        if (record->cpu >= N_CPUS)
                die("more processors than thought of");
        if (witness->seen[record->cpu])
                witness->gaps += message.seq - witness->next[record->cpu];
        witness->seen[record->cpu] = true;
        witness->next[record->cpu] = message.seq + 1;
}

static void taskstats_parse(Witness *witness, const char *data, size_t n_data) {
        struct nlmsghdr header;
        size_t at = NLMSG_HDRLEN + GENL_HDRLEN;

        memcpy(&header, data, sizeof(header));
        if (header.nlmsg_type != witness->family)
                return;
        while (at + NLA_HDRLEN <= n_data) {
                struct nlattr attribute;

                memcpy(&attribute, data + at, sizeof(attribute));
                if (attribute.nla_len < NLA_HDRLEN || at + attribute.nla_len > n_data)
                        return;
                if (attribute.nla_type == TASKSTATS_TYPE_AGGR_PID || attribute.nla_type == TASKSTATS_TYPE_STATS) {
                        if (attribute.nla_type == TASKSTATS_TYPE_STATS) {
                                const char *stats = data + at + NLA_HDRLEN;
                                struct timespec now;
                                struct WitnessRecord *record = record_new(witness);

                                clock_gettime(CLOCK_MONOTONIC, &now);
                                record->stamp_ns = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
                                record->source = WITNESS_TASKSTATS;
                                record->sequence = header.nlmsg_seq;
                                record->what = (uint8_t)stats[STATS_FLAG];
                                memcpy(&record->tid, stats + STATS_PID, 4);
                                memcpy(&record->pid, stats + STATS_TGID, 4);
                                return;
                        }
                        at += NLA_HDRLEN;       /* into the nest */
                        continue;
                }
                at += NLA_ALIGN(attribute.nla_len);
        }
}

/* Reads all that is queued now. */
static void socket_drain(Witness *witness, int fd) {
        static char data[N_BATCH][N_DATAGRAM];
        static struct iovec iov[N_BATCH];
        static struct mmsghdr messages[N_BATCH];
        int n;

        for (int i = 0; i < N_BATCH; ++i) {
                iov[i] = (struct iovec){ .iov_base = data[i], .iov_len = N_DATAGRAM };
                messages[i].msg_hdr = (struct msghdr){ .msg_iov = &iov[i], .msg_iovlen = 1 };
        }
        while ((n = recvmmsg(fd, messages, N_BATCH, MSG_DONTWAIT, NULL)) > 0)
                for (int i = 0; i < n; ++i) {
                        if (fd == witness->connector)
                                connector_parse(witness, data[i], messages[i].msg_len);
                        else
                                taskstats_parse(witness, data[i], messages[i].msg_len);
                }
}

static ssize_t genl_request(Witness *witness, uint16_t family, uint8_t command, uint16_t attribute, const char *text,
                            char *reply, size_t n_reply) {
        char buffer[256] = {};
        struct nlattr nla = { .nla_len = (uint16_t)(NLA_HDRLEN + strlen(text) + 1), .nla_type = attribute };
        struct genlmsghdr genl = { .cmd = command, .version = 1 };
        struct nlmsghdr header = {
                .nlmsg_len = NLMSG_HDRLEN + GENL_HDRLEN + NLA_ALIGN(nla.nla_len),
                .nlmsg_type = family,
                .nlmsg_flags = NLM_F_REQUEST | (reply ? 0 : NLM_F_ACK),
        };

        memcpy(buffer, &header, sizeof(header));
        memcpy(buffer + NLMSG_HDRLEN, &genl, sizeof(genl));
        memcpy(buffer + NLMSG_HDRLEN + GENL_HDRLEN, &nla, sizeof(nla));
        /* with its NUL: without, the kernel cuts the last character of the mask */
        strcpy(buffer + NLMSG_HDRLEN + GENL_HDRLEN + NLA_HDRLEN, text);
        if (send(witness->taskstats, buffer, header.nlmsg_len, 0) < 0)
                die("generic netlink");
        return reply ? recv(witness->taskstats, reply, n_reply, 0) : 0;
}

static void taskstats_open(Witness *witness) {
        char reply[4096];
        ssize_t n, at = NLMSG_HDRLEN + GENL_HDRLEN;
        int fd;

        witness->taskstats = socket_open(NETLINK_GENERIC, 0);
        n = genl_request(witness, GENL_ID_CTRL, CTRL_CMD_GETFAMILY, CTRL_ATTR_FAMILY_NAME, TASKSTATS_GENL_NAME, reply,
                         sizeof(reply));
        while (at + NLA_HDRLEN <= n) {
                struct nlattr nla;

                memcpy(&nla, reply + at, sizeof(nla));
                if (nla.nla_type == CTRL_ATTR_FAMILY_ID)
                        memcpy(&witness->family, reply + at + NLA_HDRLEN, 2);
                at += NLA_ALIGN(nla.nla_len);
        }
        if (!witness->family)
                die("no taskstats");

        fd = open("/sys/devices/system/cpu/possible", O_RDONLY | O_CLOEXEC);
        if (fd < 0 || (n = read(fd, witness->cpus, sizeof(witness->cpus) - 1)) <= 0)
                die("/sys/devices/system/cpu/possible");
        close(fd);
        witness->cpus[strcspn(witness->cpus, "\n")] = 0;
        genl_request(witness, witness->family, TASKSTATS_CMD_GET, TASKSTATS_CMD_ATTR_REGISTER_CPUMASK, witness->cpus,
                     NULL, 0);
}

int main(int argc, char **argv) {
        static Witness witness;
        struct sigaction action = { .sa_handler = stop_handle };
        struct pollfd fds[2];
        uint32_t drops[2];
        FILE *f;

        if (argc != 2) {
                fprintf(stderr, "usage: witness FILE\n");
                return 2;
        }
        sigaction(SIGTERM, &action, NULL);

        taskstats_open(&witness);
        witness.connector = socket_open(NETLINK_CONNECTOR, CN_IDX_PROC);
        connector_op(&witness, PROC_CN_MCAST_LISTEN);

        fds[0] = (struct pollfd){ .fd = witness.connector, .events = POLLIN };
        fds[1] = (struct pollfd){ .fd = witness.taskstats, .events = POLLIN };
        for (bool ready = false; !stop;) {
                poll(fds, 2, 200);
                socket_drain(&witness, witness.connector);
                socket_drain(&witness, witness.taskstats);
                if (!ready && witness.acknowledged) {
                        ready = true;
                        puts("ready");
                        fflush(stdout);
                }
        }

        socket_drain(&witness, witness.connector);
        socket_drain(&witness, witness.taskstats);
        connector_op(&witness, PROC_CN_MCAST_IGNORE);
        genl_request(&witness, witness.family, TASKSTATS_CMD_GET, TASKSTATS_CMD_ATTR_DEREGISTER_CPUMASK, witness.cpus,
                     NULL, 0);
        drops[0] = socket_drops(witness.connector);
        drops[1] = socket_drops(witness.taskstats);

        f = fopen(argv[1], "wb");
        if (!f || fwrite(witness.records, sizeof(*witness.records), witness.n_records, f) != witness.n_records ||
            fclose(f))
                die(argv[1]);
        free(witness.records);
        if (drops[0] || drops[1] || witness.gaps) {
                fprintf(stderr, "witness: lost %u connector and %u taskstats messages, and %llu numbers\n", drops[0],
                        drops[1], (unsigned long long)witness.gaps);
                return 1;
        }
        return 0;
}
