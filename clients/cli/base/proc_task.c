/* SPDX-License-Identifier: Apache-2.0 */

/*
 * One reading of /proc/TID/stat. The kernel gives a number to another task later, so a caller
 * compares the start before it takes what the number shows for its task. Keeps nothing.
 */

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "clients/cli/base/proc_task.h"

static uint64_t tick_ns(void) {
        return 1000000000u / (uint64_t)sysconf(_SC_CLK_TCK);
}

/**
 * proc_task_read() - read the state of a task
 * @tid:        the task, or the leader of a process
 * @ret_task:   output
 *
 * Return: Whether the task was read: it exists, and /proc shows it to this user.
 */
bool proc_task_read(uint32_t tid, ProcTask *ret_task) {
        unsigned long long start_ticks;
        char path[32], text[1024];
        const char *at;
        ProcTask task;
        FILE *file;
        size_t n;

        snprintf(path, sizeof(path), "/proc/%" PRIu32 "/stat", tid);
        file = fopen(path, "re");
        if (!file)
                return false;
        n = fread(text, 1, sizeof(text) - 1, file);
        fclose(file);
        text[n] = 0;

        at = strrchr(text, ')');
        if (!at || sscanf(at + 1,
                          " %c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %d %*d %llu",
                          &task.state,
                          &task.n_threads,
                          &start_ticks) != 3)
                return false;

        task.start_boot_ns = start_ticks * tick_ns();
        *ret_task = task;
        return true;
}

/**
 * proc_task_is() - whether a number names the task with a start
 * @tid:            the number
 * @start_boot_ns:  the start of the task, as the broker has it; 0: not known, nothing is this task
 *
 * /proc rounds a start down to a tick. The broker's start can be a little later than the kernel's.
 */
bool proc_task_is(uint32_t tid, uint64_t start_boot_ns) {
        ProcTask task;

        return start_boot_ns && proc_task_read(tid, &task) && task.start_boot_ns <= start_boot_ns &&
               start_boot_ns - task.start_boot_ns < 2 * tick_ns();
}
