/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What does it cost to know of very many tasks? Memory, the time to look at all of them, the snapshot, how long anybody
 * else waits for it, and what an event costs when the table is full. Each number of tasks has a broker of its own.
 *
 * No time is judged. Incomplete data is a failure: a snapshot without all tasks, or a lost event.
 * docs/benchmarks.md explains the figures.
 */

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/bench/broker.h"
#include "tests/bench/crew.h"
#include "tests/bench/machine.h"
#include "tests/bench/table_crowd.h"
#include "tests/bench/table_forker.h"
#include "tests/bench/table_growth.h"
#include "tests/bench/table_readers.h"
#include "tests/bench/table_report.h"
#include "tests/bench/table_settings.h"
#include "tests/bench/table_watcher.h"
#include "tests/bench/workload.h"

#define SKIPPED 77

#define N_CLIENTS 1000

#define FORK_INTERVAL_NS (1000000000ull / 500)
#define STORM_NS (400 * 1000000ull)
#define IDLE_MS 3000

/* Tasks of the machine's own, and those that come and go in storms. */
#define TASKS_BESIDES 20000

/* Longer than a snapshot is shared while things happen. */
#define UNSHARED_MS 70

/* How long to wait in all for others to leave the machine alone. */
#define PATIENCE_NS (30 * 1000000000ull)

#define DRAIN_TIMEOUT_NS (10 * 1000000000ull)

static const Level levels[] = {
        { "200 threads", 200, false, false, false },
        { "10,000 threads", 10000, false, true, false },
        { "100,000 threads", 100000, false, false, false },
        { "200,000 threads", 200000, false, false, false },
        { "10,000 processes", 10000, true, false, false },
        { "200 threads, again", 200, false, false, true },
};

#define N_LEVELS (sizeof(levels) / sizeof(*levels))

static const size_t growths[] = { 10000, 100000, 200000 };

#define N_GROWTHS (sizeof(growths) / sizeof(*growths))

typedef struct Bench {
        const char *program;
        size_t n_rounds;
        Settings settings;
        Crowd crowd;
        Broker broker;
        Watch watch;
        Crew storm;
        unsigned int n_disturbed;
        LevelFigures figures[N_LEVELS];
} Bench;

static void sleep_ms(long ms) {
        nanosleep(&(struct timespec){ .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 }, NULL);
}

/* Something happens, so that the next snapshot is not the last one. */
static int happen(void) {
        pid_t pid = fork();

        if (pid == 0)
                _exit(0);
        return pid > 0 && waitpid(pid, NULL, 0) == pid ? 0 : -1;
}

/* Waits for an idle machine, because the activity of others is in every figure. */
static void wait_idle(Bench *bench) {
        static uint64_t waited_ns;
        uint64_t begin = now_ns();

        if (!machine_wait_idle(PATIENCE_NS - waited_ns))
                ++bench->n_disturbed;
        waited_ns += now_ns() - begin;
        if (waited_ns > PATIENCE_NS)
                waited_ns = PATIENCE_NS;
}

static int fail_if_lost(Bench *bench, const char *when) {
        BrokerStatus status;

        if (broker_status(&bench->broker, &status) < 0)
                return -1;
        if (status.lost == 0)
                return 0;
        fprintf(stderr, "bench-table: %lu messages were lost %s\n", status.lost, when);
        return -1;
}

/* While a process forks as fast as it can. */
static int measure_start(Bench *bench, LevelFigures *f) {
        ForkerOptions options = {};
        uint64_t forks, ns;
        BrokerStatus status;
        int r;

        if (crew_start(&bench->storm, 1, forker_main, &options) < 0)
                return -1;
        crew_go(&bench->storm);
        sleep_ms(20);
        forks = __atomic_load_n(&bench->storm.slots->operations, __ATOMIC_RELAXED);
        r = broker_start_timed(&bench->broker, bench->program, &ns);
        f->start_forks = __atomic_load_n(&bench->storm.slots->operations, __ATOMIC_RELAXED) - forks;
        crew_stop(&bench->storm);
        if (r < 0 || fail_if_lost(bench, "while the broker started") < 0)
                return -1;
        f->start_ms = (double)ns / 1e6;

        sleep_ms(300);
        if (broker_status(&bench->broker, &status) < 0)
                return -1;
        f->live_tasks = status.live_tasks;
        f->table_bytes = status.table_bytes;
        f->rss_bytes = broker_memory(&bench->broker, false);
        return 0;
}

