/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The reading is as the broker must do it and no more: a buffer that nothing
 * overflows, no decoding beyond counting. A real tool does more and costs more.
 *
 * A listener that just dies leaves the kernel's count of connector listeners
 * one too high, for ever: the kernel would then build events for nobody, and
 * every later "no listener" would be wrong. So it says goodbye on SIGTERM.
 */

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/cn_proc.h>
#include <linux/connector.h>
#include <linux/genetlink.h>
#include <linux/taskstats.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "tests/bench/listener.h"

#define LISTENER_RCVBUF (64 * 1024 * 1024)
#define BATCH_N 256
#define DATAGRAM_MAX 2048

#ifndef SO_MEMINFO
#define SO_MEMINFO 55
#endif
#define MEMINFO_DROPS 8

typedef struct Listener {
        struct mnl_socket *connector;
        struct mnl_socket *taskstats;
        uint16_t family;
        char cpus[256];
        struct mmsghdr messages[BATCH_N];
        struct iovec iovecs[BATCH_N];
        uint8_t buffers[BATCH_N][DATAGRAM_MAX];
} Listener;

static volatile sig_atomic_t stop;

static void handle_stop(int signal) {
        (void)signal;
        stop = 1;
}

static struct mnl_socket *socket_open(int protocol, unsigned int groups) {
        struct mnl_socket *socket = mnl_socket_open2(protocol, SOCK_CLOEXEC | SOCK_NONBLOCK);
        int size = LISTENER_RCVBUF, yes = 1;

        if (!socket)
                return NULL;
        if (setsockopt(mnl_socket_get_fd(socket), SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) < 0 ||
            mnl_socket_setsockopt(socket, NETLINK_NO_ENOBUFS, &yes, sizeof(yes)) < 0 ||
            mnl_socket_bind(socket, groups, MNL_SOCKET_AUTOPID) < 0) {
                mnl_socket_close(socket);
                return NULL;
        }
        return socket;
}

static int connector_say(struct mnl_socket *socket, uint32_t op) {
        uint8_t buffer[NLMSG_LENGTH(sizeof(struct cn_msg) + sizeof(op))] __attribute__((aligned(8))) = {};
        struct nlmsghdr *header = mnl_nlmsg_put_header(buffer);
        struct cn_msg *message = mnl_nlmsg_put_extra_header(header, sizeof(*message) + sizeof(op));

        header->nlmsg_type = NLMSG_DONE;
        message->id.idx = CN_IDX_PROC;
        message->id.val = CN_VAL_PROC;
        message->len = sizeof(op);
        memcpy(message->data, &op, sizeof(op));
        return mnl_socket_sendto(socket, header, header->nlmsg_len) < 0 ? -1 : 0;
}

static int family_cb(const struct nlattr *attr, void *userdata) {
        if (mnl_attr_get_type(attr) == CTRL_ATTR_FAMILY_ID)
                *(uint16_t *)userdata = mnl_attr_get_u16(attr);
        return MNL_CB_OK;
}

/* Sends and waits for one answer; its length, or -1. */
static ssize_t transact(struct mnl_socket *socket, struct nlmsghdr *header, uint8_t *buffer, size_t n_buffer) {
        struct pollfd pfd = { .fd = mnl_socket_get_fd(socket), .events = POLLIN };

        if (mnl_socket_sendto(socket, header, header->nlmsg_len) < 0 || poll(&pfd, 1, 5000) != 1)
                return -1;
        return mnl_socket_recvfrom(socket, buffer, n_buffer);
}

static struct nlmsghdr *genl_put(uint8_t *buffer, uint16_t type, uint8_t command, uint8_t version) {
        struct nlmsghdr *header = mnl_nlmsg_put_header(buffer);
        struct genlmsghdr *genl;

        header->nlmsg_type = type;
        header->nlmsg_flags = NLM_F_REQUEST;
        genl = mnl_nlmsg_put_extra_header(header, sizeof(*genl));
        genl->cmd = command;
        genl->version = version;
        return header;
}

static int family_find(Listener *listener) {
        uint8_t buffer[8192] __attribute__((aligned(8)));
        struct nlmsghdr *header = genl_put(buffer, GENL_ID_CTRL, CTRL_CMD_GETFAMILY, 1);

        mnl_attr_put_strz(header, CTRL_ATTR_FAMILY_NAME, TASKSTATS_GENL_NAME);
        if (transact(listener->taskstats, header, buffer, sizeof(buffer)) < 0)
                return -1;
        (void)mnl_attr_parse((struct nlmsghdr *)buffer, sizeof(struct genlmsghdr), family_cb, &listener->family);
        return listener->family ? 0 : -1;
}

static int taskstats_say(Listener *listener, uint16_t attr, bool wait) {
        uint8_t buffer[8192] __attribute__((aligned(8)));
        struct nlmsghdr *header = genl_put(buffer, listener->family, TASKSTATS_CMD_GET, TASKSTATS_GENL_VERSION);
        struct nlmsgerr *answer;

        mnl_attr_put_strz(header, attr, listener->cpus);
        if (!wait)
                return mnl_socket_sendto(listener->taskstats, header, header->nlmsg_len) < 0 ? -1 : 0;
        header->nlmsg_flags |= NLM_F_ACK;
        if (transact(listener->taskstats, header, buffer, sizeof(buffer)) < 0)
                return -1;
        header = (struct nlmsghdr *)buffer;
        answer = mnl_nlmsg_get_payload(header);
        /* a record may overtake the acknowledgement: then the registration stands */
        return header->nlmsg_type != NLMSG_ERROR || answer->error == 0 ? 0 : -1;
}

