/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/* Whether a process runs, by its number and its start: this process, and the ones before it with its number. */

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clients/cli/run/run_process.h"

/* The start of this process as /proc has it, in nanoseconds. */
static uint64_t own_start(void) {
        unsigned long long ticks;
        char text[1024];
        FILE *file = fopen("/proc/self/stat", "re");
        size_t n;

        assert(file);
        n = fread(text, 1, sizeof(text) - 1, file);
        fclose(file);
        text[n] = 0;
        assert(sscanf(strrchr(text, ')') + 1,
                      " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %llu",
                      &ticks) == 1);
        return ticks * (1000000000u / (uint64_t)sysconf(_SC_CLK_TCK));
}

int main(void) {
        uint32_t self = (uint32_t)getpid();
        uint64_t start = own_start();
        siginfo_t info;
        pid_t child;

        assert(run_process_exists(self, 0) && run_process_exists(self, start) && run_process_exists(self, start + 1));
        /* a process that had the number before */
        assert(!run_process_exists(self, start - 1) && !run_process_exists(self, 1));
        assert(!run_process_exists(4194304, 0));

        /* a zombie */
        child = fork();
        assert(child >= 0);
        if (child == 0)
                _exit(0);
        assert(waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT) == 0);
        assert(!run_process_exists((uint32_t)child, 0));
        assert(waitpid(child, NULL, 0) == child);
        return 0;
}
