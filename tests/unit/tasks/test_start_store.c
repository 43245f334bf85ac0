/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/* The store of starts: what a former broker stored, which files are refused, and pages that are given back. */

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "broker/base/clock.h"
#include "broker/tasks/start_store.h"
#include "tests/unit/harness.h"

static char path[64];
static StartStore store, other;

static void test_over_restart(void) {
        int64_t epoch = clock_boot_epoch_ns();

        assert(start_store_open(&store, path) == 0);
        assert(start_store_next(&store, 0) == 0);
        start_store_set(&store, 1, 11);
        start_store_set(&store, 5000, 12);
        start_store_set(&store, PROC_PID_LIMIT - 1, 13);
        start_store_set(&store, 5000, 14);
        assert(start_store_open(&other, path) == START_STORE_E_IN_USE);
        start_store_close(&store);

        clock_set_boot_epoch_ns(epoch + 5);
        assert(start_store_open(&store, path) == 0);
        assert(clock_boot_epoch_ns() == epoch);
        assert(start_store_get(&store, 1) == 11 && start_store_get(&store, 5000) == 14 &&
               start_store_get(&store, 2) == 0);
        assert(start_store_next(&store, 2) == 5000 && start_store_next(&store, 5001) == PROC_PID_LIMIT - 1);
        start_store_clear(&store, 5000);
        start_store_clear(&store, 5000);
        start_store_clear(&store, 7);
        assert(start_store_get(&store, 5000) == 0 && start_store_next(&store, 2) == PROC_PID_LIMIT - 1);
        start_store_close(&store);
}

/* Numbers in turn: no page stays but the newest. */
static void test_pages(void) {
        struct stat before, after;

        assert(start_store_open(&store, path) == 0 && fstat(store.fd, &before) == 0);
        for (uint32_t tid = 10000; tid < 210000; ++tid) {
                start_store_set(&store, tid, tid);
                start_store_clear(&store, tid);
        }
        assert(fstat(store.fd, &after) == 0 && after.st_blocks <= before.st_blocks + 8);
        start_store_close(&store);
}

/* A file of another boot has the starts of other tasks. */
static void test_other_boot(void) {
        int fd = open(path, O_RDWR);

        assert(pwrite(fd, "x", 1, 20) == 1);
        close(fd);
        assert(start_store_open(&store, path) == 0);
        assert(start_store_next(&store, 0) == 0);
        start_store_close(&store);
}

static void test_refused(void) {
        assert(chmod(path, 0666) == 0);
        assert(start_store_open(&store, path) == START_STORE_E_UNSAFE && !store.starts);
        assert(unlink(path) == 0 && symlink("/dev/null", path) == 0);
        assert(start_store_open(&store, path) < 0);
        assert(start_store_open(&store, "/proc/starts") == START_STORE_E_UNSAFE);
        assert(unlink(path) == 0);
        /* Without a file everything else does nothing. */
        start_store_set(&store, 1, 1);
        start_store_clear(&store, 1);
        assert(start_store_get(&store, 1) == 0 && start_store_next(&store, 0) == 0);
}

int main(void) {
        snprintf(path, sizeof(path), "/dev/shm/test-start-store-%d", (int)getpid());
        test_over_restart();
        test_pages();
        test_other_boot();
        test_refused();
        return 0;
}