static int cpus_read(Listener *listener) {
        FILE *file = fopen("/sys/devices/system/cpu/possible", "re");
        bool ok;

        if (!file)
                return -1;
        ok = fgets(listener->cpus, sizeof(listener->cpus), file);
        fclose(file);
        listener->cpus[strcspn(listener->cpus, "\n")] = 0;
        return ok ? 0 : -1;
}

static uint64_t socket_drops(struct mnl_socket *socket) {
        uint32_t info[16] = {};
        socklen_t n = sizeof(info);

        if (getsockopt(mnl_socket_get_fd(socket), SOL_SOCKET, SO_MEMINFO, info, &n) < 0)
                return 0;
        return info[MEMINFO_DROPS];
}

static size_t receive_one(Listener *listener, int fd) {
        return recv(fd, listener->buffers[0], sizeof(listener->buffers[0]), MSG_DONTWAIT) > 0;
}

static size_t receive_batches(Listener *listener, int fd) {
        size_t n = 0;
        int r;

        do {
                r = recvmmsg(fd, listener->messages, BATCH_N, MSG_DONTWAIT, NULL);
                n += r > 0 ? (size_t)r : 0;
        } while (r == BATCH_N);
        return n;
}

static uint64_t cpu_used_ns(void) {
        struct timespec ts;

        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
        return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static Listener *listener_new(void) {
        Listener *listener = calloc(1, sizeof(*listener));

        for (size_t i = 0; listener && i < BATCH_N; ++i) {
                listener->iovecs[i] = (struct iovec){ listener->buffers[i], DATAGRAM_MAX };
                listener->messages[i].msg_hdr = (struct msghdr){
                        .msg_iov = &listener->iovecs[i],
                        .msg_iovlen = 1,
                };
        }
        return listener;
}

static int listener_listen(Listener *listener) {
        listener->connector = socket_open(NETLINK_CONNECTOR, CN_IDX_PROC);
        listener->taskstats = socket_open(NETLINK_GENERIC, 0);
        if (!listener->connector || !listener->taskstats || cpus_read(listener) < 0 ||
            family_find(listener) < 0 || taskstats_say(listener, TASKSTATS_CMD_ATTR_REGISTER_CPUMASK, true) < 0 ||
            connector_say(listener->connector, PROC_CN_MCAST_LISTEN) < 0) {
                fprintf(stderr, "bench: cannot listen to the kernel: %s\n", strerror(errno));
                return -1;
        }
        return 0;
}

/* Takes the listener off the kernel's counts, and frees it. Returns how many datagrams its sockets dropped. */
static uint64_t listener_free(Listener *listener) {
        uint64_t n_dropped;

        (void)connector_say(listener->connector, PROC_CN_MCAST_IGNORE);
        (void)taskstats_say(listener, TASKSTATS_CMD_ATTR_DEREGISTER_CPUMASK, false);
        n_dropped = socket_drops(listener->connector) + socket_drops(listener->taskstats);
        mnl_socket_close(listener->connector);
        mnl_socket_close(listener->taskstats);
        free(listener);
        return n_dropped;
}

/* Waits for datagrams with the signals @before, and reads them. */
static void listener_read(Listener *listener, const ListenerOptions *options, const sigset_t *before, CrewSlot *slot) {
        const struct timespec pause = { .tv_nsec = (long)options->pause_ms * 1000000 };
        struct pollfd pfds[] = {
                { .fd = mnl_socket_get_fd(listener->connector), .events = POLLIN },
                { .fd = mnl_socket_get_fd(listener->taskstats), .events = POLLIN },
        };

        if (ppoll(pfds, 2, NULL, before) < 0)
                return;
        if (options->pause_ms > 0)
                nanosleep(&pause, NULL);
        for (size_t i = 0; i < 2; ++i) {
                size_t n;

                if (!pfds[i].revents)
                        continue;
                n = options->batched ? receive_batches(listener, pfds[i].fd) : receive_one(listener, pfds[i].fd);
                slot->reads += n > 0;
                *(i == 0 ? &slot->events : &slot->records) += n;
        }
}

int listener_main(void *userdata, CrewSeat *seat) {
        const ListenerOptions *options = userdata;
        struct sigaction action = { .sa_handler = handle_stop };
        Listener *listener = listener_new();
        sigset_t blocked, before;
        uint64_t begin_ns;

        if (!listener)
                return 1;
        sigemptyset(&blocked);
        sigaddset(&blocked, SIGTERM);
        sigprocmask(SIG_BLOCK, &blocked, &before);
        sigaction(SIGTERM, &action, NULL);

        if (listener_listen(listener) < 0)
                return 1;
        crew_ready(seat);
        begin_ns = cpu_used_ns();
        while (!stop)
                listener_read(listener, options, &before, seat->slot);
        seat->slot->cpu_ns = cpu_used_ns() - begin_ns;
        seat->slot->lost = listener_free(listener);
        return 0;
}

/* Is somebody on this machine in the connector's group already? Then nothing can be compared with silence. */
bool listener_others_present(void) {
        FILE *file = fopen("/proc/net/netlink", "re");
        char line[256];
        bool found = false;

        if (!file)
                return false;
        while (fgets(line, sizeof(line), file)) {
                unsigned int protocol, groups;

                if (sscanf(line, "%*s %u %*u %x", &protocol, &groups) == 2 && protocol == NETLINK_CONNECTOR &&
                    (groups & CN_IDX_PROC))
                        found = true;
        }
        fclose(file);
        return found;
}
