/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The tables and views of the history. docs/man/taskbroker-history.5 describes them for
 * people; a change of them is a new DB_SCHEMA_VERSION.
 */

#include <stdint.h>

#include "proto/taskstats_fields.h"

typedef struct Db Db;

#define DB_SCHEMA_VERSION 1

/* "TBhi": programs such as file(1) know the file by this number. */
#define DB_APPLICATION_ID 0x54426869

/*
 * The class of a process is the smallest C for which it lived shorter than 4^C
 * milliseconds. An index by class and start finds all processes that lived at a time:
 * the processes of a class began at most 4^C milliseconds before.
 */
#define DB_CLASS_LONGEST 20
#define DB_CLASS_NO_START 62            /* the start is not known */
#define DB_CLASS_RUNNING 63             /* the end is not recorded */

/* Bits of process.flags. */
enum {
        DB_FLAG_RESTRICTED = 1,         /* the recorder may know only public facts of this process */
        DB_FLAG_SYNTHESISED = 2,        /* the broker made the exit: the kernel's own event was lost */
        DB_FLAG_FORK_UNSEEN = 4,        /* found alive, not at its fork */
        DB_FLAG_SEEDED = 8,             /* the start is precise to 10 ms */
        DB_FLAG_KERNEL_THREAD = 16,
        DB_FLAG_TRUNCATED = 32,         /* args, exe or cgroup was longer */
        DB_FLAG_COMM_STALE = 64,        /* comm may be the name before an exec */
        DB_FLAG_TASK_UNKNOWN = 128,     /* the fork event was lost */
        DB_FLAG_TASKS_UNSEEN = 256,     /* threads may have ended unseen: the totals may lack them */
};

/* Values of process.program_missing and exe_missing: the reason why args, exe and cgroup are NULL. */
enum {
        DB_PROGRAM_NOT_ASKED = 1,       /* no exec or exit was recorded yet */
        DB_PROGRAM_UNKNOWN = 2,         /* not read since the last exec */
        DB_PROGRAM_LATE = 3,            /* the process had ended */
        DB_PROGRAM_SKIPPED = 4,         /* the broker had no time to read it */
        DB_PROGRAM_WITHHELD = 5,        /* exe alone: the recorder may not know it */
        DB_PROGRAM_UNREADABLE = 6,      /* exe alone: the broker may not read it, or the process has no executable */
};

/* Values of process.end_missing: the reason why the end was not seen. end_ns is then the latest time. */
enum {
        DB_END_HOLE = 1,                /* it ended while nothing was recorded */
        DB_END_REBOOT = 2,              /* it ended with its boot, or before */
};

/* The columns of statistics, in their order: D() for each delay, F() for each other field. */
#define DB_STATS_FIELDS(F)                                                    \
        TASKSTATS_CPU_FIELDS(F)                                               \
        TASKSTATS_MEMORY_FIELDS(F)                                            \
        TASKSTATS_MEMORY_INTEGRALS_FIELDS(F)                                  \
        TASKSTATS_SCHEDULING_FIELDS(F)                                        \
        TASKSTATS_IO_FIELDS(F)                                                \
        TASKSTATS_EXECUTABLE_FIELDS(F)

int db_schema_write(Db *db);
int db_schema_read(Db *db);
unsigned int db_schema_class(uint64_t lifetime_ns);
uint64_t db_schema_class_ns(unsigned int class);
