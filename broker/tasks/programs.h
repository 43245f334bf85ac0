/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Programs: what processes run, read from /proc when somebody wants it: at each
 * exec, and once for all processes that were there before.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "broker/tasks/table.h"

typedef struct Programs Programs;

/* Before the table has it. */
typedef void (*ProgramsTell)(Programs *programs, const Task *task, const Program *program);

/* A negative errno, or 0. */
typedef int (*ProgramsHasEnded)(Programs *programs, const Task *task, bool *ret_ended);

struct Programs {
        int procfs_fd;                  /* not owned */
        TaskTable *table;               /* not owned */
        ProgramsHasEnded has_ended;     /* by now; or NULL */
        ProgramsTell tell;              /* of a cgroup that became known, or another, outside of an exec; or NULL */
        size_t n_wanted;                /* how many want them */
        bool complete;                  /* a pass has begun since somebody wanted them, and leaves nothing out */
        uint32_t next_tid;              /* of the pass; 0: there is none */
        uint64_t refilled_ns;           /* monotonic */
        uint32_t n_tokens;              /* readings left in this second's budget */

        uint64_t n_captured;
        uint64_t n_late;
        uint64_t n_skipped;
};

void programs_init(Programs *programs, int procfs_fd, TaskTable *table, ProgramsTell tell);

void programs_want(Programs *programs);
void programs_unwant(Programs *programs);
void programs_note_birth(Programs *programs, const Process *process);
bool programs_are_complete(const Programs *programs);
int programs_read_slice(Programs *programs);

int programs_read_at_exec(Programs *programs, const Task *task, bool empty, Program **ret_program);
