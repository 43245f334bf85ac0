/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* TaskSample: what one task, or one process, has used since its fork. See TaskSample in sample.proto. */

#include <stdbool.h>
#include <stdint.h>

#include "broker/model/event.h"
#include "broker/model/owner.h"
#include "broker/model/taskstats.h"

typedef struct TaskSample TaskSample;

struct TaskSample {
        uint32_t pid;
        uint32_t tid;
        ProcessId maker;
        ProcessId parent;
        ProcessId session_leader;
        uint32_t uid;
        const char *comm;               /* COMM_SIZE bytes; NULL: none */
        bool comm_stale;                /* comm may be the name before an exec */
        uint64_t start_time_ns;
        uint64_t time_ns;
        const TaskStats *stats;         /* NULL: not known */
        uint32_t tasks;
        bool kernel_thread;
        bool task_unknown;              /* zero, empty and false values above are not known */
        bool gone;
        bool lost;                      /* the kernel's answer was lost: there are no statistics */
        bool ended;
        uint32_t wait_status;           /* ended */
        bool status_unknown;            /* ended; wait_status is 0 */
        StatsMissing stats_missing;     /* ended */
        Owner owner;                    /* common owner of all in stats; of a task that ended, see the event */
};
