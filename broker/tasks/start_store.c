/* SPDX-License-Identifier: Apache-2.0 */

/*
 * /proc has a start to the tick only, and the broker has it to the nanosecond if it saw the
 * fork. Without the store, a restart would change the identity of each task that was forked
 * under the former broker.
 *
 * The file is a sparse array in memory (tmpfs). Storing a start is one write to a mapped
 * page, so that nothing is lost when the broker is killed. A page is reserved before its first
 * start, because a write to a page that a full file system cannot provide would end the
 * broker (SIGBUS). A page without a start is given back. The header names the boot: a file
 * from before belongs to other tasks.
 */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "broker/base/clock.h"
#include "broker/base/error.h"
#include "broker/base/util.h"
#include "broker/tasks/start_store.h"

#define HEADER_BYTES 4096u
#define STARTS_BYTES ((size_t)PROC_PID_LIMIT * sizeof(uint64_t))
#define FORMAT UINT64_C(0x3153545241545354) /* "TSTARTS1" */

typedef struct Header Header;

struct Header {
        uint64_t format;
        int64_t boot_epoch_ns;
        char boot_id[40];
};

static bool boot_id_read(char boot_id[static 40]) {
        int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
        ssize_t n;

        if (fd < 0)
                return false;
        memset(boot_id, 0, 40);
        n = read(fd, boot_id, 36);
        close(fd);
        return n == 36;
}

/* Whether nobody else has the file, or can write to it. */
static bool file_is_safe(int fd) {
        struct stat st;

        return fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_uid == geteuid() && st.st_nlink == 1 &&
               (st.st_mode & 022) == 0;
}

/* A write to a file on a disk could wait for the disk. */
static bool directory_is_in_memory(const char *path) {
        char directory[PATH_MAX];
        const char *slash = strrchr(path, '/');
        struct statfs system;

        snprintf(directory, sizeof(directory), "%.*s/", slash ? (int)(slash - path) : 1, slash ? path : ".");
        return statfs(directory, &system) == 0 && system.f_type == TMPFS_MAGIC;
}

/* Reserves a part of the file. */
static int store_reserve(const StartStore *store, off_t offset, off_t n) {
        return fallocate(store->fd, 0, offset, n) < 0 ? -errno : 0;
}

/* Begins with an empty file, unless it has the starts of this boot. */
static int store_adopt(StartStore *store, const char boot_id[static 40]) {
        Header *header = store->mapping;
        int r = store_reserve(store, 0, HEADER_BYTES);

        if (r)
                return r;
        if (header->format == FORMAT && memcmp(header->boot_id, boot_id, sizeof(header->boot_id)) == 0) {
                clock_set_boot_epoch_ns(header->boot_epoch_ns);
                return 0;
        }
        if (ftruncate(store->fd, 0) < 0 || ftruncate(store->fd, HEADER_BYTES + (off_t)STARTS_BYTES) < 0)
                return -errno;
        r = store_reserve(store, 0, HEADER_BYTES);
        if (r)
                return r;
        memcpy(header->boot_id, boot_id, sizeof(header->boot_id));
        header->boot_epoch_ns = clock_boot_epoch_ns();
        header->format = FORMAT;
        return 0;
}

/* Counts what each page has; holes are left out, as reading them would fill them. */
static void store_count(StartStore *store) {
        off_t end = HEADER_BYTES + (off_t)STARTS_BYTES, at = lseek(store->fd, HEADER_BYTES, SEEK_DATA);

        while (at >= 0 && at < end) {
                off_t hole = lseek(store->fd, at, SEEK_HOLE);

                for (off_t i = (at - HEADER_BYTES) / 8; hole > at && i < (MIN(hole, end) - HEADER_BYTES) / 8; ++i)
                        store->n_used[i / START_STORE_PAGE] += store->starts[i] != 0;
                at = hole > at ? lseek(store->fd, hole, SEEK_DATA) : -1;
        }
}

/**
 * start_store_open() - open or make the file
 * @store:  output
 * @path:   the file
 *
 * A file from this boot also sets the time scale (clock.h) to the scale of the former broker.
 *
 * Return: 0; START_STORE_E_UNSAFE; START_STORE_E_IN_USE; a negative errno. Without a file
 *         all other functions do nothing.
 */