/* One client. @ret_made: whether a snapshot was made for it; else it was shared. */
static int take_snapshot(Bench *bench, bool programs, ReadersResult *ret, bool *ret_made, uint64_t *ret_cpu_ns) {
        BrokerStatus before, after;
        Readers readers;
        int r;

        r = readers_connect(&readers, bench->broker.path, 1);
        if (r >= 0)
                r = broker_status(&bench->broker, &before);
        if (r >= 0)
                r = readers_run(&readers, &bench->crowd, programs, ret);
        readers_close(&readers);
        if (r >= 0)
                r = broker_status(&bench->broker, &after);
        if (r < 0)
                return -1;
        *ret_made = after.snapshots > before.snapshots;
        *ret_cpu_ns = after.cpu_ns - before.cpu_ns;
        return 0;
}

static void snapshot_note(SnapshotFigures *figures, const ReadersResult *result, uint64_t cpu_ns) {
        figures->ms[figures->n] = result->max_ms;
        figures->cpu_us[figures->n++] = (double)cpu_ns / 1e3;
}

/* One that is made for a client, and, at once, one that it shares; as far as others leave the table as it is. */
static int measure_snapshots(Bench *bench, LevelFigures *f) {
        for (size_t round = 0; round < bench->n_rounds; ++round) {
                ReadersResult result;
                uint64_t cpu_ns;
                bool made;

                sleep_ms(UNSHARED_MS);
                if (happen() < 0)
                        return -1;
                sleep_ms(UNSHARED_MS);
                if (take_snapshot(bench, false, &result, &made, &cpu_ns) < 0)
                        return -1;
                if (made)
                        snapshot_note(&f->cold, &result, cpu_ns);
                f->snapshot_tasks = result.n_tasks;
                f->snapshot_bytes = result.n_bytes;
                if (take_snapshot(bench, false, &result, &made, &cpu_ns) < 0)
                        return -1;
                if (!made)
                        snapshot_note(&f->shared, &result, cpu_ns);
        }
        return f->cold.n > 0 ? 0 : -1;
}

static int measure_pause_of_one(Bench *bench, LevelFigures *f) {
        ReadersResult result;
        uint64_t cpu_ns;
        bool made;

        if (watch_begin(&bench->watch) < 0)
                return -1;
        for (size_t i = 0; i < 4 * bench->n_rounds; ++i) {
                sleep_ms(UNSHARED_MS);
                if (take_snapshot(bench, false, &result, &made, &cpu_ns) < 0)
                        return -1;
        }
        sleep_ms(UNSHARED_MS);
        return watch_end(&bench->watch, &f->one);
}

static int many_round(Bench *bench, ManyFigures *m) {
        BrokerStatus before, after;
        Readers readers;
        ReadersResult result;
        uint64_t rss = 0;
        int r;

        r = readers_connect(&readers, bench->broker.path, N_CLIENTS);
        if (r >= 0)
                r = broker_status(&bench->broker, &before);
        if (r >= 0) {
                rss = broker_memory(&bench->broker, false);
                r = broker_reset_peak(&bench->broker);
        }
        if (r >= 0)
                r = readers_run(&readers, &bench->crowd, false, &result);
        if (r >= 0)
                r = broker_status(&bench->broker, &after);
        if (r >= 0) {
                m->n_bytes = result.n_bytes;
                m->n_bytes_all = result.n_bytes_all;
                m->ms[m->n] = result.ms;
                m->median_ms[m->n] = result.median_ms;
                m->busy[m->n] = (double)(after.cpu_ns - before.cpu_ns) / 1e6 / result.ms;
                m->snapshots[m->n] = (double)(after.snapshots - before.snapshots);
                m->peak_bytes[m->n++] = (double)(broker_memory(&bench->broker, true) - rss);
        }
        readers_close(&readers);
        return r;
}

/* From their connecting to their going. */
static int measure_many(Bench *bench, LevelFigures *f) {
        f->many.n_clients = N_CLIENTS;
        if (watch_begin(&bench->watch) < 0)
                return -1;
        for (size_t round = 0; round < bench->n_rounds; ++round) {
                sleep_ms(UNSHARED_MS);
                if (many_round(bench, &f->many) < 0)
                        return -1;
        }
        sleep_ms(UNSHARED_MS);
        return watch_end(&bench->watch, &f->many.watch);
}

