/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Whether root and another user wait for users who take all that the broker gives: how long
 * after it happened a fork reaches them, who let none be held back, while nobody else is there,
 * while processes of a user only keep the processors busy, and while as many or more ask
 * the broker for one thing or another as fast as they can. Then ten processes of one user do
 * the same attack, each attack in turn, and thirty users do them all.
 *
 *   bench-attack TASKBROKERD ATTACK [--forks N] [--tasks N] [--first N] [--count N]
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
#include "tests/bench/table_settings.h"

#define N_MEANS_MAX 39
#define ATTACKER "65533"
#define ATTACKERS "64000+30"
#define WATCHER 54000

#define ALL                                                                                                            \
        "connections", "hold", "feeds", "requests", "patterns", "readers", "halves", "stats", "samples", "subtrees",   \
                "sweeps", "snapshots", "streams"
#define TEN(name) name, name, name, name, name, name, name, name, name, name

typedef struct Attack {
        const char *name;
        const char *users;
        const char *means[N_MEANS_MAX + 1];
} Attack;

/* Attacks of tests/e2e/attack.c, each in a process of its own; "spin" is done here. */
static const Attack attacks[] = {
        { "spin, three times", ATTACKER, { "spin", "spin", "spin" } },
        { "connections, feeds, requests", ATTACKER, { "connections", "feeds", "requests" } },
        { "readers, patterns, subtrees", ATTACKER, { "readers", "patterns", "subtrees" } },
        { "hold, stats, samples", ATTACKER, { "hold", "stats", "samples" } },
        { "halves, sweeps, snapshots", ATTACKER, { "halves", "sweeps", "snapshots" } },
        { "all thirteen at once", ATTACKER, { ALL } },
        { "spin, ten times", ATTACKER, { TEN("spin") } },
        { "ten times connections", ATTACKER, { TEN("connections") } },
        { "ten times hold", ATTACKER, { TEN("hold") } },
        { "ten times feeds", ATTACKER, { TEN("feeds") } },
        { "ten times requests", ATTACKER, { TEN("requests") } },
        { "ten times patterns", ATTACKER, { TEN("patterns") } },
        { "ten times readers", ATTACKER, { TEN("readers") } },
        { "ten times halves", ATTACKER, { TEN("halves") } },
        { "ten times stats", ATTACKER, { TEN("stats") } },
        { "ten times samples", ATTACKER, { TEN("samples") } },
        { "ten times subtrees", ATTACKER, { TEN("subtrees") } },
        { "ten times sweeps", ATTACKER, { TEN("sweeps") } },
        { "ten times snapshots", ATTACKER, { TEN("snapshots") } },
        { "ten times streams", ATTACKER, { TEN("streams") } },
        { "thirty users, all three times", ATTACKERS, { ALL, ALL, ALL } },
};

#define N_ATTACKS (sizeof(attacks) / sizeof(*attacks))

static pid_t attack_start(const char *program, const char *path, const Attack *attack) {
        const char *argv[N_MEANS_MAX + 5] = { program, path, "600", attack->users };
        pid_t pid;

        for (size_t i = 0; attack->means[i]; ++i)
                argv[4 + i] = attack->means[i];
        pid = fork();
        if (pid != 0)
                return pid;
        setpgid(0, 0);
        latency_become_ordinary();
        execv(program, (char *const *)argv);
        perror(program);
        _exit(127);
}

static pid_t spin_start(const char *const *means) {
        pid_t pid = fork();

        if (pid != 0)
                return pid;
        setpgid(0, 0);
        latency_become_ordinary();
        for (size_t i = 1; means[i] && fork() > 0; ++i)
                ;
        if (setuid((uid_t)atoi(ATTACKER)) < 0)
                _exit(127);
        for (;;)
                __asm__ volatile("");
}

static int bench_attack(Latency *latency, const char *program, const char *path, const Attack *attack) {
        bool spins = strcmp(attack->means[0], "spin") == 0;
        int r = -1;
        pid_t pid;

        pid = spins ? spin_start(attack->means) : attack_start(program, path, attack);
        if (pid < 0)
                return -1;
        (void)setpgid(pid, pid);
        sleep(1);
        if (waitpid(pid, NULL, WNOHANG) == 0)
                r = latency_measure(latency, attack->name);
        printf("\n");
        kill(-pid, SIGKILL);
        waitpid(pid, NULL, 0);
        sleep(1);
        return r;
}

typedef struct Options {
        size_t n_forks, n_tasks;
        size_t first, count;    /* the attacks */
} Options;

static bool options_parse(Options *options, int argc, char **argv) {
        static const struct option table[] = {
                { "forks", required_argument, NULL, 'f' },
                { "tasks", required_argument, NULL, 't' },
                { "first", required_argument, NULL, 'i' },
                { "count", required_argument, NULL, 'n' },
                { NULL, 0, NULL, 0 },
        };
        int c;

        while ((c = getopt_long(argc, argv, "", table, NULL)) >= 0) {
                unsigned long number = optarg ? strtoul(optarg, NULL, 10) : 0;

                if (c == 'f' && number > 0 && number <= LATENCY_FORKS_MAX)
                        options->n_forks = number;
                else if (c == 't' && number > 0 && number <= CROWD_PIDS_MAX)
                        options->n_tasks = number;
                else if (c == 'i' && number < N_ATTACKS)
                        options->first = number;
                else if (c == 'n' && number > 0)
                        options->count = number;
                else
                        return false;
        }
        return argc - optind == 2;
}

int main(int argc, char **argv) {
        Options options = { .n_forks = 5000, .count = N_ATTACKS };
        Latency latency = {};
        Settings settings;
        Crowd crowd = {};
        Broker broker;
        int r;

        if (!options_parse(&options, argc, argv)) {
                fprintf(stderr,
                        "Usage: bench-attack TASKBROKERD ATTACK [--forks N] [--tasks N] [--first N] [--count N]\n");
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
        r = settings_init(&settings);
        if (r == 0)
                r = settings_allow_tasks(&settings, options.n_tasks + LATENCY_TASKS_BESIDES);
        if (r == 0)
                r = crowd_init(&crowd);
        if (r == 0)
                r = crowd_grow(&crowd, options.n_tasks, true);
        if (r == 0)
                r = latency_init(&latency, broker.path, options.n_forks);
        if (r == 0)
                r = latency_add_user(&latency, broker.path, WATCHER);
        machine_wait_idle(MACHINE_IDLE_NS);
        printf("\nMilliseconds from a fork to its subscriber:\n\n"
               "| | median | 99%% | 99.9%% | most |\n|---|---|---|---|---|\n");
        if (r == 0)
                r = latency_measure(&latency, "none");
        printf("\n");
        for (size_t i = options.first; i < N_ATTACKS && i - options.first < options.count && r == 0; ++i)
                r = bench_attack(&latency, argv[optind + 1], broker.path, &attacks[i]);
        crowd_disperse(&crowd);
        latency_deinit(&latency);
        broker_stop(&broker);
        if (settings_restore(&settings) < 0)
                r = -1;
        if (r < 0)
                fprintf(stderr, "bench-attack: something failed.\n");
        return r < 0 ? 1 : 0;
}
