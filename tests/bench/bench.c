/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Measures what it costs to follow every task: the rate at which a machine forks
 * (or makes threads) without a listener, while processes listen to the kernel
 * each for itself, and while they listen to a broker. The cases take turns, round
 * by round, so that a slow minute of the machine slows all of them.
 *
 * A ratio is a rate divided by the rate with nobody listening in the same
 * round; the table has medians over the rounds. docs/benchmarks.md explains it.
 */

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "tests/bench/broker.h"
#include "tests/bench/crew.h"
#include "tests/bench/listener.h"
#include "tests/bench/machine.h"
#include "tests/bench/report.h"
#include "tests/bench/subscriber.h"
#include "tests/bench/workload.h"

#define SKIPPED 77

/* How long events may be under way after the load has ended, until a run counts as failed. */
#define DRAIN_TIMEOUT_NS (10 * 1000000000ull)

/* How long to wait in all, and to measure again, for others to leave the machine alone. */
#define PATIENCE_NS (60 * 1000000000ull)

static const Scenario scenarios[] = {
        { "no listener", AUDIENCE_NONE, 0, false, false, 0 },
        { "1 direct listener", AUDIENCE_DIRECT, 1, false, false, 0 },
        { "1 direct listener, recvmmsg", AUDIENCE_DIRECT, 1, true, false, 0 },
        { "1 direct listener, recvmmsg, 10 ms", AUDIENCE_DIRECT, 1, true, false, 10 },
        { "10 direct listeners", AUDIENCE_DIRECT, 10, false, false, 0 },
        { "10 direct listeners, recvmmsg", AUDIENCE_DIRECT, 10, true, false, 0 },
        { "broker, no subscriber", AUDIENCE_BROKER, 0, false, false, 0 },
        { "broker, 1 subscriber", AUDIENCE_BROKER, 1, false, false, 100 },
        { "broker, 10 subscribers", AUDIENCE_BROKER, 10, false, false, 100 },
        { "broker, 50 subscribers", AUDIENCE_BROKER, 50, false, false, 100 },
        { "broker, 1 subscriber, 0 ms", AUDIENCE_BROKER, 1, false, false, 0 },
        { "broker, 10 subscribers, 0 ms", AUDIENCE_BROKER, 10, false, false, 0 },
        { "broker, 50 subscribers, 0 ms", AUDIENCE_BROKER, 50, false, false, 0 },
        { "broker, 1 subscriber, forks only", AUDIENCE_BROKER, 1, false, true, 100 },
        { "broker, 50 subscribers, forks only", AUDIENCE_BROKER, 50, false, true, 100 },
};

#define N_SCENARIOS (sizeof(scenarios) / sizeof(*scenarios))

static const Load loads[] = {
        { "fork loop", WORKLOAD_FORK, false },
        { "fork loop, workers pinned", WORKLOAD_FORK, true },
        { "thread loop", WORKLOAD_THREAD, false },
        { "thread loop, workers pinned", WORKLOAD_THREAD, true },
};

#define N_LOADS (sizeof(loads) / sizeof(*loads))

typedef struct Options {
        size_t n_rounds;
        size_t milliseconds;
        size_t only;            /* the one load to measure; SIZE_MAX: all */
        bool force;
        const char *program;
} Options;

static Measurement measurements[N_LOADS][N_SCENARIOS * ROUNDS_MAX];
static unsigned int n_disturbed;
static Crew crew;

static int run_direct(const Scenario *scenario, const Workload *workload, Measurement *ret) {
        const struct timespec settle = { .tv_nsec = 100000000 };
        ListenerOptions options = { .batched = scenario->batched, .pause_ms = scenario->delay_ms };
        int r;

        if (crew_start(&crew, scenario->n, listener_main, &options) < 0)
                return -1;
        crew_go(&crew);
        r = workload_run(workload, &ret->rate, &ret->operations);
        nanosleep(&settle, NULL);
        crew_stop(&crew);
        for (size_t i = 0; i < scenario->n; ++i) {
                const CrewSlot *slot = &crew.slots[i];
                double cpu_us = (double)slot->cpu_ns / 1e3 / (double)scenario->n;

                ret->us_per_event += cpu_us / (double)slot->events;
                ret->us_per_datagram += cpu_us / (double)(slot->events + slot->records);
                ret->lost += slot->lost;
                if (slot->events + slot->lost < ret->operations * 2) {
                        fprintf(stderr, "bench: a direct listener missed forks or exits: did a process silence the "
                                        "connector?\n");
                        return -1;
                }
        }
        return r;
}

