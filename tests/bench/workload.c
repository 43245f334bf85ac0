/* SPDX-License-Identifier: Apache-2.0 */

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/bench/crew.h"
#include "tests/bench/workload.h"

static void *thread_main(void *userdata) {
        return userdata;
}

static int fork_once(void) {
        pid_t pid = fork();

        if (pid < 0)
                return -1;
        if (pid == 0)
                _exit(0);
        return waitpid(pid, NULL, 0) == pid ? 0 : -1;
}

static int thread_once(void) {
        pthread_t thread;

        if (pthread_create(&thread, NULL, thread_main, NULL) != 0)
                return -1;
        return pthread_join(thread, NULL) == 0 ? 0 : -1;
}

/* Keeps the caller on the @index-th of the processors that it may use. */
static int cpu_pin(size_t index) {
        cpu_set_t all, one;

        if (sched_getaffinity(0, sizeof(all), &all) < 0)
                return -1;
        index %= (size_t)CPU_COUNT(&all);
        for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
                if (!CPU_ISSET(cpu, &all) || index-- > 0)
                        continue;
                CPU_ZERO(&one);
                CPU_SET(cpu, &one);
                return sched_setaffinity(0, sizeof(one), &one);
        }
        return -1;
}

static int worker_main(void *userdata, CrewSeat *seat) {
        const Workload *workload = userdata;
        uint64_t begin, now, operations = 0;

        if (workload->pinned && cpu_pin(seat->index) < 0)
                return 1;
        crew_ready(seat);

        begin = now_ns();
        do {
                int r = workload->kind == WORKLOAD_FORK ? fork_once() : thread_once();

                if (r < 0)
                        return 1;
                ++operations;
                now = now_ns();
        } while (now - begin < workload->duration_ns);

        seat->slot->operations = operations;
        seat->slot->elapsed_ns = now - begin;
        return 0;
}

/* Runs the workers. @ret_rate: operations a second, of all together. */
int workload_run(const Workload *workload, double *ret_rate, uint64_t *ret_operations) {
        static Crew crew;
        double rate = 0;
        uint64_t operations = 0;

        if (!crew.slots)
                crew_init(&crew);
        if (crew_start(&crew, WORKLOAD_WORKERS, worker_main, (void *)workload) < 0)
                return -1;
        crew_go(&crew);
        if (crew_wait(&crew) < 0)
                return -1;
        for (size_t i = 0; i < WORKLOAD_WORKERS; ++i) {
                rate += (double)crew.slots[i].operations * 1e9 / (double)crew.slots[i].elapsed_ns;
                operations += crew.slots[i].operations;
        }
        *ret_rate = rate;
        *ret_operations = operations;
        return 0;
}
