/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * ReaderThreads: threads that read files of processes for the loop. A process can make the
 * reader of its files wait in the kernel, for as long as it likes. So the loop waits for a
 * thread for some milliseconds, and goes on without what could not be read.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "broker/base/log_limit.h"
#include "broker/policy/subuid.h"

typedef struct ReaderThreads ReaderThreads;
typedef struct ReaderThread ReaderThread;

/* A user keeps at most one of them waiting, and root at most four. Other users leave the last two to root. */
#define READER_THREADS 16u
#define READER_THREADS_OF_ROOT 4u
#define READER_THREADS_FOR_ROOT 2u

/* The user of tasks whose user is not known. */
#define READER_THREADS_NOBODY UINT32_MAX

struct ReaderThreads {
        ReaderThread *threads[READER_THREADS];
        size_t n;                       /* 0: the loop reads itself, and waits */
        const SubuidMap *subuids;       /* not owned; NULL: each id is a user */
        uint64_t timeout_ns;            /* for one reading */
        uint64_t pause_ns;              /* after a slow reading of a user */
        uint64_t n_slow;                /* jobs that were given up */
        LogLimit log;
};

int reader_threads_start(ReaderThreads *threads, size_t n_job, int procfs_fd);
void reader_threads_stop(ReaderThreads *threads);
void *reader_threads_take(ReaderThreads *threads, uint32_t uid, void *own);
bool reader_threads_run(ReaderThreads *threads, void *job, void (*read)(void *job));
