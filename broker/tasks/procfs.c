/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Read once, after the sources listen: a task is then in the table already, or
 * its birth is in the queue, or both. The join tells the second birth of the same
 * task from a new one by its start.
 *
 * A task that ends while it is read is left out; its exit is in the queue too.
 */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "broker/base/clock.h"
#include "broker/base/error.h"
#include "broker/base/util.h"
#include "broker/kernel/proc_message.h"
#include "broker/tasks/procfs.h"

typedef struct ProcfsTask ProcfsTask;

struct ProcfsTask {
        char comm[COMM_SIZE];
        uint32_t ppid;
        uint64_t start_ticks;   /* since boot, suspended time included */
        uint32_t ruid, euid, rgid, egid;
};

static int dir_open(int parent_fd, const char *name, DIR **ret_dir) {
        int fd = openat(parent_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        DIR *dir;

        if (fd < 0)
                return -errno;
        dir = fdopendir(fd);
        if (!dir) {
                close(fd);
                return -ENOMEM;
        }
        *ret_dir = dir;
        return 0;
}

static ssize_t file_read(int dir_fd, const char *path, char *buffer, size_t n_buffer) {
        int fd = openat(dir_fd, path, O_RDONLY | O_CLOEXEC);
        ssize_t n;

        if (fd < 0)
                return -1;
        n = read(fd, buffer, n_buffer - 1);
        close(fd);
        if (n >= 0)
                buffer[n] = 0;
        return n;
}

static uint32_t number_parse(const char *text) {
        char *end;
        unsigned long n = strtoul(text, &end, 10);

        return *end == 0 && n < PROC_PID_LIMIT ? (uint32_t)n : 0;
}

/*
 * A zombie has ended already: its EXIT was told before, and its number is not
 * the table's. "tid (comm) state ppid ... starttime ...": a comm may contain anything, so its end
 * is the last ')'.
 */
static bool stat_parse(char *text, ProcfsTask *task) {
        char *open = strchr(text, '('), *close = strrchr(text, ')');
        unsigned long long start;
        char state;

        if (!open || !close || close < open)
                return false;
        if (sscanf(close + 1,
                   " %c %u %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %llu",
                   &state, &task->ppid, &start) != 3 || state == 'Z' || state == 'X')
                return false;
        task->start_ticks = start;
        memset(task->comm, 0, sizeof(task->comm));
        memcpy(task->comm, open + 1, MIN((size_t)(close - open - 1), sizeof(task->comm) - 1));
        return true;
}

static bool status_parse(const char *text, ProcfsTask *task) {
        const char *uid = strstr(text, "\nUid:"), *gid = strstr(text, "\nGid:");

        return uid && gid && sscanf(uid, "\nUid: %u %u", &task->ruid, &task->euid) == 2 &&
               sscanf(gid, "\nGid: %u %u", &task->rgid, &task->egid) == 2;
}

static int seed_task(int task_fd, TaskTable *table, uint32_t pid, uint32_t tid, int64_t boot_offset_ns) {
        char buffer[4096], path[32];
        ProcfsTask found = {};
        Task *task;

        snprintf(path, sizeof(path), "%u/stat", tid);
        if (file_read(task_fd, path, buffer, sizeof(buffer)) <= 0 || !stat_parse(buffer, &found))
                return 0;
        snprintf(path, sizeof(path), "%u/status", tid);
        if (file_read(task_fd, path, buffer, sizeof(buffer)) <= 0 || !status_parse(buffer, &found))
                return 0;
        if (!task_table_is_free(table, pid, tid))
                return 0;

        task = task_table_add(table, pid, tid);
        if (!task)
                return error_origin(-ENOMEM);
        task->start_time_ns = (uint64_t)boot_offset_ns + found.start_ticks * (NSEC_PER_SEC / (uint64_t)sysconf(_SC_CLK_TCK));
        task->ruid = found.ruid;
        task->euid = found.euid;
        task->rgid = found.rgid;
        task->egid = found.egid;
        task->flags |= TASK_SEEDED;
        memcpy(task->comm, found.comm, sizeof(task->comm));
        task->process->ppid = found.ppid;
        task->process->seeded = true;
        return 0;
}

static int seed_process(int procfs_fd, TaskTable *table, uint32_t pid, int64_t boot_offset_ns) {
        const struct dirent *entry;
        char path[32];
        DIR *dir = NULL;
        int r = 0;

        snprintf(path, sizeof(path), "%u/task", pid);
        if (dir_open(procfs_fd, path, &dir) < 0)
                return 0;
        while (r == 0 && (entry = readdir(dir))) {
                uint32_t tid = number_parse(entry->d_name);

                if (tid)
                        r = seed_task(dirfd(dir), table, pid, tid, boot_offset_ns);
        }
        closedir(dir);
        return error_trace(r);
}

/**
 * procfs_seed() - fill the table from /proc
 * @procfs_fd:  /proc, or a tree like it
 * @table:      the table
 *
 * Return: 0, or a negative errno.
 */
int procfs_seed(int procfs_fd, TaskTable *table) {
        int64_t boot_offset_ns = clock_offset_ns(CLOCK_REALTIME, CLOCK_BOOTTIME);
        const struct dirent *entry;
        DIR *dir = NULL;
        int r;

        r = dir_open(procfs_fd, ".", &dir);
        if (r)
                return error_origin(r);
        while (r == 0 && (entry = readdir(dir))) {
                uint32_t pid = number_parse(entry->d_name);

                if (pid)
                        r = seed_process(procfs_fd, table, pid, boot_offset_ns);
        }
        closedir(dir);
        return error_trace(r);
}
