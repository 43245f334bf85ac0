/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Processes share the memory of the one that makes them, as after vfork(): ten thousand that each map the C library
 * make the kernel slow wherever it looks for all who map a page (fork, exit, reclaim), which is not what is
 * measured. To /proc and to the broker they are processes like others. They are our own children.
 */

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/bench/table_crowd.h"

/* Threads of one process; the kernel walks all of them for a signal. */
#define THREADS_MAX 4000

/* A task's frame of clone(), sleep_main() and syscall(); there are no signal handlers. */
#define STACK_BYTES 1024

/* Memory that a task takes: 16 KiB of the kernel's stack, its task_struct, and what else a process has. */
#define TASK_BYTES (32 * 1024ull)

/* Left for everybody else. */
#define SPARE_BYTES (1024ull * 1024 * 1024)

int crowd_init(Crowd *crowd) {
        *crowd = (Crowd){};
        crowd->tids = mmap(NULL, CROWD_TASKS_MAX * sizeof(*crowd->tids), PROT_READ | PROT_WRITE,
                           MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        crowd->pids = calloc(CROWD_PIDS_MAX, sizeof(*crowd->pids));
        return crowd->tids == MAP_FAILED || !crowd->pids ? -1 : 0;
}

static uint64_t memory_available(void) {
        FILE *file = fopen("/proc/meminfo", "re");
        unsigned long long kib = 0;
        char line[256];

        while (file && fgets(line, sizeof(line), file) && sscanf(line, "MemAvailable: %llu", &kib) != 1)
                ;
        if (file)
                fclose(file);
        return kib * 1024;
}

/* Whether the machine has the memory for a crowd of so many, beyond that which is there. */
bool crowd_fits(size_t n_tasks, uint64_t *ret_needed_bytes, uint64_t *ret_available_bytes) {
        *ret_needed_bytes = n_tasks * TASK_BYTES + SPARE_BYTES;
        *ret_available_bytes = memory_available();
        return *ret_needed_bytes <= *ret_available_bytes;
}

/* Names a process of the crowd by its number: sleeper12345. The stack has no room for the C library's printf(). */
static void name_self(void) {
        char name[16] = "sleeper";
        size_t n = strlen(name);
        long pid = syscall(SYS_getpid);

        for (long left = pid; left > 0; left /= 10)
                ++n;
        for (; pid > 0; pid /= 10)
                name[--n] = (char)('0' + pid % 10);
        syscall(SYS_prctl, PR_SET_NAME, name);
}

/* All share thread-local storage, and with it errno, which nobody reads. */
static int sleep_main(void *userdata) {
        if (userdata) {
                syscall(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL);
                name_self();
        }
        for (;;)
                syscall(SYS_ppoll, NULL, 0, NULL, NULL, 0);
        return 0;
}

/* One process of the crowd, which makes the others. @ready_fd: a byte, once all are there. */
static void sleepers_main(uint32_t *tids, size_t n_tasks, bool processes, int ready_fd) {
        const int flags = processes ? CLONE_VM | CLONE_PARENT
                                    : CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM;
        uint8_t *stacks = mmap(NULL, n_tasks * STACK_BYTES, PROT_READ | PROT_WRITE,
                               MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

        prctl(PR_SET_NAME, "sleeper");
        if (stacks == MAP_FAILED)
                _exit(1);
        tids[0] = (uint32_t)getpid();
        for (size_t i = 1; i < n_tasks; ++i) {
                int tid = clone(sleep_main, stacks + (i + 1) * STACK_BYTES, flags, processes ? stacks : NULL);

                if (tid < 0) {
                        fprintf(stderr, "bench-table: the kernel makes no more than %zu tasks here: %s\n", i,
                                strerror(errno));
                        _exit(1);
                }
                tids[i] = (uint32_t)tid;
        }
        if (write(ready_fd, "", 1) != 1)
                _exit(1);
        close(ready_fd);
        (void)sleep_main(NULL);
}

static int crowd_add(Crowd *crowd, size_t n_tasks, bool processes) {
        uint32_t *tids = crowd->tids + crowd->n_tasks;
        pid_t parent = getpid(), pid;
        int ready[2];
        char byte;

        if (crowd->n_pids + (processes ? n_tasks : 1) > CROWD_PIDS_MAX || pipe(ready) < 0)
                return -1;
        pid = fork();
        if (pid == 0) {
                prctl(PR_SET_PDEATHSIG, SIGKILL);
                if (getppid() != parent)
                        _exit(1);
                close(ready[0]);
                sleepers_main(tids, n_tasks, processes, ready[1]);
        }
        close(ready[1]);
        if (pid > 0)
                crowd->pids[crowd->n_pids++] = pid;
        if (pid < 0 || read(ready[0], &byte, 1) != 1) {
                close(ready[0]);
                return -1;
        }
        close(ready[0]);
        for (size_t i = 1; processes && i < n_tasks; ++i)
                crowd->pids[crowd->n_pids++] = (pid_t)tids[i];
        crowd->n_tasks += n_tasks;
        return 0;
}

/* Adds tasks until there are @n_tasks; the tasks that are there stay. */
int crowd_grow(Crowd *crowd, size_t n_tasks, bool processes) {
        int r = 0;

        if (n_tasks > CROWD_TASKS_MAX)
                return -1;
        while (r == 0 && crowd->n_tasks < n_tasks) {
                size_t n = n_tasks - crowd->n_tasks;

                r = crowd_add(crowd, !processes && n > THREADS_MAX ? THREADS_MAX : n, processes);
        }
        return r;
}

void crowd_disperse(Crowd *crowd) {
        for (size_t i = 0; i < crowd->n_pids; ++i)
                kill(crowd->pids[i], SIGKILL);
        for (size_t i = 0; i < crowd->n_pids; ++i) {
                while (waitpid(crowd->pids[i], NULL, __WALL) < 0 && errno == EINTR)
                        ;
        }
        crowd->n_pids = crowd->n_tasks = 0;
}
