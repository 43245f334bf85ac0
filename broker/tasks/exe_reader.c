/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Taskstats has the device and the inode of the executable since version 12, in the answer
 * to a query and in the record of an exit. Both come from the same file of the kernel. So
 * deleted files, overlays and scripts, whose executable is the interpreter, are no special
 * cases. The kernel answers within send(), in some 2 us.
 *
 * In an exec, a process gets its new executable before its new ids, and before its files in
 * /proc get their new owner. In between it has no code. The caller of exec can make the kernel
 * wait there, by a file that is closed on exec. So an executable counts only if /proc shows code
 * afterwards. The owner is read after that. Then both belong to the same program, or the
 * owner to a later one. A user cannot set the size of the code to zero, nor keep it at zero.
 */

#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "broker/tasks/exe_reader.h"
#include "broker/tasks/procfs.h"

void exe_reader_init(ExeReader *reader, int procfs_fd) {
        *reader = (ExeReader){ .procfs_fd = procfs_fd };
        /* Without random keys the digests still differ, but others could compute them. */
        if (getrandom(reader->keys, sizeof(reader->keys), 0) < 0)
                memset(reader->keys, 0x5a, sizeof(reader->keys));
}

/**
 * exe_reader_digest() - compute the digest of an executable
 * @reader:   the keys
 * @stats:    statistics of the task, as the kernel sent them
 * @ret_exe:  output
 *
 * Return: Whether the statistics have the executable.
 */
bool exe_reader_digest(const ExeReader *reader, const TaskStats *stats, uint32_t *ret_exe) {
        const uint64_t *keys = reader->keys;

        if (!(stats->groups & STATS_EXECUTABLE))
                return false;
        *ret_exe = (uint32_t)((keys[0] + stats->ac_exe_dev * (keys[1] | 1) + stats->ac_exe_inode * (keys[2] | 1)) >>
                              32);
        return true;
}

/* Whether a process is seen to have code. In the middle of an exec it has none, and as a kernel thread neither. */
static bool process_has_code(const ExeReader *reader, uint32_t pid) {
        char path[64], buffer[128];
        unsigned long long n_pages;

        snprintf(path, sizeof(path), "%u/task/%u/statm", pid, pid);
        return procfs_read_file(reader->procfs_fd, path, buffer, sizeof(buffer)) > 0 &&
               sscanf(buffer, "%*u %*u %*u %llu", &n_pages) == 1 && n_pages > 0;
}

/**
 * exe_reader_read() - read the executable of a live process
 * @reader:   the source
 * @tid:      its leader
 * @ret_exe:  output: its digest
 *
 * Return: Whether it was read. An owner that is read afterwards belongs to this program, or to a
 *         later one.
 */
bool exe_reader_read(ExeReader *reader, uint32_t tid, uint32_t *ret_exe) {
        StatsSource *source = reader->source;
        StatsAnswer answer;

        return source && source->ask(source, &tid, 1) == 0 && source->next(source, &answer) == 0 &&
               answer.state == STATS_ANSWER_LIVE && exe_reader_digest(reader, &answer.stats, ret_exe) &&
               process_has_code(reader, tid);
}
