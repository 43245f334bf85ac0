/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/*
 * ReaderThreads: readings that wait in the kernel. A FIFO without data plays the file of such a
 * process: its reader waits as long as the test wants.
 */

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "broker/base/util.h"
#include "broker/tasks/reader_threads.h"
#include "tests/unit/harness.h"

#define USER 1000u

/* Long enough on any machine, and shorter than a reader of a FIFO without data waits. */
#define LONG_NS (60 * NSEC_PER_SEC)
#define SHORT_NS (2 * NSEC_PER_MSEC)

typedef struct Job Job;

struct Job {
        int dir_fd;
        char name[16];
        char text[16];
        ssize_t n;
};

static Tree tree;
static ReaderThreads threads;
static int fifo_fds[READER_THREADS];

static void job_read(void *userdata) {
        Job *job = userdata;
        int fd = openat(job->dir_fd, job->name, O_RDONLY | O_CLOEXEC);

        job->n = fd < 0 ? -1 : read(fd, job->text, sizeof(job->text));
        if (fd >= 0)
                (void)close(fd);
}

/* Whether a file could be read in time. */
static bool ask(uint32_t uid, const char *name) {
        Job own, *job = reader_threads_take(&threads, uid, &own);

        assert(threads.n > 0 ? job != &own : job == &own);
        if (!job)
                return false;
        *job = (Job){ .dir_fd = tree.fd };
        strcpy(job->name, name);
        if (!reader_threads_run(&threads, job, job_read))
                return false;
        assert(job->n == 4 && memcmp(job->text, "text", 4) == 0);
        return true;
}

static void fifo_name(char name[static 16], size_t i) {
        snprintf(name, 16, "fifo-%zu", i);
}

static void begin(void) {
        tree = tree_new();
        threads = (ReaderThreads){};
        tree_write(&tree, "file", "text", 4);
        for (size_t i = 0; i < READER_THREADS; ++i) {
                char name[16];

                fifo_name(name, i);
                assert(mkfifoat(tree.fd, name, 0600) == 0);
                fifo_fds[i] = openat(tree.fd, name, O_RDWR | O_CLOEXEC);
                assert(fifo_fds[i] >= 0);
        }
        assert(reader_threads_start(&threads, sizeof(Job), tree.fd) == 0);
        threads.timeout_ns = SHORT_NS;
        threads.pause_ns = SHORT_NS;
}

static void release(size_t i) {
        assert(write(fifo_fds[i], "text", 4) == 4);
}

/* Lets all readers come back, so that all threads end. */
static void end(void) {
        for (size_t i = 0; i < READER_THREADS; ++i)
                release(i);
        threads.timeout_ns = LONG_NS;
        for (uint32_t i = 0; i < READER_THREADS; ++i)
                while (!ask(USER + i, "file"))
                        usleep(1000);
        reader_threads_stop(&threads);
        assert(threads.n == 0);
        for (size_t i = 0; i < READER_THREADS; ++i)
                assert(close(fifo_fds[i]) == 0);
        tree_free(&tree);
}

static bool ask_fifo(uint32_t uid, size_t i) {
        char name[16];

        fifo_name(name, i);
        return ask(uid, name);
}

/* Without threads the caller reads. */
static void test_without(void) {
        begin();
        reader_threads_stop(&threads);
        assert(ask(USER, "file") && threads.n_slow == 0);
        assert(reader_threads_start(&threads, sizeof(Job), tree.fd) == 0);
        end();
}

/* A user is not waited for twice, others are read, and the user is read again when its thread is back. */
static void test_user(void) {
        begin();
        assert(!ask_fifo(USER, 0) && threads.n_slow == 1);
        for (size_t i = 0; i < 100; ++i)
                assert(!ask_fifo(USER, i % READER_THREADS) && !ask(USER, "file"));
        assert(threads.n_slow == 1);
        threads.timeout_ns = LONG_NS;
        for (uint32_t i = 0; i < 100; ++i)
                assert(ask(USER + 1 + i, "file") && ask(0, "file"));
        release(0);
        while (!ask(USER, "file"))
                usleep(1000);
        assert(threads.n_slow == 1);
        end();
}

/* After a slow reading the user has to pause. */
static void test_pause(void) {
        begin();
        assert(!ask_fifo(USER, 0));
        threads.pause_ns = LONG_NS;
        release(0);
        for (int i = 0; i < 20; ++i) {
                usleep(1000);
                assert(!ask(USER, "file"));
        }
        threads.timeout_ns = LONG_NS;
        assert(ask(USER + 1, "file"));
        reader_threads_stop(&threads);
        assert(reader_threads_start(&threads, sizeof(Job), tree.fd) == 0);
        end();
}

/* Many users at once leave two threads to root, which may wait for some of its processes itself. */
static void test_many_users(void) {
        uint32_t n = READER_THREADS - READER_THREADS_FOR_ROOT;

        begin();
        for (uint32_t i = 0; i < n; ++i)
                assert(!ask_fifo(USER + i, i) && threads.n_slow == i + 1);
        assert(!ask(USER + n, "file") && !ask(READER_THREADS_NOBODY, "file") && threads.n_slow == n);
        threads.timeout_ns = LONG_NS;
        assert(ask(0, "file"));
        threads.timeout_ns = SHORT_NS;
        release(3);
        while (!ask(USER + n, "file"))
                usleep(1000);
        end();

        begin();
        for (uint32_t i = 0; i < READER_THREADS_OF_ROOT; ++i)
                assert(!ask_fifo(0, i) && threads.n_slow == i + 1);
        assert(!ask(0, "file") && threads.n_slow == READER_THREADS_OF_ROOT);
        threads.timeout_ns = LONG_NS;
        assert(ask(USER, "file"));
        end();
}

/* Subordinate users count with their owner. */
static void test_subordinate_users(void) {
        SubuidRange range = { .first = 100000, .last = 165535, .owner = USER };
        const SubuidMap map = { .ranges = &range, .n = 1 };

        begin();
        threads.subuids = &map;
        assert(!ask_fifo(100000, 0) && threads.n_slow == 1);
        assert(!ask(100001, "file") && !ask(USER, "file") && threads.n_slow == 1);
        threads.timeout_ns = LONG_NS;
        assert(ask(USER + 1, "file"));
        threads.subuids = NULL;
        end();
}

/* A thread has the standard descriptors and the directory of the jobs. */
static void job_count(void *userdata) {
        Job *job = userdata;

        job->n = 0;
        for (int fd = 0; fd < 1000; ++fd)
                job->n += fcntl(fd, F_GETFD) >= 0;
}

static void test_descriptors(void) {
        Job *job;

        begin();
        threads.timeout_ns = LONG_NS;
        job = reader_threads_take(&threads, USER, NULL);
        assert(job && reader_threads_run(&threads, job, job_count));
        assert(job->n <= 4);
        end();
}

int main(void) {
        test_without();
        test_user();
        test_pause();
        test_many_users();
        test_subordinate_users();
        test_descriptors();
        return 0;
}
