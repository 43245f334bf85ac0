/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Sweep: a pass over the live tasks' statistics, in slices between which events are read.
 * It finds the last pass in which each task changed (Task.changed_sweep and
 * Process.changed_sweep). The consumer selects the tasks for its feeds.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "broker/tasks/process_totals.h"
#include "broker/tasks/sample_consumer.h"

typedef struct Sweep Sweep;

/*
 * The work of a slice ends with the task by which it reaches so many steps: once for the choice of the tasks, and once
 * for their samples.
 */
#define SWEEP_SLICE_STEPS 200000u

struct Sweep {
        Join *join;                     /* not owned */
        StatsSource *source;            /* not owned */
        SampleConsumer *consumer;       /* not owned; wants processes by their leaders */

        uint32_t number;                /* number of the pass that runs, or ran last */
        bool running;
        bool of_tasks, of_processes;    /* reported by this pass */
        uint32_t next_pid;
        ProcessTotals sum;                    /* the present process */
        bool large;                     /* it takes several slices */
        bool choosing;                  /* the choice whether it is wanted takes several slices */
        uint32_t wanted_pid;            /* the process that was chosen in this way; 0: none */
        uint64_t n_steps;               /* work of the slice beside the consumer's */
        uint64_t n_consumer_steps;      /* the consumer's when the slice began */

        uint64_t n_passes;
        uint64_t n_tasks;               /* queried */
        uint64_t n_gone;                /* queried, but ended before the answer */
        uint64_t n_lost;                /* queried without an answer */
};

void sweep_init(Sweep *sweep, Join *join, StatsSource *source, SampleConsumer *consumer);
void sweep_deinit(Sweep *sweep);

bool sweep_renumber(Sweep *sweep);
void sweep_start(Sweep *sweep, bool of_tasks, bool of_processes);
int sweep_slice(Sweep *sweep, size_t n_max);
void sweep_on_event(Sweep *sweep, const Event *event);
