/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Whether events wait for sweeps: how long after it happened a fork reaches a subscriber
 * that lets none be held back, while no client samples, while a client samples all tasks as
 * fast as the broker allows, and while several clients do so with the worst filters. Root's
 * filters have no budget. It also measures what a sweep costs for each task.
 *
 *   bench-latency TASKBROKERD [--tasks N]... [--forks N]
 */

#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "taskbroker/taskbroker.h"

#include "tests/bench/broker.h"
#include "tests/bench/latency.h"
#include "tests/bench/machine.h"
#include "tests/bench/table_crowd.h"
#include "tests/bench/table_settings.h"

#define SIZES_MAX 8
#define SAMPLERS_MAX 16

typedef struct Bench Bench;

struct Bench {
        Broker broker;
        Latency latency;
        pid_t samplers[SAMPLERS_MAX];
        size_t n_samplers;
        int samplers_fd;        /* the samplers end when it is closed */
};

/* A filter that passes no task, and takes each of them as much work as any filter can. */
static void make_worst_filter(struct tb_filter *filter, unsigned int number) {
        static char patterns[TB_FILTER_COMMS_MAX][TB_FILTER_COMM_BYTES_MAX + 1];
        static const char *comms[TB_FILTER_COMMS_MAX];
        static uint32_t uids[TB_FILTER_UIDS_MAX];

        for (size_t i = 0; i < TB_FILTER_UIDS_MAX; ++i)
                uids[i] = (uint32_t)i;
        for (size_t i = 0; i < TB_FILTER_COMMS_MAX; ++i) {
                memset(patterns[i], '?', TB_FILTER_COMM_BYTES_MAX);
                patterns[i][0] = '*';
                patterns[i][TB_FILTER_COMM_BYTES_MAX - 1] = (char)('a' + number);
                comms[i] = patterns[i];
        }
        *filter = (struct tb_filter){
                .uids = uids,
                .n_uids = TB_FILTER_UIDS_MAX,
                .comms = comms,
                .n_comms = TB_FILTER_COMMS_MAX,
        };
}

/* Subscribes to samples for ever, and ignores them. */
static void sampler_main(const char *path, int ready_fd, unsigned int number) {
        struct tb_sampling sampling = { .interval_ms = 100 };
        struct tb_client *client;

        if (number > 0) {
                sampling.scope = TB_SAMPLE_THREADS;
                make_worst_filter(&sampling.filter, number);
        }

        prctl(PR_SET_PDEATHSIG, SIGKILL);
        latency_become_ordinary();
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

/* Starts clients that sample, and waits until each has its first sample, which is another matter. */
static int samplers_start(Bench *bench, size_t n, bool worst) {
        int fds[2], r = 0;
        char byte;

        if (pipe(fds) < 0)
                return -1;
        for (bench->n_samplers = 0; bench->n_samplers < n && r == 0; ++bench->n_samplers) {
                pid_t pid = fork();

                if (pid == 0) {
                        close(fds[0]);
                        sampler_main(bench->broker.path, fds[1], worst ? 1 + (unsigned int)bench->n_samplers : 0);
                }
                bench->samplers[bench->n_samplers] = pid;
                r = pid > 0 && read(fds[0], &byte, 1) == 1 ? 0 : -1;
        }
        close(fds[1]);
        bench->samplers_fd = fds[0];
        return r;
}

static void samplers_stop(Bench *bench) {
        for (size_t i = 0; i < bench->n_samplers; ++i) {
                if (bench->samplers[i] <= 0)
                        continue;
                kill(bench->samplers[i], SIGKILL);
                waitpid(bench->samplers[i], NULL, 0);
        }
        close(bench->samplers_fd);
}

static int bench_samplers(Bench *bench, size_t n_tasks, size_t n, bool worst, const char *what) {
        struct tb_status before, after;
        int r;

        r = samplers_start(bench, n, worst);
        if (r == 0)
                r = bench_status(bench, &before);
        if (r == 0)
                r = latency_measure(&bench->latency, what);
        if (r == 0)
                r = bench_status(bench, &after);
        if (r == 0)
                printf(" %llu | %.2f |\n", (unsigned long long)(after.sweeps - before.sweeps),
                       (double)(after.sweep_cpu_ns - before.sweep_cpu_ns) / 1e3 /
                               (double)((after.sweeps - before.sweeps) * n_tasks));
        fflush(stdout);
        samplers_stop(bench);
        return r;
}

static int bench_size(Bench *bench, size_t n_tasks) {
        machine_wait_idle(MACHINE_IDLE_NS);
        printf("\n%zu tasks, milliseconds from a fork to its subscriber:\n\n"
               "| | median | 99%% | 99.9%% | most | sweeps | us a task |\n|---|---|---|---|---|---|---|\n",
               n_tasks);
        if (latency_measure(&bench->latency, "no client samples") < 0)
                return -1;
        printf(" | |\n");
        fflush(stdout);
        if (bench_samplers(bench, n_tasks, 1, false, "a client samples") < 0)
                return -1;
        return bench_samplers(bench, n_tasks, SAMPLERS_MAX, true, "16 clients, worst filters");
}

static int bench_all(Bench *bench, const size_t *sizes, size_t n_sizes, size_t n_forks) {
        Settings settings;
        Crowd crowd = {};
        int r;

        if (settings_init(&settings) < 0 || crowd_init(&crowd) < 0)
                return -1;
        r = latency_init(&bench->latency, bench->broker.path, n_forks);
        for (size_t i = 0; i < n_sizes && r == 0; ++i) {
                r = settings_allow_tasks(&settings, sizes[i] + LATENCY_TASKS_BESIDES);
                if (r == 0)
                        r = crowd_grow(&crowd, sizes[i], true);
                if (r == 0)
                        r = bench_size(bench, sizes[i]);
        }
        crowd_disperse(&crowd);
        latency_deinit(&bench->latency);
        return settings_restore(&settings) < 0 ? -1 : r;
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
