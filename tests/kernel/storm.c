/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Makes tasks at full speed, of a known number, and writes down each of them.
 *
 *         storm MODE --truth FILE [--count N] [--workers W] [--threads M]
 *               [--comm NAME] [--helper PATH] [--window K] [--hold]
 *
 * fork:   N processes by fork(2), which end at once with a code of their own.
 * exec:   N processes by vfork(2) and execve(2) of the helper.
 * spawn:  N processes by posix_spawn(3) of the helper.
 * thread: N threads in processes of M threads each.
 *
 * W workers share the work. A worker has up to K children (or a process K
 * threads) alive; with --hold all threads of a process are alive together before
 * the first of them may end. All workers and their children are called NAME, and
 * so are the helper's processes if its path ends so.
 *
 * Exit codes count up with the sequence, modulo 256. The truth is written when
 * all is done: a worker's records in the order in which it made its children,
 * which is the order in which the kernel reported their forks. The workers
 * themselves are not in it.
 */

#include <errno.h>
#include <getopt.h>
#include <linux/futex.h>
#include <sched.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/kernel/truth.h"

#define STACK_SIZE (16u * 1024u)

enum Mode {
        MODE_FORK,
        MODE_EXEC,
        MODE_SPAWN,
        MODE_THREAD,
};

typedef struct Storm {
        enum Mode mode;
        uint32_t n_count;
        uint32_t n_workers;
        uint32_t n_threads;
        uint32_t n_window;
        bool hold;
        const char *comm;
        const char *helper;
        const char *truth;
        struct TruthRecord *records;    /* shared by all processes of the storm */
        size_t n_records;
} Storm;

/* Where a thread of the group process lives; its stack is reused when `alive` is 0 again. */
typedef struct Seat {
        uint32_t alive;
        uint32_t code;
        uint32_t *gate;
} Seat;

extern char **environ;

static void die(const char *what) {
        perror(what);
        _exit(1);
}

static void *memory_map(size_t size) {
        void *p;

        p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (p == MAP_FAILED)
                die("mmap");
        return p;
}

static void futex_wait(uint32_t *word, uint32_t value) {
        syscall(SYS_futex, word, FUTEX_WAIT, value, NULL, NULL, 0);
}

