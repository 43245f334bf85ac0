/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * ExeReader: reads the executable of a live process, as a digest. The join compares it with
 * the executable in the record of each exit: a difference shows an exec that the connector
 * did not report.
 */

#include <stdbool.h>
#include <stdint.h>

#include "broker/kernel/stats_source.h"

typedef struct ExeReader ExeReader;

struct ExeReader {
        StatsSource *source;            /* not owned; NULL: no executable is read */
        int procfs_fd;                  /* not owned */
        uint64_t keys[3];               /* random: nobody can search for two executables with one digest */
};

void exe_reader_init(ExeReader *reader, int procfs_fd);
bool exe_reader_read(ExeReader *reader, uint32_t tid, uint32_t *ret_exe);
bool exe_reader_digest(const ExeReader *reader, const TaskStats *stats, uint32_t *ret_exe);
