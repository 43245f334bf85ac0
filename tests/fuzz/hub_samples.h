/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The live statistics that one reader of the fuzzed hub asked for, and the samples that
 * it must get. Each gap in the numbers is reported, and the first sample is full. Each
 * task stands at most once in a sample, with values that only grow, and never after its
 * end. Each question has an answer with exactly the requested tasks.
 *
 * Include it behind #undef NDEBUG.
 */

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "broker/base/util.h"
#include "broker/model/taskstats.h"
#include "tests/unit/pb.h"

enum { SAMPLES_TASKS = 24, SAMPLES_QUESTIONS = 20, SAMPLES_NUMBERS = 8 };

/*
 * The read bytes of a task are a label: its owner, or foreign if the owner may not see
 * them. Each label has its own bits, so that a sum of all tasks still shows its labels.
 */
#define LABEL_BITS 10u
#define LABEL_OF(uid) (UINT64_C(1) << (LABEL_BITS * (uid)))
#define LABEL_FOREIGN LABEL_OF(5)
#define LABEL_MASK(uid) (((UINT64_C(1) << LABEL_BITS) - 1) << (LABEL_BITS * (uid)))

/* The id contains the request, so that no list of unanswered requests is needed. */
#define SAMPLE_ID(n, groups, threads) ((uint64_t)(n) << 16 | (groups) << 1 | (threads))

typedef struct Question Question;
typedef struct Samples Samples;
typedef struct SampledTask SampledTask;

struct Question {
        uint64_t id;            /* 0: none */
        uint32_t numbers[SAMPLES_NUMBERS];
        size_t n_pids, n;
};

/* The task, or process, with a number, as the reader got it last. */
struct SampledTask {
        uint64_t start_time_ns;
        uint64_t run_ns;
        bool ended;
        bool here;              /* it is in the sample at hand */
};

struct Samples {
        bool on;
        bool threads;
        bool fresh;             /* no sample is complete yet, or since a loss */
        bool begun;             /* a part of the sample at hand has come */
        uint32_t groups;
        uint64_t next, next_max; /* the number of the sample at hand */
        uint64_t n_ended;       /* in the sample at hand */
        size_t n_complete;
        SampledTask tasks[SAMPLES_TASKS + 1];
        Question questions[SAMPLES_QUESTIONS];
};

static inline void samples_check_stats(uint32_t uid, const PB(TaskStats) *stats) {
        if (uid > 0 && stats->io)
                assert((stats->io->read_bytes & ~LABEL_MASK(uid)) == 0);
}

/* Checks the public fields of a task, and the fields for its owner. */
static inline void samples_check_task(uint32_t uid, const PB(TaskSample) *sample) {
        const PB(TaskStats) *stats = sample->stats;

        assert(sample->comm.len <= 15);
        if (stats)
                samples_check_stats(uid, stats);
        if (uid == 0 || sample->uid == uid)
                return;
        assert(!sample->termination);
        if (stats)
                assert(!stats->io && !stats->executable && !stats->exit_status && !stats->memory_integrals);
}

static inline void samples_begin(Samples *samples, const PB(SubscribedSamples) * sampling, bool predicted) {
        uint32_t asked = (uint32_t)sampling->request_id & 0xffff;

        assert(!samples->on && sampling->next_number > 0);
        samples->on = true;
        samples->fresh = true;
        samples->threads = asked & 1;
        samples->groups = predicted && asked >> 1 ? asked >> 1 : ~0u;
        samples->next = sampling->next_number;
        samples->next_max = samples->next + 1;
}

static inline void samples_check_one(Samples *samples, const PB(TaskSample) *sample, bool predicted) {
        uint32_t number = samples->threads ? sample->tid : sample->pid;
        SampledTask *task = &samples->tasks[MIN(number, (uint32_t)SAMPLES_TASKS)];

        /* a task whose fork was not reported has the number behind the others, and no life of its own */
        if (number == SAMPLES_TASKS + 1) {
                assert(sample->ended && sample->task_unknown);
                ++samples->n_ended;
                return;
        }
        assert(number > 0 && number <= SAMPLES_TASKS);
        assert(sample->state == 0 || (sample->state == TASKBROKER__V1__SAMPLE_STATE__SAMPLE_STATE_LOST &&
                                      !sample->stats && !sample->ended));
        samples->n_ended += sample->ended;
        if (sample->stats) {
                assert(samples->groups & STATS_IO || !sample->stats->io);
                assert(samples->groups & STATS_CPU || !sample->stats->cpu);
                assert(samples->groups & STATS_EXIT_STATUS || !sample->stats->exit_status);
        }
        if (!predicted)
                return;
        assert(sample->start_time_ns >= task->start_time_ns);
        if (sample->start_time_ns > task->start_time_ns)
                *task = (SampledTask){ .start_time_ns = sample->start_time_ns };
        assert(!task->ended && (sample->ended || !task->here));
        task->here = true;
        task->ended = sample->ended;
        if (sample->stats && sample->stats->cpu && sample->stats->tasks_missing == 0) {
                assert(sample->stats->cpu->cpu_run_virtual_total_ns >= task->run_ns);
                task->run_ns = sample->stats->cpu->cpu_run_virtual_total_ns;
        }
}

