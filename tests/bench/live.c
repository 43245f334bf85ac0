/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Measures the cost of a refresh of a live table: processor time of taskbroker's viewers and of
 * the broker's share in it, beside the time of the tools that ask the kernel themselves.
 *
 *   bench-live [--tasks N]... [--viewers N]... [--refreshes N] [--now] TASKBROKERD TASKBROKER
 *
 * Every tool runs in its batch form, with a refresh a second. The other tools run once for
 * one refresh and once for some more; the difference is the cost of the additional refreshes,
 * without the start. Our viewers cost less in a refresh than in their start. So they run on, and
 * are measured for as many seconds once they have settled. All that the broker uses meanwhile
 * counts as their share. All tools look at the same crowd of idle processes, of which a few
 * wake up now and then.
 */

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/bench/broker.h"
#include "tests/bench/machine.h"
#include "tests/bench/table_crowd.h"

#define SIZES_MAX 8
#define VIEWERS_MAX 100
#define ARGUMENTS_MAX 12

/*
 * Until a viewer has taken its first sample, which has every task; all of them do so at
 * once. The broker reads at most 2000 command lines a second.
 */
#define SETTLE_US 3000000u
#define SETTLE_VIEWER_US 100000u
#define SETTLE_TASK_US 600u

/* So many of the crowd are awake ten times a second. */
#define N_AWAKE 20

typedef struct Bench Bench;
typedef struct Cost Cost;
typedef struct Tool Tool;

/* A tool; "%" stands for how many refreshes it is to do. */
struct Tool {
        const char *name;
        const char *package; /* NULL: it is ours */
        const char *arguments[ARGUMENTS_MAX];
};

/* Processor seconds. */
struct Cost {
        double tools;
        double broker;
};

struct Bench {
        const char *taskbrokerd;
        const char *taskbroker;
        size_t sizes[SIZES_MAX];
        size_t n_sizes;
        unsigned int viewers[SIZES_MAX];
        size_t n_viewers;
        unsigned int refreshes;
        bool now; /* do not wait for the machine to be idle */
        Broker broker;
        pid_t awake[N_AWAKE];
};

static const Tool peers[] = {
        {"iotop-c", "iotop-c", {"iotop-c", "-b", "-o", "-d", "1", "-n", "%"}},
        {"iotop", "iotop", {"iotop-py", "-b", "-o", "-d", "1", "-n", "%"}},
        {"atop", "atop", {"atop", "1", "%"}},
        {"top", "procps", {"top", "-b", "-d", "1", "-n", "%"}},
};

static const Tool ours[] = {
        {"taskbroker iotop", NULL, {"taskbroker", "iotop", "-b", "-o", "-d", "1", "-n", "%"}},
        {"taskbroker top", NULL, {"taskbroker", "top", "-b", "-d", "1", "-n", "%"}},
};

static double seconds(const struct timeval *time) { return (double)time->tv_sec + (double)time->tv_usec / 1e6; }

static pid_t bench_spawn(const Bench *bench, const Tool *tool, unsigned int n) {
        char count[16], *arguments[ARGUMENTS_MAX + 1] = {NULL};
        pid_t pid;
        int fd;

        pid = fork();
        if (pid != 0)
                return pid;

        prctl(PR_SET_PDEATHSIG, SIGKILL);
        snprintf(count, sizeof(count), "%u", n);
        for (size_t i = 0; tool->arguments[i]; ++i)
                arguments[i] = (char *)(strcmp(tool->arguments[i], "%") == 0 ? count : tool->arguments[i]);
        fd = open("/dev/null", O_RDWR | O_CLOEXEC);
        dup2(fd, STDIN_FILENO);
        dup2(fd, STDOUT_FILENO);
        dup2(fd, STDERR_FILENO);
        setenv("TASKBROKER_SOCKET", bench->broker.path, 1);
        setenv("TERM", "dumb", 1);
        execvp(tool->package ? arguments[0] : bench->taskbroker, arguments);
        _exit(127);
}

/* Runs it to its end. Returns 0; 1: there is no such program; negative: it failed. */
static int bench_run(const Bench *bench, const Tool *tool, unsigned int n, Cost *ret_cost) {
        struct rusage usage;
        int status;
        pid_t pid;

        pid = bench_spawn(bench, tool, n);
        while (wait4(pid, &status, 0, &usage) < 0)
                if (errno != EINTR)
                        return -1;
        if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
                return 1;

        *ret_cost = (Cost){ .tools = seconds(&usage.ru_utime) + seconds(&usage.ru_stime) };
        return 0;
}

