/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The loop gives a job to a thread, and waits for the result. The job is in the memory
 * of the thread, and the thread uses no other memory. If the result does not come in time, the
 * loop never looks at it.
 *
 * Where a reader waits: the command line is read under the lock of the process' memory
 * (mmap_lock), which the process holds while it fills a large mapping. A page of it may have to
 * come back from a slow disk, or its cgroup may be over memory.high. Most files take a use of the
 * memory. If the process ends meanwhile, the reader has the last use, and frees the memory: that
 * waits for unfinished I/O and for file systems of the user (FUSE).
 *
 * A thread that was too slow stays with the user of that process until it has come back, and for
 * a pause. Meanwhile nothing else is read for the user. So a user keeps one thread, and costs
 * the loop one timeout a pause. Other users are refused only if more users do so than there are
 * threads for them.
 *
 * The threads start after the privileges were dropped, and before system calls are filtered.
 */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "broker/base/clock.h"
#include "broker/base/log.h"
#include "broker/base/util.h"
#include "broker/tasks/procfs.h"
#include "broker/tasks/reader_threads.h"

/* The loop waits no longer for a thread that sleeps in the kernel. */
#define TIMEOUT_NS (10 * NSEC_PER_MSEC)

/* A busy machine delays a thread that can run. That is waited for, up to so many timeouts. */
#define TIMEOUTS_MAX 10u

#define PAUSE_NS (500 * NSEC_PER_MSEC)

#define STACK_BYTES ((size_t)256 * 1024)

/* The first descriptor that is not standard. */
#define FIRST_FD 3u

/* The least time between two lines in the log. */
#define LOG_NS (60 * NSEC_PER_SEC)

typedef enum JobState {
        JOB_NONE,
        JOB_WANTED,
        JOB_DONE,
        JOB_STOP,
} JobState;

struct ReaderThread {
        pthread_t id;
        pthread_mutex_t lock;
        pthread_cond_t changed;         /* one side waits at a time */
        JobState state;                 /* under the lock */
        void (*read)(void *job);        /* under the lock */

        int procfs_fd;
        pid_t tid;
        clockid_t cpu_clock;

        /* The loop alone uses these. */
        bool slow;                      /* its result was given up */
        uint32_t uid;                   /* the user of the last job */
        uint64_t until_ns;              /* monotonic: the user's pause */

        alignas(max_align_t) uint8_t job[];
};

static uint64_t now_ns(void) {
        return (uint64_t)clock_read_ns(CLOCK_MONOTONIC);
}

static void thread_set_state(ReaderThread *thread, JobState state) {
        (void)pthread_mutex_lock(&thread->lock);
        thread->state = state;
        (void)pthread_cond_signal(&thread->changed);
        (void)pthread_mutex_unlock(&thread->lock);
}

static JobState thread_state(ReaderThread *thread) {
        JobState state;

        (void)pthread_mutex_lock(&thread->lock);
        state = thread->state;
        (void)pthread_mutex_unlock(&thread->lock);
        return state;
}

/*
 * A thread that waits for ever must not keep the broker's sockets open when the broker ends. So
 * it has copies of the standard descriptors and of /proc alone.
 */
static void descriptors_reduce(int procfs_fd) {
        unsigned int kept = (unsigned int)procfs_fd;

        if (unshare(CLONE_FILES) < 0)
                return;
        if (kept > FIRST_FD)
                (void)close_range(FIRST_FD, kept - 1, 0);
        (void)close_range(kept + 1, UINT_MAX, 0);
}

static void *thread_main(void *userdata) {
        ReaderThread *thread = userdata;
        void (*read)(void *job);

        descriptors_reduce(thread->procfs_fd);
        thread->tid = gettid();
        thread_set_state(thread, JOB_DONE);
        for (;;) {
                (void)pthread_mutex_lock(&thread->lock);
                while (thread->state != JOB_WANTED && thread->state != JOB_STOP)
                        (void)pthread_cond_wait(&thread->changed, &thread->lock);
                read = thread->state == JOB_STOP ? NULL : thread->read;
                (void)pthread_mutex_unlock(&thread->lock);
                if (!read)
                        return NULL;
                read(thread->job);
                thread_set_state(thread, JOB_DONE);
        }
}

