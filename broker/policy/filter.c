/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The subscription is of a set of tasks. While an event is told, the table has
 * its task as it was before, and the event says what it is after: if it was in the
 * set, or is, the event is told. So nothing enters or leaves the set untold.
 */

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "broker/policy/filter.h"

typedef struct Subject Subject;

/* What the set is made by. */
struct Subject {
        uint32_t pid, ppid, uid;
        const char *comm;
        const Program *program;
        uint64_t marks;
        bool unknown;           /* uid and comm are not known */
};

/**
 * filter_matches_all() - whether a filter leaves nothing out
 * @filter:  the filter
 */
bool filter_matches_all(const Filter *filter) {
        return !filter->n_uids && !filter->n_pids && !filter->n_subtrees && !filter->n_comms && !filter->n_cgroups &&
               !filter->has_cpus && !filter->nonzero;
}

/**
 * filter_parse_cpus() - read a list of processors
 * @filter:  gets them
 * @text:    as the kernel writes it: "0-3,8"
 *
 * Return: Whether it is one.
 */
bool filter_parse_cpus(Filter *filter, const char *text) {
        filter->has_cpus = true;
        for (;;) {
                unsigned long first, last;
                char *end;

                if (*text < '0' || *text > '9')
                        return false;
                first = last = strtoul(text, &end, 10);
                if (*end == '-') {
                        text = end + 1;
                        if (*text < '0' || *text > '9')
                                return false;
                        last = strtoul(text, &end, 10);
                }
                if (last < first || last >= FILTER_CPUS)
                        return false;
                for (unsigned long cpu = first; cpu <= last; ++cpu)
                        filter->cpus[cpu / 64] |= 1ull << (cpu % 64);
                if (*end == 0)
                        return true;
                if (*end != ',')
                        return false;
                text = end + 1;
        }
}

static bool numbers_have(const uint32_t *numbers, size_t n, uint32_t number) {
        for (size_t i = 0; i < n; ++i)
                if (numbers[i] == number)
                        return true;
        return false;
}

static bool comms_match(const Filter *filter, const char *comm) {
        for (size_t i = 0; i < filter->n_comms; ++i)
                if (fnmatch(filter->comms[i], comm, 0) == 0)
                        return true;
        return false;
}

/* "/a" has "/a" and "/a/b", not "/ab"; "" has all. */
static bool cgroups_have(const Filter *filter, const char *path) {
        for (size_t i = 0; i < filter->n_cgroups; ++i) {
                size_t n = strlen(filter->cgroups[i]);

                if (strncmp(path, filter->cgroups[i], n) == 0 && (path[n] == 0 || path[n] == '/'))
                        return true;
        }
        return false;
}

static bool subject_passes(const Filter *filter, uint64_t mark, const Subject *subject) {
        if (filter->n_uids && (subject->unknown || !numbers_have(filter->uids, filter->n_uids, subject->uid)))
                return false;
        if (filter->n_pids && !numbers_have(filter->pids, filter->n_pids, subject->pid) &&
            !numbers_have(filter->pids, filter->n_pids, subject->ppid))
                return false;
        if (filter->n_subtrees && !(subject->marks & mark))
                return false;
        if (filter->n_comms && (subject->unknown || !comms_match(filter, subject->comm)))
                return false;
        return !filter->n_cgroups || (subject->program && cgroups_have(filter, program_cgroup(subject->program)));
}

static Subject subject_of_task(const Task *task) {
        return (Subject){
                .pid = task->process->pid,
                .ppid = task->process->ppid,
                .uid = task->ruid,
                .comm = task->comm,
                .program = task->process->program,
                .marks = task->process->marks,
                .unknown = task->flags & TASK_UNKNOWN,
        };
}

/**
 * filter_passes_task() - whether a task is in the set
 * @filter:  the filter
 * @mark:    of its subtrees
 * @task:    the task
 */
bool filter_passes_task(const Filter *filter, uint64_t mark, const Task *task) {
        Subject subject = subject_of_task(task);

        return subject_passes(filter, mark, &subject);
}

static bool event_has_failed(const Event *event) {
        return event->kind != EVENT_EXIT || event->exit.wait_status != 0 ||
               (event->exit.process_ended && event->exit.process_wait_status != 0);
}

/* On which processor a conclusion happened is not known. */
static bool cpus_have(const Filter *filter, const Event *event) {
        return !event->synthesised && event->cpu < FILTER_CPUS && filter->cpus[event->cpu / 64] >> (event->cpu % 64) & 1;
}

/* Only these change what the set is made by. */
static bool event_is_change(const Event *event) {
        return event->kind == EVENT_EXEC || event->kind == EVENT_COMM || event->kind == EVENT_UID;
}

/**
 * filter_judge() - whether an event is told
 * @filter:  the filter
 * @mark:    of its subtrees
 * @event:   the event
 * @task:    its task as it was before; NULL: not in the table
 */
FilterVerdict filter_judge(const Filter *filter, uint64_t mark, const Event *event, const Task *task) {
        Subject after = {
                .pid = event->pid,
                .ppid = event->ppid,
                .uid = event->uid,
                .comm = event->comm,
                .program = event->program,
                .marks = event->marks,
                .unknown = event->task_unknown,
        };
        bool was, is;

        if (event->kind == EVENT_LOSS)
                return FILTER_PASSES;
        was = event->kind != EVENT_FORK && task && filter_passes_task(filter, mark, task);
        is = subject_passes(filter, mark, &after);
        if (!was && !is)
                return FILTER_HIDES;
        if ((filter->has_cpus && !cpus_have(filter, event)) || (filter->nonzero && !event_has_failed(event)))
                return FILTER_HIDES;
        if (!event_is_change(event) || was == is)
                return FILTER_PASSES;
        return is ? FILTER_ENTERS : FILTER_LEAVES;
}
