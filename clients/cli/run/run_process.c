/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A look at a process of the command in /proc, to decide whether its exit is still to come.
 */

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "clients/cli/run/run_process.h"

/*
 * Whether the process runs. A zombie does not, unless other threads of it run. /proc rounds a start down, so a later
 * start belongs to a later process with the number.
 */
bool run_process_exists(uint32_t pid, uint64_t start_boot_ns) {
        uint64_t tick_ns = 1000000000u / (uint64_t)sysconf(_SC_CLK_TCK);
        unsigned long long start_ticks;
        char path[32], text[1024];
        const char *at;
        int n_threads;
        FILE *file;
        char state;
        size_t n;

        snprintf(path, sizeof(path), "/proc/%" PRIu32 "/stat", pid);
        file = fopen(path, "re");
        if (!file)
                return false;
        n = fread(text, 1, sizeof(text) - 1, file);
        fclose(file);
        text[n] = 0;

        at = strrchr(text, ')');
        if (!at || sscanf(at + 1,
                          " %c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %d %*d %llu",
                          &state,
                          &n_threads,
                          &start_ticks) != 3)
                return false;
        if (start_boot_ns && start_ticks * tick_ns > start_boot_ns)
                return false;

        return (state != 'Z' && state != 'X') || n_threads > 1;
}