/* Waits for a result. Return: whether it came by @until_ns. */
static bool thread_wait_until(ReaderThread *thread, uint64_t until_ns) {
        struct timespec until = {
                .tv_sec = (time_t)(until_ns / NSEC_PER_SEC),
                .tv_nsec = (long)(until_ns % NSEC_PER_SEC),
        };
        bool done;
        int r = 0;

        (void)pthread_mutex_lock(&thread->lock);
        while (thread->state != JOB_DONE && !r)
                r = pthread_cond_timedwait(&thread->changed, &thread->lock, &until);
        done = thread->state == JOB_DONE;
        (void)pthread_mutex_unlock(&thread->lock);
        return done;
}

/* Whether a thread works or sleeps in the kernel, and does not only wait for a processor. */
static bool thread_is_stuck(const ReaderThread *thread, uint64_t cpu_begin_ns, uint64_t timeout_ns) {
        char path[64], text[1024];
        const char *close;

        snprintf(path, sizeof(path), "/proc/self/task/%d/stat", (int)thread->tid);
        if (procfs_read_file(AT_FDCWD, path, text, sizeof(text)) <= 0)
                return true;
        close = strrchr(text, ')');
        return !close || strncmp(close, ") R", 3) != 0 ||
               (uint64_t)clock_read_ns(thread->cpu_clock) - cpu_begin_ns >= timeout_ns;
}

/* Waits for a result, and longer if the machine is busy. Return: whether it has come. */
static bool thread_wait(ReaderThread *thread, uint64_t timeout_ns) {
        uint64_t cpu_begin_ns = 0;

        for (unsigned int i = 0; i < TIMEOUTS_MAX; ++i) {
                if (thread_wait_until(thread, now_ns() + timeout_ns))
                        return true;
                if (i == 0)
                        cpu_begin_ns = (uint64_t)clock_read_ns(thread->cpu_clock);
                if (thread_is_stuck(thread, cpu_begin_ns, timeout_ns))
                        break;
        }
        return thread_state(thread) == JOB_DONE;
}

static void thread_free(ReaderThread *thread) {
        (void)pthread_cond_destroy(&thread->changed);
        (void)pthread_mutex_destroy(&thread->lock);
        free(thread);
}

/* The start makes system calls that are forbidden later. So it is waited for. Return: NULL with errno. */
static ReaderThread *thread_new(size_t n_job, int procfs_fd, const pthread_attr_t *attributes) {
        ReaderThread *thread = calloc(1, sizeof(*thread) + n_job);
        pthread_condattr_t changed;
        int r;

        if (!thread)
                return NULL;
        thread->procfs_fd = procfs_fd;
        (void)pthread_mutex_init(&thread->lock, NULL);
        (void)pthread_condattr_init(&changed);
        (void)pthread_condattr_setclock(&changed, CLOCK_MONOTONIC);
        (void)pthread_cond_init(&thread->changed, &changed);
        (void)pthread_condattr_destroy(&changed);
        r = pthread_create(&thread->id, attributes, thread_main, thread);
        if (r) {
                thread_free(thread);
                errno = r;
                return NULL;
        }
        while (!thread_wait_until(thread, now_ns() + NSEC_PER_SEC))
                ;
        (void)pthread_getcpuclockid(thread->id, &thread->cpu_clock);
        return thread;
}

/**
 * reader_threads_start() - start the threads
 * @threads:    output
 * @n_job:      bytes of a job
 * @procfs_fd:  the one descriptor that jobs use; it must be open now
 *
 * The threads have the rights and the priority of the caller, and get no signals.
 *
 * Return: 0, or a negative errno: then jobs are done by the caller, which waits.
 */