/* Returns whether all subscribers have got every event that the broker has sent. */
static bool crew_is_level(size_t n, uint64_t n_events, const uint64_t *before) {
        for (size_t i = 0; i < n; ++i) {
                const volatile CrewSlot *slot = &crew.slots[i];

                if (slot->events + slot->lost - before[i] < n_events)
                        return false;
                if (slot->next_number != ((volatile CrewSlot *)crew.slots)->next_number)
                        return false;
        }
        return true;
}

static int measure_broker(Broker *broker, const Scenario *scenario, const Workload *workload, Measurement *ret) {
        const struct timespec pause = { .tv_nsec = 20000000 };
        uint64_t before_events[CREW_MAX] = {}, before_bytes, before_reads, n_events, begin, end;
        BrokerStatus before, after;

        if (broker_status(broker, &before) < 0)
                return -1;
        for (size_t i = 0; i < scenario->n; ++i)
                before_events[i] = ((volatile CrewSlot *)crew.slots)[i].events;
        before_bytes = crew.slots[0].bytes;
        before_reads = crew.slots[0].reads;

        begin = now_ns();
        if (workload_run(workload, &ret->rate, &ret->operations) < 0)
                return -1;
        end = now_ns();

        /* every operation is a fork and an exit; a few events more are the workers' own */
        n_events = scenario->forks_only ? ret->operations : 2 * ret->operations;
        for (;;) {
                nanosleep(&pause, NULL);
                if (broker_status(broker, &after) < 0)
                        return -1;
                if (after.events - before.events >= 2 * ret->operations &&
                    crew_is_level(scenario->n, n_events, before_events))
                        break;
                if (now_ns() - end > DRAIN_TIMEOUT_NS) {
                        fprintf(stderr, "bench: %s: events are missing\n", scenario->name);
                        return -1;
                }
        }

        ret->lost = after.lost - before.lost;
        for (size_t i = 0; i < scenario->n; ++i)
                ret->lost += crew.slots[i].lost;
        ret->cpu_share = (double)(after.cpu_ns - before.cpu_ns) / (double)(end - begin);
        ret->us_per_event = (double)(after.cpu_ns - before.cpu_ns) / 1e3 / (double)(after.connector - before.connector);
        ret->us_per_datagram = (double)(after.cpu_ns - before.cpu_ns) / 1e3 /
                               (double)(after.connector - before.connector + after.taskstats - before.taskstats);
        if (scenario->n > 0) {
                double events = (double)(crew.slots[0].events - before_events[0]);

                ret->bytes_per_event = (double)(crew.slots[0].bytes - before_bytes) / events;
                ret->events_per_read = events / (double)(crew.slots[0].reads - before_reads);
        }
        return 0;
}

static int run_broker(const char *program, const Scenario *scenario, const Workload *workload, Measurement *ret) {
        const struct timespec settle = { .tv_nsec = 150000000 };
        SubscriberOptions options = {
                .max_delay_ms = scenario->delay_ms,
                .forks_only = scenario->forks_only,
        };
        Broker broker;
        int r;

        r = broker_start(&broker, program);
        if (r >= 0) {
                options.path = broker.path;
                r = crew_start(&crew, scenario->n, subscriber_main, &options);
        }
        if (r >= 0) {
                crew_go(&crew);
                /* the subscribers' own forks are still on their way */
                nanosleep(&settle, NULL);
                r = measure_broker(&broker, scenario, workload, ret);
                crew_stop(&crew);
        }
        broker_stop(&broker);
        return r;
}

static int run(const char *program, const Scenario *scenario, const Workload *workload, Measurement *ret) {
        *ret = (Measurement){};
        switch (scenario->audience) {
        case AUDIENCE_DIRECT:
                return run_direct(scenario, workload, ret);
        case AUDIENCE_BROKER:
                return run_broker(program, scenario, workload, ret);
        default:
                return workload_run(workload, &ret->rate, &ret->operations);
        }
}

/*
 * Measures while no other program uses the machine, if possible: waits for the machine
 * to be idle, and measures again if others forked meanwhile. PATIENCE_NS bounds the
 * time of all waits and repetitions together.
 */
static int run_undisturbed(const char *program, const Scenario *scenario, const Workload *workload, Measurement *ret) {
        static uint64_t waited_ns;

        for (;;) {
                uint64_t begin = now_ns(), forks;
                bool idle = machine_wait_idle(PATIENCE_NS - waited_ns);
                int r;

                forks = machine_forks();
                r = run(program, scenario, workload, ret);
                forks = machine_forks() - forks;
                if (r < 0 || (idle && forks <= ret->operations + ret->operations / 20 + CREW_MAX))
                        return r;
                waited_ns += now_ns() - begin;
                if (waited_ns >= PATIENCE_NS) {
                        waited_ns = PATIENCE_NS;
                        ++n_disturbed;
                        return 0;
                }
        }
}

