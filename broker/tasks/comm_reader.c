/* SPDX-License-Identifier: Apache-2.0 */

/*
 * One read of /proc costs about 4 us, against some hundreds for the exec itself. Reads are
 * bounded twice: by a budget per second, and by the join, which reads only while the
 * kernel's queue is empty. Beyond that the event says that its name is stale.
 *
 * The number may have a new owner by now. Numbers repeat after pid_max (at least 32768)
 * forks. That takes longer than a second, after which an exec is too old to be read for.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "broker/base/clock.h"
#include "broker/base/util.h"
#include "broker/tasks/comm_reader.h"

#define READS_PER_SECOND 5000

void comm_reader_init(CommReader *reader, int procfs_fd) {
        *reader = (CommReader){ .procfs_fd = procfs_fd };
}

/**
 * comm_reader_read() - read a process' name
 * @reader:        the budget
 * @pid:           the process
 * @exec_time_ns:  when it called exec, monotonic
 * @ret_comm:      output, only written on success
 * @ret_owner:     output: the owner of the file: the process' effective user, or root if
 *                 the process is not dumpable
 *
 * Return: Whether it was read.
 */
bool comm_reader_read(CommReader *reader,
                uint32_t pid,
                uint64_t exec_time_ns,
                char ret_comm[static COMM_SIZE],
                uint32_t *ret_owner) {
        uint64_t now = (uint64_t)clock_read_ns(CLOCK_MONOTONIC);
        char path[32], comm[COMM_SIZE + 1];
        struct stat st;
        ssize_t n;
        int fd;

        if (now - reader->refilled_ns >= NSEC_PER_SEC) {
                reader->refilled_ns = now;
                reader->n_tokens = READS_PER_SECOND;
        }
        if (reader->n_tokens == 0 || now - exec_time_ns >= NSEC_PER_SEC)
                return false;
        --reader->n_tokens;

        snprintf(path, sizeof(path), "%u/comm", pid);
        fd = openat(reader->procfs_fd, path, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
                return false;
        n = read(fd, comm, sizeof(comm));
        if (n > 0 && fstat(fd, &st) < 0)
                n = -1;
        close(fd);
        if (n <= 0)
                return false;
        *ret_owner = st.st_uid;

        n -= comm[n - 1] == '\n';
        n = MIN(n, COMM_SIZE - 1);
        memset(ret_comm, 0, COMM_SIZE);
        memcpy(ret_comm, comm, (size_t)n);
        return true;
}
