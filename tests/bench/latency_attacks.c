/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Whether root waits for a user who takes all that the broker gives: how long after it
 * happened a fork reaches root, who lets none be held back, while nobody else is there,
 * while processes of a user only keep the processors busy, and while as many or more ask
 * the broker for one thing or another as fast as they can.
 *
 *   bench-attack TASKBROKERD ATTACK [--forks N] [--tasks N]
 */

#include <getopt.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/bench/broker.h"
#include "tests/bench/latency.h"
#include "tests/bench/machine.h"
#include "tests/bench/table_crowd.h"

#define N_MEANS_MAX 12
#define ATTACKER "65533"

/* Attacks of tests/e2e/attack.c, each in a process of its own; "spin" is done here. */
static const char *const attacks[][N_MEANS_MAX + 1] = {
        { "spin", "spin", "spin" },
        { "connections", "feeds", "requests" },
        { "readers", "patterns", "subtrees" },
        { "hold", "stats", "samples" },
        { "halves", "sweeps", "snapshots" },
        { "connections", "hold", "feeds", "requests", "patterns", "readers", "halves", "stats", "samples", "subtrees",
          "sweeps", "snapshots" },
};

static pid_t attack_start(const char *program, const char *path, const char *const *means) {
        const char *argv[N_MEANS_MAX + 5] = { program, path, "600", ATTACKER };
        pid_t pid;

        for (size_t i = 0; means[i]; ++i)
                argv[4 + i] = means[i];
        pid = fork();
        if (pid != 0)
                return pid;
        setpgid(0, 0);
        execv(program, (char *const *)argv);
        perror(program);
        _exit(127);
}

static pid_t spin_start(const char *const *means) {
        pid_t pid = fork();

        if (pid != 0)
                return pid;
        setpgid(0, 0);
        for (size_t i = 1; means[i] && fork() > 0; ++i)
                ;
        if (setuid((uid_t)atoi(ATTACKER)) < 0)
                _exit(127);
        for (;;)
                __asm__ volatile("");
}

static int bench_attack(Latency *latency, const char *program, const char *path, const char *const *means) {
        bool spins = strcmp(means[0], "spin") == 0;
        char what[256];
        int n = 0, r = -1;
        pid_t pid;

        for (size_t i = 0; means[i]; ++i)
                n += snprintf(what + n, sizeof(what) - (size_t)n, "%s%s", i > 0 ? ", " : "", means[i]);
        pid = spins ? spin_start(means) : attack_start(program, path, means);
        if (pid < 0)
                return -1;
        (void)setpgid(pid, pid);
        sleep(1);
        if (waitpid(pid, NULL, WNOHANG) == 0)
                r = latency_measure(latency, what);
        printf("\n");
        kill(-pid, SIGKILL);
        waitpid(pid, NULL, 0);
        sleep(1);
        return r;
}

int main(int argc, char **argv) {
        static const struct option table[] = {
                { "forks", required_argument, NULL, 'f' },
                { "tasks", required_argument, NULL, 't' },
                { NULL, 0, NULL, 0 },
        };
        size_t n_forks = 5000, n_tasks = 0;
        Latency latency = {};
        Crowd crowd;
        Broker broker;
        int c, r;

        while ((c = getopt_long(argc, argv, "", table, NULL)) >= 0) {
                unsigned long number = optarg ? strtoul(optarg, NULL, 10) : 0;

                if (c == 'f' && number > 0 && number <= LATENCY_FORKS_MAX)
                        n_forks = number;
                else if (c == 't' && number > 0 && number <= CROWD_PIDS_MAX)
                        n_tasks = number;
                else
                        argc = 0;
        }
        if (argc - optind != 2) {
                fprintf(stderr, "Usage: bench-attack TASKBROKERD ATTACK [--forks N] [--tasks N]\n");
                return 2;
        }

        signal(SIGPIPE, SIG_IGN);
        /* as taskbrokerd.service has it */
        (void)setpriority(PRIO_PROCESS, 0, -5);
        if (broker_start(&broker, argv[optind]) < 0 || chmod(broker.directory, 0755) < 0) {
                fprintf(stderr, "bench-attack: the broker does not start.\n");
                return 1;
        }
        (void)setpriority(PRIO_PROCESS, 0, 0);
        r = crowd_init(&crowd);
        if (r == 0)
                r = crowd_grow(&crowd, n_tasks, true);
        if (r == 0)
                r = latency_init(&latency, broker.path, n_forks);
        machine_wait_idle(MACHINE_IDLE_NS);
        printf("\nMilliseconds from a fork to its subscriber:\n\n"
               "| | median | 99%% | 99.9%% | most |\n|---|---|---|---|---|\n");
        if (r == 0)
                r = latency_measure(&latency, "none");
        printf("\n");
        for (size_t i = 0; i < sizeof(attacks) / sizeof(*attacks) && r == 0; ++i)
                r = bench_attack(&latency, argv[optind + 1], broker.path, attacks[i]);
        crowd_disperse(&crowd);
        latency_deinit(&latency);
        broker_stop(&broker);
        if (r < 0)
                fprintf(stderr, "bench-attack: something failed.\n");
        return r < 0 ? 1 : 0;
}
