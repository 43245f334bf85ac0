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

/* The number that a directory of /proc is called by; 0: it is not called by one. */
uint32_t procfs_number(const char *text) {
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
        uint64_t tick_ns = NSEC_PER_SEC / (uint64_t)sysconf(_SC_CLK_TCK);
        char *open = strchr(text, '('), *close = strrchr(text, ')');
        unsigned long long start;
        char state;

        if (!open || !close || close < open)
                return false;
        if (sscanf(close + 1,
                   " %c %u %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %llu",
                   &state, &task->ppid, &start) != 3 || state == 'Z' || state == 'X')
                return false;
        /* ticks since boot, suspended time included */
        task->start_time_ns = (uint64_t)clock_offset_ns(CLOCK_REALTIME, CLOCK_BOOTTIME) + start * tick_ns;
        memset(task->comm, 0, sizeof(task->comm));
        memcpy(task->comm, open + 1, MIN((size_t)(close - open - 1), sizeof(task->comm) - 1));
        return true;
}

static bool status_parse(const char *text, ProcfsTask *task) {
        const char *uid = strstr(text, "\nUid:"), *gid = strstr(text, "\nGid:");

        return uid && gid && sscanf(uid, "\nUid: %u %u", &task->ruid, &task->euid) == 2 &&
               sscanf(gid, "\nGid: %u %u", &task->rgid, &task->egid) == 2;
}

/**
 * procfs_read_task() - read a task
 * @procfs_fd:  /proc
 * @pid:        its process
 * @tid:        the task
 * @ret_found:  output
 *
 * Return: Whether it lives; a zombie does not.
 */
bool procfs_read_task(int procfs_fd, uint32_t pid, uint32_t tid, ProcfsTask *ret_found) {
        char buffer[4096], path[64];

        *ret_found = (ProcfsTask){};
        snprintf(path, sizeof(path), "%u/task/%u/stat", pid, tid);
        if (file_read(procfs_fd, path, buffer, sizeof(buffer)) <= 0 || !stat_parse(buffer, ret_found))
                return false;
        snprintf(path, sizeof(path), "%u/task/%u/status", pid, tid);
        return file_read(procfs_fd, path, buffer, sizeof(buffer)) > 0 && status_parse(buffer, ret_found);
}

/**
 * procfs_add_task() - put a task that was read into the table
 * @table:  the table
 * @pid:    its process
 * @tid:    the task
 * @found:  what was read
 *
 * Return: The task; NULL without memory.
 */
Task *procfs_add_task(TaskTable *table, uint32_t pid, uint32_t tid, const ProcfsTask *found) {
        Task *task = task_table_add(table, pid, tid);

        if (!task)
                return NULL;
        task->start_time_ns = found->start_time_ns;
        task->ruid = found->ruid;
        task->euid = found->euid;
        task->rgid = found->rgid;
        task->egid = found->egid;
        task->flags |= TASK_SEEDED;
        memcpy(task->comm, found->comm, sizeof(task->comm));
        task->process->ppid = found->ppid;
        task->process->seeded = true;
        return task;
}

static int seed_process(int procfs_fd, TaskTable *table, uint32_t pid) {
        const struct dirent *entry;
        ProcfsTask found;
        char path[32];
        DIR *dir = NULL;
        int r = 0;

        snprintf(path, sizeof(path), "%u/task", pid);
        if (dir_open(procfs_fd, path, &dir) < 0)
                return 0;
        while (r == 0 && (entry = readdir(dir))) {
                uint32_t tid = procfs_number(entry->d_name);

                if (!tid || !procfs_read_task(procfs_fd, pid, tid, &found) || !task_table_is_free(table, pid, tid))
                        continue;
                if (!procfs_add_task(table, pid, tid, &found))
                        r = error_origin(-ENOMEM);
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
        const struct dirent *entry;
        DIR *dir = NULL;
        int r;

        r = dir_open(procfs_fd, ".", &dir);
        if (r)
                return error_origin(r);
        while (r == 0 && (entry = readdir(dir))) {
                uint32_t pid = procfs_number(entry->d_name);

                if (pid)
                        r = seed_process(procfs_fd, table, pid);
        }
        closedir(dir);
        return error_trace(r);
}
