/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * For the helper programs of which a thread outlives the leader of its process. A process is in
 * that state only when the leader's exit has come as far as it can without the other threads.
 */

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Returns whether the leader of this process is a zombie, which the other threads keep. */
static inline bool leader_is_zombie(void) {
        char path[64], text[256], *end;
        ssize_t n = -1;
        int fd;

        snprintf(path, sizeof(path), "/proc/self/task/%d/stat", getpid());
        fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd >= 0)
                n = read(fd, text, sizeof(text) - 1);
        if (n < 0) {
                fprintf(stderr, "%s: %s\n", path, strerror(errno));
                _exit(120);
        }
        close(fd);
        text[n] = 0;
        end = strrchr(text, ')');
        return end && end[2] == 'Z';
}

/* Waits until the leader is a zombie. Yields and does not sleep, so that thousands of processes can do so in turn. */
static inline void leader_wait(void) {
        while (!leader_is_zombie())
                sched_yield();
}
