/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * ProgramReader: reads from /proc which programs processes run, while a subscription needs
 * them: at each exec, and once for all processes that are older than the subscription.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "broker/kernel/connector.h"
#include "broker/policy/quota.h"
#include "broker/tasks/exit_records.h"
#include "broker/tasks/reader_threads.h"
#include "broker/tasks/task_table.h"

typedef struct ProgramReader ProgramReader;

struct ProgramReader {
        int procfs_fd;                  /* not owned */
        TaskTable *table;               /* not owned */
        ExitRecords *records;           /* not owned; NULL: it is not checked whether a task has ended */
        Connector *connector;           /* not owned; NULL: it is not checked whether events came meanwhile */
        ReaderThreads threads;
        int64_t time_offset_ns;     /* the time scale of clock.h minus CLOCK_MONOTONIC */
        size_t cmdline_max;             /* a longer command line is cut */
        Quota *quota;                   /* not owned; NULL: no user pays for programs */
        size_t n_wanted;                /* users of programs */
        bool complete;                  /* a pass has begun since a subscription wanted them, and leaves nothing out */
        uint32_t next_tid;              /* where the pass goes on; 0: no pass runs */
        bool left_out;                  /* there was no memory for a program; a later pass reads it */
        uint64_t begun_ns;              /* the begin of the last pass, monotonic */
        uint64_t refilled_ns;           /* monotonic */
        uint32_t n_tokens;              /* readings left in this second's budget */

        uint64_t n_outside_exec;        /* processes whose program became known outside of an exec: no event says it */
        uint64_t n_captured;
        uint64_t n_late;
        uint64_t n_skipped;
        uint64_t n_refused;             /* a part of the skipped ones: their user has used up its quota */
};

void program_reader_init(ProgramReader *programs, int procfs_fd, TaskTable *table, ExitRecords *records);
void program_reader_deinit(ProgramReader *programs);
int program_reader_start_threads(ProgramReader *programs, const SubuidMap *subuids);

void program_reader_want(ProgramReader *programs);
void program_reader_unwant(ProgramReader *programs);
void program_reader_note_fork(ProgramReader *programs, const Process *process);
void program_reader_try_again(ProgramReader *programs, uint64_t now_ns);
bool program_reader_is_complete(const ProgramReader *programs);
int program_reader_read_next(ProgramReader *programs, Task **ret_task, Program **ret_program);

int program_reader_read_at_exec(ProgramReader *programs, Task *task, bool empty, Program **ret_program);