static inline void samples_check_batch(Samples *samples, const PB(SamplePart) * batch, uint32_t uid, bool predicted) {
        assert(samples->on);
        if (samples->begun)
                assert(batch->number == samples->next);
        else
                assert(batch->number >= samples->next && batch->number <= samples->next_max);
        samples->begun = true;
        samples->next = samples->next_max = batch->number;
        for (size_t i = 0; i < batch->n_samples; ++i) {
                samples_check_task(uid, batch->samples[i]);
                samples_check_one(samples, batch->samples[i], predicted);
        }
        if (!batch->last) {
                assert(batch->n_samples > 0 && !batch->full && batch->span_ns == 0 && batch->exits == 0);
                return;
        }
        assert(batch->begin_time_ns > 0 && batch->end_time_ns >= batch->begin_time_ns);
        assert(samples->fresh ? batch->full && samples->n_ended <= batch->exits : samples->n_ended == batch->exits);
        samples->fresh = samples->begun = false;
        samples->next_max = ++samples->next;
        samples->n_ended = 0;
        ++samples->n_complete;
        for (size_t i = 0; i < ARRAY_SIZE(samples->tasks); ++i)
                samples->tasks[i].here = false;
}

/* The stream begins anew with a full sample of another set. */
static inline void samples_restart(Samples *samples, uint64_t next_number) {
        assert(samples->on && next_number > 0);
        samples->next = next_number;
        samples->next_max = next_number + 1;
        samples->fresh = true;
        samples->begun = false;
        samples->n_ended = 0;
        for (size_t i = 0; i < ARRAY_SIZE(samples->tasks); ++i)
                samples->tasks[i].here = false;
}

/* The reader may have got parts of the current sample before the loss. */
static inline void samples_check_loss(Samples *samples, const PB(SampleLoss) *loss) {
        assert(samples->on && loss->count > 0);
        samples->next += loss->count - 1;
        samples->next_max += loss->count;
        samples->fresh = true;
        samples->begun = false;
        samples->n_ended = 0;
        for (size_t i = 0; i < ARRAY_SIZE(samples->tasks); ++i)
                samples->tasks[i].here = false;
}

/*
 * Questions.
 */

static inline Question *samples_find_question(Samples *samples, uint64_t id) {
        for (size_t i = 0; i < SAMPLES_QUESTIONS; ++i)
                if (samples->questions[i].id == id)
                        return &samples->questions[i];
        return NULL;
}

/* It was refused, or answered. */
static inline void samples_forget(Samples *samples, uint64_t id) {
        Question *question = id ? samples_find_question(samples, id) : NULL;

        if (question)
                question->id = 0;
}

static inline void samples_check_answer(Samples *samples, const PB(TaskStatsReply) * stats, uint32_t uid,
                                        bool predicted) {
        const Question *question = stats->request_id ? samples_find_question(samples, stats->request_id) : NULL;

        assert(question || !predicted);
        for (size_t i = 0; i < stats->n_samples; ++i) {
                const PB(TaskSample) *sample = stats->samples[i];

                samples_check_task(uid, sample);
                assert(!sample->ended);
                if (sample->state == TASKBROKER__V1__SAMPLE_STATE__SAMPLE_STATE_LOST)
                        assert(!sample->stats);
                else if (sample->state)
                        assert(!sample->stats && sample->comm.len == 0 && sample->start_time_ns == 0 &&
                               !(sample->pid && sample->tid));
                if (predicted)
                        assert((i < question->n_pids ? sample->pid : sample->tid) == question->numbers[i]);
        }
        if (predicted)
                assert(stats->n_samples == question->n);
        samples_forget(samples, stats->request_id);
}

static inline bool samples_has_questions(const Samples *samples) {
        for (size_t i = 0; i < SAMPLES_QUESTIONS; ++i)
                if (samples->questions[i].id)
                        return true;
        return false;
}