int start_store_open(StartStore *store, const char *path) {
        char boot_id[40];
        int r;

        *store = START_STORE_NULL;
        if (!directory_is_in_memory(path))
                return START_STORE_E_UNSAFE;
        store->fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
        if (store->fd < 0)
                return -errno;
        if (!file_is_safe(store->fd))
                r = START_STORE_E_UNSAFE;
        else if (flock(store->fd, LOCK_EX | LOCK_NB) < 0)
                r = errno == EWOULDBLOCK ? START_STORE_E_IN_USE : -errno;
        else if (!boot_id_read(boot_id))
                r = -ENODATA;
        else if (ftruncate(store->fd, HEADER_BYTES + (off_t)STARTS_BYTES) < 0)
                r = -errno;
        else {
                store->mapping = mmap(NULL, HEADER_BYTES + STARTS_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED,
                                      store->fd, 0);
                r = store->mapping == MAP_FAILED ? -errno : store_adopt(store, boot_id);
        }
        if (r) {
                if (store->mapping == MAP_FAILED)
                        store->mapping = NULL;
                start_store_close(store);
                return r;
        }
        store->starts = (uint64_t *)((char *)store->mapping + HEADER_BYTES);
        store_count(store);
        return 0;
}

void start_store_close(StartStore *store) {
        if (store->mapping)
                munmap(store->mapping, HEADER_BYTES + STARTS_BYTES);
        if (store->fd >= 0)
                close(store->fd);
        *store = START_STORE_NULL;
}

/* Whether a page can be written to: it has starts, or was kept, or is reserved now. */
static bool store_has_page(const StartStore *store, uint32_t page) {
        off_t n = START_STORE_PAGE * sizeof(uint64_t);

        return store->n_used[page] > 0 || page == store->empty_page ||
               store_reserve(store, HEADER_BYTES + (off_t)page * n, n) == 0;
}

/* Stores the start of a task. Where the file system is full, that start alone is not stored. */
void start_store_set(StartStore *store, uint32_t tid, uint64_t start_time_ns) {
        uint32_t page = tid / START_STORE_PAGE;

        if (!store->starts || !store_has_page(store, page))
                return;
        store->n_used[page] += store->starts[tid] == 0;
        store->starts[tid] = start_time_ns;
}

/*
 * Gives back the page that became empty before this one. The newest empty page stays: the
 * next tasks of short lives use it again and again.
 */
static void store_note_empty(StartStore *store, uint32_t page) {
        uint32_t former = store->empty_page;

        store->empty_page = page;
        if (former != page && former != START_STORE_NO_PAGE && store->n_used[former] == 0)
                (void)madvise(store->starts + (size_t)former * START_STORE_PAGE, START_STORE_PAGE * sizeof(uint64_t),
                              MADV_REMOVE);
}

/* Removes the start of a task that has ended. */
void start_store_clear(StartStore *store, uint32_t tid) {
        if (!store->starts || store->n_used[tid / START_STORE_PAGE] == 0 || store->starts[tid] == 0)
                return;
        store->starts[tid] = 0;
        if (--store->n_used[tid / START_STORE_PAGE] == 0)
                store_note_empty(store, tid / START_STORE_PAGE);
}

/* The start that is stored for a number; 0: none. */
uint64_t start_store_get(const StartStore *store, uint32_t tid) {
        return store->starts && store->n_used[tid / START_STORE_PAGE] > 0 ? store->starts[tid] : 0;
}

/* The first number from @from_tid on that has a start; 0: none. */
uint32_t start_store_next(const StartStore *store, uint32_t from_tid) {
        for (uint32_t tid = from_tid; store->starts && tid < PROC_PID_LIMIT;) {
                if (store->n_used[tid / START_STORE_PAGE] == 0)
                        tid = (tid / START_STORE_PAGE + 1) * START_STORE_PAGE;
                else if (store->starts[tid] != 0)
                        return tid;
                else
                        ++tid;
        }
        return 0;
}
