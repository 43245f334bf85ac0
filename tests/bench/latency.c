/* SPDX-License-Identifier: Apache-2.0 */

#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/bench/latency.h"

/* Between two forks: not a multiple of anything that the broker does. */
#define PAUSE_NS 1370000

/* The clock of the kernel's stamps. */
static double now_monotonic_ns(void) {
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

/*
 * The benchmark and its broker may have real-time priority, so that other work on the machine does not disturb them. A
 * process that only makes work calls this.
 */
void latency_become_ordinary(void) {
        (void)sched_setscheduler(0, SCHED_OTHER, &(struct sched_param){});
}

/* The next message of that type; NULL where the connection ends, or nothing comes for long. */
const struct tb_message *latency_await(struct tb_client *client, enum tb_message_type type) {
        const struct tb_message *message;
        int r;

        for (;;) {
                struct pollfd pfd = { .fd = tb_fd(client), .events = tb_poll_events(client) };

                while ((r = tb_next(client, &message)) > 0)
                        if (message->type == type)
                                return message;
                if (r < 0 || poll(&pfd, 1, 10000) <= 0 || tb_process(client) < 0)
                        return NULL;
        }
}

static int latency_add(Latency *latency, const char *path) {
        const struct tb_subscription subscription = { .kinds = TB_KIND_BIT(TB_KIND_FORK) };
        size_t i = latency->n_clients;

        latency->ms[i] = calloc(latency->n_forks, sizeof(double));
        if (!latency->ms[i] || tb_connect(path, &latency->clients[i]) < 0)
                return -1;
        ++latency->n_clients;
        if (tb_subscribe(latency->clients[i], &subscription, NULL) < 0)
                return -1;
        return latency_await(latency->clients[i], TB_MESSAGE_SUBSCRIBED) ? 0 : -1;
}

int latency_init(Latency *latency, const char *path, size_t n_forks) {
        *latency = (Latency){ .n_forks = n_forks };
        return latency_add(latency, path);
}

/* Adds a subscriber of a user: the broker sees who connects. */
int latency_add_user(Latency *latency, const char *path, unsigned int uid) {
        int r;

        if (seteuid(uid) < 0)
                return -1;
        r = latency_add(latency, path);
        return seteuid(0) < 0 ? -1 : r;
}

void latency_deinit(Latency *latency) {
        for (size_t i = 0; i < latency->n_clients; ++i)
                tb_close(latency->clients[i]);
        for (size_t i = 0; i < LATENCY_CLIENTS_MAX; ++i)
                free(latency->ms[i]);
        *latency = (Latency){};
}

/* Waits for the fork of @pid. Return: the time since it happened; less than 0: it did not come. */
static double latency_await_fork(struct tb_client *client, pid_t pid) {
        const struct tb_message *message;

        do {
                message = latency_await(client, TB_MESSAGE_EVENT);
                if (!message || message->event->kind == TB_KIND_LOSS)
                        return -1.;
        } while (message->event->kind != TB_KIND_FORK || message->event->pid != (uint32_t)pid);
        return (now_monotonic_ns() -
                (double)(message->event->time_ns - (uint64_t)message->event->realtime_offset_ns)) /
               1e6;
}

static int latency_fork(Latency *latency, size_t number) {
        pid_t pid = fork();

        if (pid == 0)
                _exit(0);
        if (pid < 0)
                return -1;
        for (size_t i = 0; i < latency->n_clients; ++i) {
                latency->ms[i][number] = latency_await_fork(latency->clients[i], pid);
                if (latency->ms[i][number] < 0.)
                        return -1;
        }
        waitpid(pid, NULL, 0);
        return 0;
}

static int compare(const void *a, const void *b) {
        double x = *(const double *)a, y = *(const double *)b;

        return (x > y) - (x < y);
}

static void latency_print(Latency *latency, size_t client, const char *what) {
        double *ms = latency->ms[client];
        size_t n = latency->n_forks;

        qsort(ms, n, sizeof(double), compare);
        printf("| %s | %.3f | %.3f | %.3f | %.3f |", what, ms[n / 2], ms[n * 99 / 100], ms[n * 999 / 1000], ms[n - 1]);
        fflush(stdout);
}

/*
 * Prints median, 99 %, 99.9 %, most. The other user's row comes first, if latency_add_user() was called. Root's row is
 * not ended.
 */
int latency_measure(Latency *latency, const char *what) {
        for (size_t i = 0; i < latency->n_forks; ++i) {
                if (latency_fork(latency, i) < 0)
                        return -1;
                nanosleep(&(struct timespec){ .tv_nsec = PAUSE_NS }, NULL);
        }
        if (latency->n_clients > 1) {
                latency_print(latency, 1, "another user waits");
                printf("\n");
        }
        latency_print(latency, 0, what);
        return 0;
}
