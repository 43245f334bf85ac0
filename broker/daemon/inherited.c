/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A descriptor that nobody named would stay open as long as the broker runs: a lock of
 * the process that started it, a deleted file, a connection whose peer waits for its end.
 * It is closed before anything is opened. The options name descriptors, and so do the
 * variables of socket activation.
 */

#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include "broker/base/util.h"
#include "broker/daemon/inherited.h"

/* The first after standard error; socket activation begins there too. */
#define FIRST_FD (STDERR_FILENO + 1)

/* The number of descriptors that the variables of socket activation name for this process. */
static unsigned int activation_count(void) {
        const char *pid = getenv("LISTEN_PID"), *n = getenv("LISTEN_FDS");
        unsigned long long count;

        if (!pid || !n || strtoull(pid, NULL, 10) != (unsigned long long)getpid())
                return 0;
        count = strtoull(n, NULL, 10);
        return (unsigned int)MIN(count, (unsigned long long)INT32_MAX - FIRST_FD);
}

/* Closes the descriptors from @first on up to the next that is named. Return: the descriptor behind that. */
static unsigned int close_gap(unsigned int first, const int *named, size_t n_named) {
        unsigned int next = UINT32_MAX;

        for (size_t i = 0; i < n_named; ++i)
                if (named[i] >= 0 && (unsigned int)named[i] >= first)
                        next = MIN(next, (unsigned int)named[i]);
        if (next > first)
                (void)close_range(first, next == UINT32_MAX ? UINT32_MAX : next - 1, 0);
        return next == UINT32_MAX ? UINT32_MAX : next + 1;
}

/**
 * inherited_close() - close all descriptors that are not named
 * @options:  names descriptors
 */
void inherited_close(const Options *options) {
        const int named[] = {
                options->connector_fd,
                options->taskstats_fd,
                options->stats_fd,
                options->listener_fd,
        };
        unsigned int fd = FIRST_FD + activation_count();

        while (fd != UINT32_MAX)
                fd = close_gap(fd, named, ARRAY_SIZE(named));
}
