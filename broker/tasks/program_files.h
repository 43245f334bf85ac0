/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * ProgramFiles: a reading of the files in /proc that show what a process runs. It has the
 * question and the answer, and shares no memory with the table: a thread reads it.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "broker/model/program.h"
#include "broker/model/task.h"

typedef struct ProgramFiles ProgramFiles;

struct ProgramFiles {
        int procfs_fd;
        uint32_t pid;
        Task task;                      /* a copy, without its process */
        bool at_exec;
        size_t cmdline_max;

        ProgramState state;             /* CAPTURED; LATE; SKIPPED: a later reading shows the files */
        uint64_t duration_ns;           /* from the first access to the last one */
        bool nondumpable;               /* if CAPTURED */
        bool truncated;
        size_t n_cmdline, n_exe, n_cgroup;
        char cmdline[PROGRAM_CMDLINE_MAX + 2];
        char exe[PROGRAM_PATH_MAX + 1];
        char cgroup[PROGRAM_PATH_MAX + 1];
};

void program_files_init(ProgramFiles *files, int procfs_fd, const Task *task, bool at_exec, size_t cmdline_max);
void program_files_read(void *userdata);
