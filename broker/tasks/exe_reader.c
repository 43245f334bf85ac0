/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Taskstats has the device and the inode of the executable since version 12, in the answer
 * to a query and in the record of an exit. Both come from the same file of the kernel. So
 * deleted files, overlays and scripts, whose executable is the interpreter, are no special
 * cases. The kernel answers within send(), in some 2 us.
 */

#include <string.h>
#include <sys/random.h>

#include "broker/tasks/exe_reader.h"

void exe_reader_init(ExeReader *reader) {
        *reader = (ExeReader){};
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

/**
 * exe_reader_read() - read the executable of a live task
 * @reader:   the source
 * @tid:      the task
 * @ret_exe:  output: its digest
 *
 * Return: Whether it was read.
 */
bool exe_reader_read(ExeReader *reader, uint32_t tid, uint32_t *ret_exe) {
        StatsSource *source = reader->source;
        StatsAnswer answer;

        return source && source->ask(source, &tid, 1) == 0 && source->next(source, &answer) == 0 &&
               answer.state == STATS_ANSWER_LIVE && exe_reader_digest(reader, &answer.stats, ret_exe);
}