static int usage(FILE *file, int status) {
        fprintf(file,
                "Usage: bench [--rounds N] [--milliseconds N] [--load N] [--force] TASKBROKERD\n"
                "\n"
                "  --rounds N        how often everything is measured in turn (5)\n"
                "  --milliseconds N  how long each load runs (400)\n"
                "  --load N          only this load, 0 to %zu\n"
                "  --force           continue although a process listens to the kernel already\n",
                N_LOADS - 1);
        return status;
}

/* Returns 0; negative: the arguments are wrong; positive: help was asked for. */
static int options_parse(Options *options, int argc, char **argv) {
        static const struct option long_options[] = {
                { "rounds", required_argument, NULL, 'r' },
                { "milliseconds", required_argument, NULL, 'm' },
                { "load", required_argument, NULL, 'l' },
                { "force", no_argument, NULL, 'f' },
                { "help", no_argument, NULL, 'h' },
                {},
        };
        int c;

        while ((c = getopt_long(argc, argv, "r:m:l:fh", long_options, NULL)) >= 0) {
                switch (c) {
                case 'r':
                        options->n_rounds = strtoul(optarg, NULL, 10);
                        break;
                case 'm':
                        options->milliseconds = strtoul(optarg, NULL, 10);
                        break;
                case 'l':
                        options->only = strtoul(optarg, NULL, 10);
                        break;
                case 'f':
                        options->force = true;
                        break;
                case 'h':
                        return 1;
                default:
                        return -1;
                }
        }
        if (optind + 1 != argc || options->n_rounds < 1 || options->n_rounds > ROUNDS_MAX || options->milliseconds < 1)
                return -1;
        options->program = argv[optind];
        return 0;
}

static bool can_measure(const Options *options) {
        if (geteuid() != 0) {
                fprintf(stderr, "bench: needs root: only root may listen to the kernel\n");
                return false;
        }
        if (listener_others_present() && !options->force) {
                fprintf(stderr,
                        "bench: a process on this machine listens to the kernel's proc connector already: the case "
                        "\"no listener\" cannot be measured; stop it (taskbrokerd? see /proc/net/netlink), or use "
                        "--force\n");
                return false;
        }
        return true;
}

/* Shows whether the broker works. Its start also restores a connector that a process has silenced. */
static int broker_try(const char *program) {
        Broker broker;
        int r = broker_start(&broker, program);

        broker_stop(&broker);
        return r;
}

static int round_run(const Options *options, size_t round) {
        for (size_t l = 0; l < N_LOADS; ++l) {
                Workload workload = {
                        .kind = loads[l].kind,
                        .pinned = loads[l].pinned,
                        .duration_ns = options->milliseconds * 1000000ull,
                };

                for (size_t s = 0; s < N_SCENARIOS && (options->only == SIZE_MAX || options->only == l); ++s) {
                        if (run_undisturbed(options->program, &scenarios[s], &workload,
                                            &measurements[l][s * ROUNDS_MAX + round]) < 0) {
                                fprintf(stderr, "bench: %s, %s: failed\n", loads[l].name, scenarios[s].name);
                                return -1;
                        }
                }
        }
        return 0;
}

static void results_print(const Options *options) {
        printf("\n%zu rounds of %zu ms, medians; %ld processors\n",
               options->n_rounds,
               options->milliseconds,
               sysconf(_SC_NPROCESSORS_ONLN));
        if (n_disturbed > 0)
                printf("Others used the machine during %u measurements: trust these figures less.\n", n_disturbed);
        for (size_t l = 0; l < N_LOADS; ++l) {
                if (options->only == SIZE_MAX || options->only == l)
                        report_print(&loads[l], scenarios, N_SCENARIOS, measurements[l], options->n_rounds);
        }
}

int main(int argc, char **argv) {
        Options options = { .n_rounds = 5, .milliseconds = 400, .only = SIZE_MAX };
        uint64_t begin = now_ns();
        int r;

        r = options_parse(&options, argc, argv);
        if (r != 0)
                return r > 0 ? usage(stdout, 0) : usage(stderr, 2);
        if (!can_measure(&options))
                return SKIPPED;

        setvbuf(stdout, NULL, _IOLBF, 0);
        crew_init(&crew);
        if (broker_try(options.program) < 0)
                return 1;

        for (size_t round = 0; round < options.n_rounds; ++round) {
                if (round_run(&options, round) < 0)
                        return 1;
                printf("round %zu of %zu, %.0f s\n", round + 1, options.n_rounds, (double)(now_ns() - begin) / 1e9);
        }
        results_print(&options);
        return 0;
}