/* Measures the cost of one refresh of a tool that asks the kernel itself. */
static int bench_measure(Bench *bench, const Tool *tool, Cost *ret_cost) {
        Cost one, more;
        int r;

        if (!bench->now)
                machine_wait_idle(MACHINE_IDLE_NS);
        r = bench_run(bench, tool, 1, &one);
        if (r == 0)
                r = bench_run(bench, tool, 1 + bench->refreshes, &more);
        if (r != 0)
                return r;

        ret_cost->tools = (more.tools - one.tools) / bench->refreshes;
        ret_cost->broker = 0;
        return 0;
}

/* Processor seconds of a process so far; negative: it is gone. */
static double process_seconds(pid_t pid) {
        uint64_t ns;

        return machine_process_cpu_ns(pid, &ns) < 0 ? -1 : (double)ns / 1e9;
}

/* Reads the processor time of all viewers and of the broker. Returns false where a viewer has ended. */
static bool bench_look(const Bench *bench, const pid_t *pids, unsigned int n_viewers, Cost *ret_cost) {
        *ret_cost = (Cost){ .broker = process_seconds(bench->broker.pid) };
        for (unsigned int i = 0; i < n_viewers; ++i) {
                double used = process_seconds(pids[i]);

                /* One that was not waited for yet has used nothing more, and is seen by its status. */
                if (used < 0 || waitpid(pids[i], NULL, WNOHANG) != 0)
                        return false;
                ret_cost->tools += used;
        }

        return true;
}

/* Measures the cost of one refresh of @n_viewers viewers, and the broker's cost for them. */
static int bench_measure_ours(Bench *bench,
                              const Tool *tool,
                              size_t n_tasks,
                              unsigned int n_viewers,
                              Cost *ret_cost) {
        pid_t pids[VIEWERS_MAX];
        Cost before, after;
        bool alive;

        for (unsigned int i = 0; i < n_viewers; ++i)
                pids[i] = bench_spawn(bench, tool, 1000000);
        usleep(SETTLE_US + n_viewers * SETTLE_VIEWER_US + (unsigned int)n_tasks * SETTLE_TASK_US);
        if (!bench->now)
                machine_wait_idle(MACHINE_IDLE_NS);
        alive = bench_look(bench, pids, n_viewers, &before);
        sleep(bench->refreshes);
        alive = alive && bench_look(bench, pids, n_viewers, &after);
        for (unsigned int i = 0; i < n_viewers; ++i) {
                kill(pids[i], SIGTERM);
                waitpid(pids[i], NULL, 0);
        }
        if (!alive)
                return -1;

        ret_cost->tools = (after.tools - before.tools) / bench->refreshes;
        ret_cost->broker = (after.broker - before.broker) / bench->refreshes;
        return 0;
}

static void bench_print(const char *name, unsigned int n_viewers, const Cost *cost, double reference) {
        double total = cost->tools + cost->broker;

        printf("| %s | %u | %.1f | %.1f | %.1f |", name, n_viewers, cost->tools * 1e3, cost->broker * 1e3, total * 1e3);
        if (reference > 0)
                printf(" %.3f |\n", total / reference);
        else
                printf(" |\n");
        fflush(stdout);
}

static int bench_size(Bench *bench, size_t n_tasks) {
        double reference = 0;
        Cost cost;
        int r;

        printf("\n%zu tasks, processor milliseconds for each refresh:\n\n"
               "| | viewers | viewers' | broker's | all | of iotop-c |\n|---|---|---|---|---|---|\n",
               n_tasks);
        for (size_t i = 0; i < sizeof(peers) / sizeof(*peers); ++i) {
                r = bench_measure(bench, peers + i, &cost);
                if (r < 0)
                        return r;
                if (r > 0) {
                        printf("| %s | is missing: package %s |\n", peers[i].name, peers[i].package);
                        continue;
                }
                if (i == 0)
                        reference = cost.tools;
                bench_print(peers[i].name, 1, &cost, reference);
        }

        for (size_t i = 0; i < sizeof(ours) / sizeof(*ours); ++i)
                for (size_t j = 0; j < bench->n_viewers; ++j) {
                        if (bench_measure_ours(bench, ours + i, n_tasks, bench->viewers[j], &cost) != 0)
                                return -1;
                        bench_print(ours[i].name, bench->viewers[j], &cost, reference);
                }

        return 0;
}