/* The first who wants to know what processes run waits until it was read for all of them. */
static int measure_programs(Bench *bench, LevelFigures *f) {
        BrokerStatus before, after;
        ReadersResult result;
        uint64_t cpu_ns;
        bool made;

        if (watch_begin(&bench->watch) < 0 || broker_status(&bench->broker, &before) < 0 ||
            take_snapshot(bench, true, &result, &made, &cpu_ns) < 0 || broker_status(&bench->broker, &after) < 0 ||
            watch_end(&bench->watch, &f->programs_watch) < 0)
                return -1;
        f->programs_ms = result.subscribed_ms;
        f->programs = after.programs - before.programs;
        f->programs_cpu_us = (double)cpu_ns / 1e3 / (double)f->programs;
        f->programs_bytes = after.table_bytes - before.table_bytes;
        f->programs_snapshot_bytes = result.n_bytes;
        sleep_ms(UNSHARED_MS);
        if (take_snapshot(bench, true, &result, &made, &cpu_ns) < 0)
                return -1;
        f->programs_known_ms = result.max_ms;
        return 0;
}

static int measure_pauses(Bench *bench, const Level *level, LevelFigures *f) {
        int r;

        r = watch_start(&bench->watch, bench->broker.path, FORK_INTERVAL_NS);
        if (r >= 0) {
                sleep_ms(500);
                r = watch_begin(&bench->watch);
        }
        if (r >= 0) {
                sleep_ms(IDLE_MS);
                r = watch_end(&bench->watch, &f->idle);
        }
        if (r >= 0)
                r = measure_pause_of_one(bench, f);
        if (r >= 0 && level->many)
                r = measure_many(bench, f);
        if (r >= 0 && level->processes)
                r = measure_programs(bench, f);
        return watch_stop(&bench->watch) < 0 ? -1 : r;
}

static int cost_round(Bench *bench, LevelFigures *f) {
        Workload workload = { .kind = WORKLOAD_FORK, .duration_ns = STORM_NS };
        BrokerStatus before, after;
        uint64_t n, begin;
        double rate;

        if (broker_status(&bench->broker, &before) < 0 || workload_run(&workload, &rate, &n) < 0)
                return -1;
        begin = now_ns();
        do {
                sleep_ms(150);
                if (broker_status(&bench->broker, &after) < 0)
                        return -1;
                if (now_ns() - begin > DRAIN_TIMEOUT_NS) {
                        fprintf(stderr, "bench-table: of %lu forks and exits the broker reported %lu\n", 2 * n,
                                after.events - before.events);
                        return -1;
                }
        } while (after.events - before.events < 2 * n);
        f->us_per_event[f->n_rounds++] = (double)(after.cpu_ns - before.cpu_ns) / 1e3 /
                                         (double)(after.connector - before.connector);
        return 0;
}

static int measure_level(Bench *bench, const Level *level, LevelFigures *f) {
        wait_idle(bench);
        if (measure_start(bench, f) < 0)
                return -1;
        wait_idle(bench);
        /* before anybody subscribes: a feed stays for a while */
        for (size_t round = 0; round < bench->n_rounds; ++round) {
                if (cost_round(bench, f) < 0)
                        return -1;
        }
        if (level->cost_only)
                return fail_if_lost(bench, "in storms");
        wait_idle(bench);
        if (measure_snapshots(bench, f) < 0 || measure_pauses(bench, level, f) < 0)
                return -1;
        return fail_if_lost(bench, "in all");
}

/* Whether it can be done here; not, with a word about it, where the machine is too small. */
static bool level_fits(const Bench *bench, const Level *level) {
        size_t n_more = level->n_tasks > bench->crowd.n_tasks ? level->n_tasks - bench->crowd.n_tasks : 0;
        uint64_t needed, available;

        if (crowd_fits(n_more, &needed, &available))
                return true;
        printf("%s: left out: they need %lu MiB, with what is left to others, and the machine has %lu MiB.\n",
               level->name, needed >> 20, available >> 20);
        return false;
}

