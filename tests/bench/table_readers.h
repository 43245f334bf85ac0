/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Clients that each take a snapshot, of all tasks with their threads, and go. However many, they are one process and
 * one loop, so that the machine has the broker to run, and not a thousand processes.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/bench/table_crowd.h"

typedef struct Reader Reader;

typedef struct Readers {
        Reader *readers;
        size_t n;
        int epoll_fd;
} Readers;

typedef struct ReadersResult {
        double ms;              /* from the first request to the last end */
        double median_ms;       /* for one reader, from its request to its end */
        double max_ms;
        double subscribed_ms;   /* the first reader: until its request was answered */
        uint64_t n_tasks;       /* in the first's snapshot */
        uint64_t n_bytes;       /* size of its parts, with their frames */
        uint64_t n_bytes_all;   /* sum over all readers */
} ReadersResult;

int readers_connect(Readers *readers, const char *path, size_t n);
int readers_run(Readers *readers, const Crowd *crowd, bool programs, ReadersResult *ret);
void readers_close(Readers *readers);
