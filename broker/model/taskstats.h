/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * TaskStats: the accounting of a task, or the totals of a process, in the
 * broker's own plain form. The fields are listed once, in
 * proto/taskstats_fields.h; taskstats.proto documents them.
 */

#include <stdbool.h>
#include <stdint.h>

#include "proto/taskstats_fields.h"

/* A task's name as the kernel keeps it: at most 15 bytes and a NUL. */
#define COMM_SIZE 16

typedef struct Delay Delay;
typedef struct TaskStats TaskStats;

enum {
#define GROUP(group, GROUP, number) STATS_##GROUP = 1u << (number),
        TASKSTATS_GROUPS(GROUP)
#undef GROUP
};

/* Every group; and the bit that stands for none where a client asks for groups. */
#define STATS_GROUP_BIT(group, GROUP, number) | STATS_##GROUP
#define STATS_ALL_GROUPS ((uint32_t)(0 TASKSTATS_GROUPS(STATS_GROUP_BIT)))
#define STATS_NO_GROUP 1u

/* Bits of ac_flag, <linux/acct.h>. */
enum {
        AC_FLAG_FORK = 0x01,    /* has not called exec */
        AC_FLAG_SU = 0x02,      /* used superuser privilege */
        AC_FLAG_CORE = 0x08,    /* dumped core */
        AC_FLAG_XSIG = 0x10,    /* ended by a signal */
        AC_FLAG_GROUP = 0x20,   /* its exit ended the process (since 12) */
};

struct Delay {
        uint64_t count;
        uint64_t total_ns;
        uint64_t max_ns;
        uint64_t min_ns;
        uint64_t max_time_ns;
};

struct TaskStats {
        uint16_t version;       /* version of the kernel's record */
        uint32_t groups;        /* STATS_* that are there */
        uint32_t unsupported;   /* STATS_* that this kernel does not keep */
        uint32_t uncounted;     /* STATS_* that were not counted */
        uint32_t withheld;      /* STATS_* that are not for whoever reads this */

        uint32_t tasks;         /* totals: how many tasks are in them */
        uint32_t tasks_missing; /* totals: how many ended without statistics */
        bool tasks_unseen;      /* totals: the process is older than the broker, or than a loss */
        bool has_leader;        /* totals: they contain the leader, which gives them identity and name */

        char ac_comm[COMM_SIZE];

#define TASKSTATS_TYPE_U8 uint32_t
#define TASKSTATS_TYPE_S8 int32_t
#define TASKSTATS_TYPE_U32 uint32_t
#define TASKSTATS_TYPE_U64 uint64_t
#define FIELD(group, name, type, offset, offset_v15, since, total) TASKSTATS_TYPE_##type name;
        TASKSTATS_FIELDS(FIELD)
#undef FIELD

#define DELAY(name, offset, offset_v15, since, peak, peak_v15, peak_time) Delay name##_delay;
        TASKSTATS_DELAYS(DELAY)
#undef DELAY
};

void task_stats_add(TaskStats *total, const TaskStats *task, bool leader);
void task_stats_raise(TaskStats *total, const TaskStats *kernel_total);
