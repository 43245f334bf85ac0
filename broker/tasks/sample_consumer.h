/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * SampleConsumer: the object that live statistics are read for. The sweep and the requests
 * for statistics query the kernel for the tasks that their consumer wants, and hand it the
 * samples. The consumer is a member of its owner, and keeps nothing of what it is handed.
 */

#include <stdbool.h>

#include "broker/model/sample.h"
#include "broker/tasks/task_table.h"

typedef struct SampleConsumer SampleConsumer;

struct SampleConsumer {
        /* Whether the kernel is queried for a task; for a process, @task is its leader. */
        bool (*wants)(SampleConsumer *consumer, const Task *task);

        /* Whether a process is queried for the sake of one of its tasks. NULL: never. */
        bool (*wants_task)(SampleConsumer *consumer, const Task *task);

        /* Takes the sample of a task, or of a process, whose leader is @task. NULL: there is no such task. */
        void (*take)(SampleConsumer *consumer, const Task *task, bool of_process, const TaskSample *sample);

        uint64_t n_steps;               /* the work of these functions so far; the unit is a filter's step */
        uint64_t n_steps_of_task;       /* the most of it for one task; 0: no more than for a query */
};