/* Waits for one child of those in @records and writes down how it ended. */
static void child_reap(struct TruthRecord *records, size_t n_records) {
        struct rusage usage;
        int status;
        pid_t pid;

        do
                pid = wait4(-1, &status, 0, &usage);
        while (pid < 0 && errno == EINTR);
        if (pid < 0)
                die("wait4");

        /* all of @records were alive or zombies together, so that each pid is there once */
        for (size_t i = 0; i < n_records; ++i)
                if (records[i].pid == (uint32_t)pid) {
                        records[i].status = (uint32_t)status;
                        records[i].cpu_us = (uint64_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000u +
                                            (uint64_t)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
                        return;
                }
        fprintf(stderr, "storm: waited for %d, which it never made\n", (int)pid);
        _exit(1);
}

static pid_t child_exec(Storm *storm, uint32_t code) {
        char text[16];
        char *argv[] = { (char *)storm->comm, text, NULL };
        pid_t pid;

        snprintf(text, sizeof(text), "%u", code);
        if (storm->mode == MODE_SPAWN) {
                int r = posix_spawn(&pid, storm->helper, NULL, NULL, argv, environ);

                if (r) {
                        errno = r;
                        return -1;
                }
                return pid;
        }

        pid = vfork();
        if (pid == 0) {
                execve(storm->helper, argv, environ);
                _exit(255);
        }
        return pid;
}

static int thread_main(void *userdata) {
        Seat *seat = userdata;

        /* the maker's TLS is this thread's too: nothing but bare system calls here */
        while (seat->gate && __atomic_load_n(seat->gate, __ATOMIC_ACQUIRE) == 0)
                futex_wait(seat->gate, 0);
        syscall(SYS_exit, seat->code);
        return 0;
}

static void seat_wait(Seat *seat) {
        uint32_t alive;

        while ((alive = __atomic_load_n(&seat->alive, __ATOMIC_ACQUIRE)) != 0)
                futex_wait(&seat->alive, alive);
}

/* The process that @n_threads threads live in; never returns. @records are theirs. */
static void group_run(Storm *storm, struct TruthRecord *records, uint32_t n_threads, uint32_t code) {
        uint32_t gate = 0, n_seats = storm->hold ? n_threads : storm->n_window;
        Seat *seats;
        char *stacks;

        if (n_seats > n_threads)
                n_seats = n_threads;
        seats = memory_map(n_seats * sizeof(*seats));
        stacks = memory_map((size_t)n_seats * STACK_SIZE);

        for (uint32_t i = 0; i < n_threads; ++i) {
                Seat *seat = &seats[i % n_seats];

                seat_wait(seat);
                seat->alive = 1;
                seat->code = i % 256;
                seat->gate = storm->hold ? &gate : NULL;
                records[i].maker = (uint32_t)getpid();
                records[i].sequence = i;
                records[i].type = TRUTH_THREAD;
                records[i].pid = (uint32_t)getpid();
                records[i].status = seat->code << 8;
                while (clone(thread_main,
                             stacks + ((size_t)(i % n_seats) + 1) * STACK_SIZE,
                             CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM |
                                             CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID,
                             seat,
                             &records[i].tid,
                             NULL,
                             &seat->alive) < 0) {
                        if (errno != EAGAIN)
                                die("clone");
                        usleep(1000);
                }
        }

        __atomic_store_n(&gate, 1, __ATOMIC_RELEASE);
        syscall(SYS_futex, &gate, FUTEX_WAKE, INT32_MAX, NULL, NULL, 0);
        for (uint32_t i = 0; i < n_seats; ++i)
                seat_wait(&seats[i]);
        _exit((int)code);
}

/* Makes one process and its record; threads' records follow it. */
static void child_make(Storm *storm, struct TruthRecord *record, uint32_t sequence, uint32_t n_threads) {
        uint32_t code = sequence % 256;
        pid_t pid;

        for (;;) {
                if (storm->mode == MODE_EXEC || storm->mode == MODE_SPAWN)
                        pid = child_exec(storm, code);
                else
                        pid = fork();
                if (pid >= 0)
                        break;
                if (errno != EAGAIN)
                        die("fork");
                usleep(1000);
        }
        if (pid == 0) {
                if (storm->mode == MODE_THREAD)
                        group_run(storm, record + 1, n_threads, code);
                _exit((int)code);
        }

        record->maker = (uint32_t)getpid();
        record->sequence = sequence;
        record->type = TRUTH_PROCESS;
        record->pid = (uint32_t)pid;
        record->tid = (uint32_t)pid;
}

static void worker_run(Storm *storm, struct TruthRecord *records, uint32_t n_count) {
        uint32_t sequence = 0;

        if (storm->mode == MODE_THREAD) {
                for (uint32_t made = 0; made < n_count;) {
                        uint32_t n = n_count - made < storm->n_threads ? n_count - made : storm->n_threads;

                        child_make(storm, records, sequence++, n);
                        child_reap(records, 1);
                        records += 1 + n;
                        made += n;
                }
                return;
        }

        while (sequence < n_count) {
                uint32_t begin = sequence;

                for (; sequence < n_count && sequence - begin < storm->n_window; ++sequence)
                        child_make(storm, &records[sequence], sequence, 0);
                for (uint32_t i = begin; i < sequence; ++i)
                        child_reap(&records[begin], sequence - begin);
        }
}

static uint32_t records_of(const Storm *storm, uint32_t n_count) {
        if (storm->mode != MODE_THREAD)
                return n_count;
        return n_count + (n_count + storm->n_threads - 1) / storm->n_threads;
}

static uint32_t share_of(const Storm *storm, uint32_t worker) {
        return storm->n_count / storm->n_workers + (worker < storm->n_count % storm->n_workers);
}

static void storm_run(Storm *storm) {
        struct TruthRecord *records;
        FILE *f;

        for (uint32_t i = 0; i < storm->n_workers; ++i)
                storm->n_records += records_of(storm, share_of(storm, i));
        storm->records = memory_map((storm->n_records + 1) * sizeof(*storm->records));

        records = storm->records;
        for (uint32_t i = 0; i < storm->n_workers; ++i) {
                pid_t pid = fork();

                if (pid < 0)
                        die("fork");
                if (pid == 0) {
                        prctl(PR_SET_NAME, storm->comm);
                        worker_run(storm, records, share_of(storm, i));
                        _exit(0);
                }
                records += records_of(storm, share_of(storm, i));
        }
        for (uint32_t i = 0; i < storm->n_workers; ++i) {
                int status;

                if (wait(&status) < 0 || status != 0)
                        die("a worker failed");
        }

        f = fopen(storm->truth, "wb");
        if (!f || fwrite(storm->records, sizeof(*storm->records), storm->n_records, f) != storm->n_records ||
            fclose(f))
                die(storm->truth);
}

int main(int argc, char **argv) {
        static const struct option options[] = {
                { "count", required_argument, NULL, 'n' },
                { "workers", required_argument, NULL, 'w' },
                { "threads", required_argument, NULL, 't' },
                { "window", required_argument, NULL, 'k' },
                { "comm", required_argument, NULL, 'c' },
                { "helper", required_argument, NULL, 'e' },
                { "truth", required_argument, NULL, 'o' },
                { "hold", no_argument, NULL, 'h' },
                { 0 },
        };
        static const char *const modes[] = { "fork", "exec", "spawn", "thread" };
        Storm storm = { .n_count = 1, .n_workers = 1, .n_threads = 1000, .n_window = 8, .comm = "storm" };
        int c, mode = -1;

        while ((c = getopt_long(argc, argv, "", options, NULL)) >= 0) {
                switch (c) {
                case 'n': storm.n_count = (uint32_t)atoi(optarg); break;
                case 'w': storm.n_workers = (uint32_t)atoi(optarg); break;
                case 't': storm.n_threads = (uint32_t)atoi(optarg); break;
                case 'k': storm.n_window = (uint32_t)atoi(optarg); break;
                case 'c': storm.comm = optarg; break;
                case 'e': storm.helper = optarg; break;
                case 'o': storm.truth = optarg; break;
                case 'h': storm.hold = true; break;
                default: return 2;
                }
        }
        for (int i = 0; optind < argc && i < 4; ++i)
                if (!strcmp(argv[optind], modes[i]))
                        mode = i;
        if (mode < 0 || !storm.truth || !storm.n_workers || !storm.n_threads || !storm.n_window ||
            ((mode == MODE_EXEC || mode == MODE_SPAWN) && !storm.helper)) {
                fprintf(stderr, "usage: storm fork|exec|spawn|thread --truth FILE [--count N] [--workers W]"
                                " [--threads M] [--window K] [--hold] [--comm NAME] [--helper PATH]\n");
                return 2;
        }
        storm.mode = (enum Mode)mode;
        storm_run(&storm);
        return 0;
}
