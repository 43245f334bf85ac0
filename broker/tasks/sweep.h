/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Sweep: a pass over the live tasks' statistics, in slices between which events are read.
 * It finds the last pass in which each task changed. The owner selects the tasks for its
 * feeds.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "broker/tasks/process_totals.h"

typedef struct Sweep Sweep;

/* Whether any feed wants a process, or its threads. */
typedef bool (*SweepWants)(Sweep *sweep, const Task *leader);

/*
 * A live task, or a process by its leader, and the last sweep that found it changed.
 * Return: 0, or a negative errno.
 */
typedef int (*SweepReport)(Sweep *sweep, const Task *task, bool of_process, const TaskSample *sample,
                           uint32_t changed_sweep);

struct Sweep {
        Join *join;                     /* not owned */
        StatsSource *source;            /* not owned */
        SweepWants wants;
        SweepReport report;

        uint32_t number;                /* number of the pass that runs, or ran last */
        bool running;
        bool of_tasks, of_processes;    /* reported by this pass */
        uint32_t next_pid;
        ProcessTotals sum;                    /* the present process */
        bool large;                     /* it takes several slices */

        uint64_t n_passes;
        uint64_t n_tasks;               /* queried */
        uint64_t n_gone;                /* queried, but ended before the answer */
        uint64_t n_lost;                /* queried without an answer */
};

void sweep_init(Sweep *sweep, Join *join, StatsSource *source, SweepWants wants, SweepReport report);
void sweep_deinit(Sweep *sweep);

void sweep_start(Sweep *sweep, bool of_tasks, bool of_processes);
int sweep_slice(Sweep *sweep, size_t n_max);
void sweep_on_event(Sweep *sweep, const Event *event);
