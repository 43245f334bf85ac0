/* SPDX-License-Identifier: Apache-2.0 */

#include <stdio.h>
#include <time.h>

#include "tests/bench/crew.h"
#include "tests/bench/machine.h"

typedef struct CpuTimes {
        unsigned long user, nice, system, idle, iowait, irq, softirq, steal;
} CpuTimes;

static bool cpu_times_read(CpuTimes *t) {
        FILE *file = fopen("/proc/stat", "re");
        int n;

        if (!file)
                return false;
        n = fscanf(file, "cpu %lu %lu %lu %lu %lu %lu %lu %lu",
                   &t->user, &t->nice, &t->system, &t->idle, &t->iowait, &t->irq, &t->softirq, &t->steal);
        fclose(file);
        return n == 8;
}

static bool machine_is_idle(void) {
        const struct timespec pause = { .tv_nsec = 100000000 };
        CpuTimes a, b;
        unsigned long busy, idle;

        if (!cpu_times_read(&a) || nanosleep(&pause, NULL) < 0 || !cpu_times_read(&b))
                return true;
        busy = b.user + b.nice + b.system + b.irq + b.softirq + b.steal -
               (a.user + a.nice + a.system + a.irq + a.softirq + a.steal);
        idle = b.idle + b.iowait - (a.idle + a.iowait);
        return busy * 10 <= busy + idle;
}

/* Waits for a tenth of a second in which the processors are idle for nine tenths of the time. */
bool machine_wait_idle(uint64_t timeout_ns) {
        uint64_t begin = now_ns();

        do {
                if (machine_is_idle())
                        return true;
        } while (now_ns() - begin < timeout_ns);
        return false;
}

/* Tasks forked since the machine started, threads too. */
uint64_t machine_forks(void) {
        FILE *file = fopen("/proc/stat", "re");
        unsigned long forks = 0;
        char line[4096];

        if (!file)
                return 0;
        while (fgets(line, sizeof(line), file) && sscanf(line, "processes %lu", &forks) != 1)
                ;
        fclose(file);
        return forks;
}

/* Processor time of a process so far, by its schedstat. */
int machine_process_cpu_ns(pid_t pid, uint64_t *ret_ns) {
        char path[64];
        FILE *file;
        int n;

        snprintf(path, sizeof(path), "/proc/%d/schedstat", (int)pid);
        file = fopen(path, "re");
        if (!file)
                return -1;
        n = fscanf(file, "%lu", ret_ns);
        fclose(file);
        return n == 1 ? 0 : -1;
}