static int run_level(Bench *bench, size_t i) {
        const Level *level = &levels[i];
        uint64_t begin = now_ns();
        int r;

        if (level->n_tasks < bench->crowd.n_tasks || level->processes)
                crowd_disperse(&bench->crowd);
        if (!level_fits(bench, level))
                return 0;
        if (settings_allow_tasks(&bench->settings, level->n_tasks + TASKS_BESIDES) < 0 ||
            crowd_grow(&bench->crowd, level->n_tasks, level->processes) < 0)
                return -1;
        r = measure_level(bench, level, &bench->figures[i]);
        broker_stop(&bench->broker);
        if (r < 0)
                return -1;
        if (level->processes)
                crowd_disperse(&bench->crowd);
        bench->figures[i].measured = true;
        printf("%s, %.0f s\n", level->name, (double)(now_ns() - begin) / 1e9);
        return 0;
}

/* Prints the cost of the table alone; the rest of a task's cost in the broker is in the levels. */
static int growth_print(void) {
        printf("\nThe table by itself, filled one task after the other, by processor time\n");
        printf("%12s%14s%18s%14s%18s\n", "tasks", "mean us", "longest us", "bytes/thread", "bytes/process");
        for (size_t i = 0; i < N_GROWTHS; ++i) {
                GrowthFigures f;

                if (growth_measure(growths[i], &f) < 0)
                        return -1;
                printf("%12zu%14.3f%18.1f%14.0f%18.0f\n", f.n_tasks, f.mean_us, f.max_us, f.bytes_per_task,
                       f.bytes_per_process);
        }
        return 0;
}

static int usage(FILE *file, int status) {
        fprintf(file,
                "Usage: bench-table [--rounds N] [--level N] TASKBROKERD\n"
                "\n"
                "  --rounds N  how often each thing is measured (5)\n"
                "  --level N   only this number of tasks, 0 to %zu\n",
                N_LEVELS - 1);
        return status;
}

/* A thousand connections and what else there is; the broker inherits it. */
static void descriptors_raise(void) {
        struct rlimit limit;

        if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= 2 * N_CLIENTS)
                return;
        limit.rlim_cur = limit.rlim_max < 2 * N_CLIENTS ? limit.rlim_max : 2 * N_CLIENTS;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
}

int main(int argc, char **argv) {
        static const struct option long_options[] = {
                { "rounds", required_argument, NULL, 'r' },
                { "level", required_argument, NULL, 'l' },
                { "help", no_argument, NULL, 'h' },
                {},
        };
        static Bench bench;
        size_t only = SIZE_MAX;
        int r = 0, c;

        bench.n_rounds = 5;
        while ((c = getopt_long(argc, argv, "r:l:h", long_options, NULL)) >= 0) {
                switch (c) {
                case 'r':
                        bench.n_rounds = strtoul(optarg, NULL, 10);
                        break;
                case 'l':
                        only = strtoul(optarg, NULL, 10);
                        break;
                case 'h':
                        return usage(stdout, 0);
                default:
                        return usage(stderr, 2);
                }
        }
        if (optind + 1 != argc || bench.n_rounds < 1 || bench.n_rounds > ROUNDS_MAX)
                return usage(stderr, 2);
        if (geteuid() != 0) {
                fprintf(stderr, "bench-table: needs root: only root may listen to the kernel, and change its limits\n");
                return SKIPPED;
        }

        setvbuf(stdout, NULL, _IOLBF, 0);
        descriptors_raise();
        bench.program = argv[optind];
        bench.broker = (Broker){ .pid = -1, .fd = -1, .log_fd = -1 };
        crew_init(&bench.storm);
        if (settings_init(&bench.settings) < 0 || crowd_init(&bench.crowd) < 0 || watch_init(&bench.watch) < 0) {
                perror("bench-table");
                return 1;
        }
        for (size_t i = 0; i < N_LEVELS && r >= 0; ++i) {
                if (only != SIZE_MAX && only != i)
                        continue;
                r = run_level(&bench, i);
                if (r < 0)
                        fprintf(stderr, "bench-table: %s: failed\n", levels[i].name);
        }
        crowd_disperse(&bench.crowd);
        if (settings_restore(&bench.settings) < 0 || r < 0)
                return 1;

        printf("\n%zu rounds, medians; %ld processors\n", bench.n_rounds, sysconf(_SC_NPROCESSORS_ONLN));
        if (bench.n_disturbed > 0)
                printf("Others used the machine at the beginning of %u measurements: trust these figures less.\n",
                       bench.n_disturbed);
        table_report_print(levels, bench.figures, N_LEVELS);
        return growth_print() < 0 ? 1 : 0;
}