static void awake_main(void) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        prctl(PR_SET_NAME, "awake");
        for (;;)
                usleep(100000);
}

static void bench_wake(Bench *bench) {
        for (size_t i = 0; i < N_AWAKE; ++i) {
                bench->awake[i] = fork();
                if (bench->awake[i] == 0)
                        awake_main();
        }
}

static void bench_sleep(const Bench *bench) {
        for (size_t i = 0; i < N_AWAKE; ++i)
                if (bench->awake[i] > 0) {
                        kill(bench->awake[i], SIGKILL);
                        waitpid(bench->awake[i], NULL, 0);
                }
}

static int bench_all(Bench *bench) {
        uint64_t needed, available;
        Crowd crowd;
        int r = 0;

        if (crowd_init(&crowd) < 0)
                return -1;
        bench_wake(bench);
        for (size_t i = 0; i < bench->n_sizes && r == 0; ++i) {
                if (!crowd_fits(bench->sizes[i], &needed, &available)) {
                        printf("\n%zu tasks: this machine has not the memory.\n", bench->sizes[i]);
                        continue;
                }
                r = crowd_grow(&crowd, bench->sizes[i], true);
                if (r < 0)
                        fprintf(stderr, "bench-live: this machine makes no %zu processes.\n", bench->sizes[i]);
                else
                        r = bench_size(bench, bench->sizes[i]);
        }
        crowd_disperse(&crowd);
        bench_sleep(bench);

        return r;
}

static int bench_options(Bench *bench, int argc, char **argv) {
        static const struct option table[] = {
                {"now", no_argument, NULL, 'n'},
                {"refreshes", required_argument, NULL, 'r'},
                {"tasks", required_argument, NULL, 't'},
                {"viewers", required_argument, NULL, 'v'},
                {NULL, 0, NULL, 0},
        };
        int c;

        while ((c = getopt_long(argc, argv, "", table, NULL)) >= 0) {
                unsigned long number = optarg ? strtoul(optarg, NULL, 10) : 0;

                if (c == 'n') {
                        bench->now = true;
                        continue;
                }
                if (number == 0)
                        return -1;
                if (c == 'r')
                        bench->refreshes = (unsigned int)number;
                else if (c == 't' && bench->n_sizes < SIZES_MAX && number <= CROWD_TASKS_MAX)
                        bench->sizes[bench->n_sizes++] = number;
                else if (c == 'v' && bench->n_viewers < SIZES_MAX && number <= VIEWERS_MAX)
                        bench->viewers[bench->n_viewers++] = (unsigned int)number;
                else
                        return -1;
        }
        if (argc - optind != 2)
                return -1;

        bench->taskbrokerd = argv[optind];
        bench->taskbroker = argv[optind + 1];
        return 0;
}

int main(int argc, char **argv) {
        static const size_t sizes[] = {1000, 10000, 30000};
        static const unsigned int viewers[] = {1, 10, 50};
        Bench bench = {.refreshes = 5};
        int r;

        if (bench_options(&bench, argc, argv) < 0) {
                fprintf(stderr, "Usage: bench-live [--tasks N]... [--viewers N]... [--refreshes N] [--now] TASKBROKERD "
                                "TASKBROKER\n");
                return 2;
        }
        if (!bench.n_sizes) {
                memcpy(bench.sizes, sizes, sizeof(sizes));
                bench.n_sizes = sizeof(sizes) / sizeof(*sizes);
        }
        if (!bench.n_viewers) {
                memcpy(bench.viewers, viewers, sizeof(viewers));
                bench.n_viewers = sizeof(viewers) / sizeof(*viewers);
        }

        signal(SIGPIPE, SIG_IGN);
        if (broker_start(&bench.broker, bench.taskbrokerd) < 0) {
                fprintf(stderr, "bench-live: the broker does not start.\n");
                return 1;
        }
        r = bench_all(&bench);
        broker_stop(&bench.broker);
        if (r < 0)
                fprintf(stderr, "bench-live: a program failed.\n");

        return r < 0 ? 1 : 0;
}