int reader_threads_start(ReaderThreads *threads, size_t n_job, int procfs_fd) {
        pthread_attr_t attributes;
        sigset_t all, before;
        int r = 0;

        threads->timeout_ns = TIMEOUT_NS;
        threads->pause_ns = PAUSE_NS;
        (void)pthread_attr_init(&attributes);
        (void)pthread_attr_setstacksize(&attributes, STACK_BYTES);
        (void)sigfillset(&all);
        (void)pthread_sigmask(SIG_SETMASK, &all, &before);
        while (threads->n < READER_THREADS && !r) {
                ReaderThread *thread = thread_new(n_job, procfs_fd, &attributes);

                if (thread)
                        threads->threads[threads->n++] = thread;
                else
                        r = -errno;
        }
        (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
        (void)pthread_attr_destroy(&attributes);
        if (r)
                reader_threads_stop(threads);
        return r;
}

/**
 * reader_threads_stop() - end the threads
 * @threads:  the threads, which may be none
 *
 * A thread that waits in the kernel is left to the end of the process, with its memory.
 */
void reader_threads_stop(ReaderThreads *threads) {
        for (size_t i = 0; i < threads->n; ++i) {
                ReaderThread *thread = threads->threads[i];

                if (thread_state(thread) != JOB_DONE)
                        continue;
                thread_set_state(thread, JOB_STOP);
                (void)pthread_join(thread->id, NULL);
                thread_free(thread);
        }
        threads->n = 0;
}

/* Whether a thread has come back, and the pause of its user is over. */
static bool thread_is_free(ReaderThread *thread, uint64_t pause_ns) {
        if (thread->slow) {
                if (thread_state(thread) != JOB_DONE)
                        return false;
                thread->slow = false;
                thread->until_ns = now_ns() + pause_ns;
        }
        if (thread->until_ns && now_ns() >= thread->until_ns)
                thread->until_ns = 0;
        return thread->until_ns == 0;
}

/**
 * reader_threads_take() - take a thread for a job
 * @threads:  the threads
 * @uid:      the user whose process is read; READER_THREADS_NOBODY
 * @own:      memory for the job if there are no threads
 *
 * Return: The memory of the job, for reader_threads_run() at once. NULL: readings for this user
 *         wait, or no thread is left.
 */
void *reader_threads_take(ReaderThreads *threads, uint32_t uid, void *own) {
        ReaderThread *found = NULL;
        size_t n_free = 0, n_slow = 0;

        if (threads->n == 0)
                return own;
        if (uid != 0 && uid != READER_THREADS_NOBODY && threads->subuids)
                uid = subuid_map_owner(threads->subuids, uid);
        for (size_t i = 0; i < threads->n; ++i) {
                ReaderThread *thread = threads->threads[i];

                if (thread_is_free(thread, threads->pause_ns)) {
                        found = found ? found : thread;
                        ++n_free;
                } else {
                        n_slow += thread->uid == uid;
                }
        }
        if (!found || (uid == 0 ? n_slow >= READER_THREADS_OF_ROOT : n_slow > 0 || n_free <= READER_THREADS_FOR_ROOT))
                return NULL;
        found->uid = uid;
        return found->job;
}

static void threads_log_slow(ReaderThreads *threads, uint32_t uid) {
        uint64_t n;

        ++threads->n_slow;
        if (log_limit_add(&threads->log, LOG_NS, now_ns(), &n))
                log_notice("A process of user %u keeps its memory locked, or is slow to read. The programs of this "
                           "user are read later. Such readings since the last line: %llu.",
                           uid, (unsigned long long)n);
}

/**
 * reader_threads_run() - let a thread do a job, and wait for it
 * @threads:  the threads
 * @job:      filled, by reader_threads_take(); the result is in it too
 * @read:     does the job; it uses nothing but the job, and no descriptor but the one of
 *            reader_threads_start()
 *
 * Return: Whether the job is done. If not, the job may no longer be used.
 */
bool reader_threads_run(ReaderThreads *threads, void *job, void (*read)(void *job)) {
        ReaderThread *thread = container_of(job, ReaderThread, job);

        if (threads->n == 0) {
                read(job);
                return true;
        }
        (void)pthread_mutex_lock(&thread->lock);
        thread->read = read;
        thread->state = JOB_WANTED;
        (void)pthread_cond_signal(&thread->changed);
        (void)pthread_mutex_unlock(&thread->lock);
        thread->slow = !thread_wait(thread, threads->timeout_ns);
        if (thread->slow)
                threads_log_slow(threads, thread->uid);
        return !thread->slow;
}
