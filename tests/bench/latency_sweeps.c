/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Whether events wait for sweeps: how long after it happened a fork reaches a subscriber
 * that lets none be held back, while no client samples, and while a client samples all tasks
 * as fast as the broker allows. It also measures what a sweep costs for each task.
 *
 *   bench-latency TASKBROKERD [--tasks N]... [--forks N]
 */

#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "taskbroker/taskbroker.h"

#include "tests/bench/broker.h"
#include "tests/bench/latency.h"
#include "tests/bench/machine.h"
#include "tests/bench/table_crowd.h"

#define SIZES_MAX 8

typedef struct Bench Bench;

struct Bench {
        Broker broker;
        Latency latency;
};

/* Subscribes to samples for ever, and ignores them. */
static void sampler_main(const char *path, int ready_fd) {
        const struct tb_sampling sampling = { .interval_ms = 100 };
        struct tb_client *client;

        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (tb_connect(path, &client) < 0 || tb_sample(client, &sampling, NULL) < 0)
                _exit(1);
        while (latency_await(client, TB_MESSAGE_SAMPLE))
                if (write(ready_fd, "", 1) < 0)
                        break;
        _exit(1);
}

static int bench_status(Bench *bench, struct tb_status *ret_status) {
        const struct tb_message *message;
        struct tb_client *client;

        if (tb_connect(bench->broker.path, &client) < 0)
                return -1;
        message = tb_request_status(client, NULL) < 0 ? NULL : latency_await(client, TB_MESSAGE_STATUS);
        if (message)
                *ret_status = *message->status;
        tb_close(client);
        return message ? 0 : -1;
}

static int bench_size(Bench *bench, size_t n_tasks) {
        struct tb_status before, after;
        int fds[2], r;
        char byte;
        pid_t pid;

        machine_wait_idle(MACHINE_IDLE_NS);
        printf("\n%zu tasks, milliseconds from a fork to its subscriber:\n\n"
               "| | median | 99%% | 99.9%% | most | sweeps | us a task |\n|---|---|---|---|---|---|---|\n",
               n_tasks);
        if (latency_measure(&bench->latency, "no client samples") < 0)
                return -1;
        printf(" | |\n");
        fflush(stdout);

        if (pipe(fds) < 0)
                return -1;
        pid = fork();
        if (pid == 0) {
                close(fds[0]);
                sampler_main(bench->broker.path, fds[1]);
        }
        close(fds[1]);
        /* The first sample, of all tasks, is another matter. */
        r = pid > 0 && read(fds[0], &byte, 1) == 1 ? 0 : -1;
        if (r == 0)
                r = bench_status(bench, &before);
        if (r == 0)
                r = latency_measure(&bench->latency, "a client samples");
        if (r == 0)
                r = bench_status(bench, &after);
        if (r == 0)
                printf(" %llu | %.2f |\n", (unsigned long long)(after.sweeps - before.sweeps),
                       (double)(after.sweep_cpu_ns - before.sweep_cpu_ns) / 1e3 /
                               (double)(after.sweep_tasks - before.sweep_tasks));
        fflush(stdout);
        if (pid > 0) {
                kill(pid, SIGKILL);
                waitpid(pid, NULL, 0);
        }
        close(fds[0]);
        return r;
}

static int bench_all(Bench *bench, const size_t *sizes, size_t n_sizes, size_t n_forks) {
        Crowd crowd;
        int r;

        if (crowd_init(&crowd) < 0)
                return -1;
        r = latency_init(&bench->latency, bench->broker.path, n_forks);
        for (size_t i = 0; i < n_sizes && r == 0; ++i) {
                r = crowd_grow(&crowd, sizes[i], true);
                if (r == 0)
                        r = bench_size(bench, sizes[i]);
        }
        crowd_disperse(&crowd);
        latency_deinit(&bench->latency);
        return r;
}

int main(int argc, char **argv) {
        static const struct option table[] = {
                { "forks", required_argument, NULL, 'f' },
                { "tasks", required_argument, NULL, 't' },
                { NULL, 0, NULL, 0 },
        };
        size_t sizes[SIZES_MAX] = { 1000, 10000, 30000 }, n_sizes = 0;
        size_t n_forks = 5000;
        Bench bench = {};
        int c, r;

        while ((c = getopt_long(argc, argv, "", table, NULL)) >= 0) {
                unsigned long number = optarg ? strtoul(optarg, NULL, 10) : 0;

                if (c == 'f' && number > 0 && number <= LATENCY_FORKS_MAX)
                        n_forks = number;
                else if (c == 't' && number > 0 && number <= CROWD_PIDS_MAX && n_sizes < SIZES_MAX)
                        sizes[n_sizes++] = number;
                else
                        argc = 0;
        }
        if (argc - optind != 1) {
                fprintf(stderr, "Usage: bench-latency TASKBROKERD [--tasks N]... [--forks N]\n");
                return 2;
        }

        signal(SIGPIPE, SIG_IGN);
        if (broker_start(&bench.broker, argv[optind]) < 0) {
                fprintf(stderr, "bench-latency: the broker does not start.\n");
                return 1;
        }
        r = bench_all(&bench, sizes, n_sizes ? n_sizes : 3, n_forks);
        broker_stop(&bench.broker);
        if (r < 0)
                fprintf(stderr, "bench-latency: something failed.\n");
        return r < 0 ? 1 : 0;
}
