/* SPDX-License-Identifier: Apache-2.0 */

#include <poll.h>
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

int latency_init(Latency *latency, const char *path, size_t n_forks) {
        const struct tb_subscription subscription = { .kinds = TB_KIND_BIT(TB_KIND_FORK) };

        *latency = (Latency){ .n_forks = n_forks, .ms = calloc(n_forks, sizeof(double)) };
        if (!latency->ms || tb_connect(path, &latency->client) < 0)
                return -1;
        if (tb_subscribe(latency->client, &subscription, NULL) < 0)
                return -1;
        return latency_await(latency->client, TB_MESSAGE_SUBSCRIBED) ? 0 : -1;
}

void latency_deinit(Latency *latency) {
        tb_close(latency->client);
        free(latency->ms);
        *latency = (Latency){};
}

static int latency_fork(Latency *latency, double *ret_ms) {
        const struct tb_message *message;
        pid_t pid;

        pid = fork();
        if (pid == 0)
                _exit(0);
        if (pid < 0)
                return -1;
        do {
                message = latency_await(latency->client, TB_MESSAGE_EVENT);
                if (!message || message->event->kind == TB_KIND_LOSS)
                        return -1;
        } while (message->event->kind != TB_KIND_FORK || message->event->pid != (uint32_t)pid);
        *ret_ms = (now_monotonic_ns() -
                   (double)(message->event->time_ns - (uint64_t)message->event->realtime_offset_ns)) /
                  1e6;
        waitpid(pid, NULL, 0);
        return 0;
}

static int compare(const void *a, const void *b) {
        double x = *(const double *)a, y = *(const double *)b;

        return (x > y) - (x < y);
}

/* Begins a row of a table: median, 99 %, 99.9 %, most. */
int latency_measure(Latency *latency, const char *what) {
        for (size_t i = 0; i < latency->n_forks; ++i) {
                if (latency_fork(latency, &latency->ms[i]) < 0)
                        return -1;
                nanosleep(&(struct timespec){ .tv_nsec = PAUSE_NS }, NULL);
        }
        qsort(latency->ms, latency->n_forks, sizeof(double), compare);
        printf("| %s | %.3f | %.3f | %.3f | %.3f |", what, latency->ms[latency->n_forks / 2],
               latency->ms[latency->n_forks * 99 / 100], latency->ms[latency->n_forks * 999 / 1000],
               latency->ms[latency->n_forks - 1]);
        fflush(stdout);
        return 0;
}
