/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A filter restricts a subscription to a set of tasks. An event says what its task is
 * after it, and refers to the task as it was before (Event.task_before). The event passes if the task was in the set or
 * is in it now. So a subscriber learns of each task that enters the set or leaves it.
 *
 * The criteria are the rows of proto/filter_criteria.h. Each has one function here,
 * NAME_match(). Pure.
 */

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "broker/policy/filter.h"

typedef struct Subject Subject;

/* The input of the criteria of the scope TASK. */
struct Subject {
        uint32_t pid, uid;
        uint64_t start_time_ns; /* the start of the process; 0: not known */
        ProcessId origin;
        const char *comm;
        const Program *program;
        uint64_t marks;
        bool unknown;           /* uid and comm are not known */
        bool comm_stale;        /* comm is not known */
};

/**
 * filter_matches_all() - whether a filter leaves nothing out
 * @filter:  the filter
 */
bool filter_matches_all(const Filter *filter) {
#define HAS(name, ...) || filter_has_##name(filter)
        return !(false FILTER_CRITERIA(HAS));
#undef HAS
}

/**
 * filter_parse_cpus() - read a list of processors
 * @filter:  gets them
 * @text:    as the kernel writes it: "0-3,8"
 *
 * Return: Whether the text is such a list.
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

/*
 * One function for each criterion, called where the filter has it. Criteria of the scope
 * TASK take a subject, criteria of the scope EVENT an event.
 */

static bool uids_match(const Filter *filter, const FilterBinding *binding, const Subject *subject) {
        (void)binding;
        return !subject->unknown && numbers_have(filter->uids, filter->n_uids, subject->uid);
}

/* A process whose start is not known matches a number that is not bound yet: its number is all that is known. */
static bool pids_match(const Filter *filter, const FilterBinding *binding, const Subject *subject) {
        for (size_t i = 0; i < filter->n_pids; ++i) {
                uint64_t start_time_ns = binding->starts.pids[i];

                if (filter->pids[i] == subject->pid && start_time_ns == subject->start_time_ns)
                        return true;
                if (filter->pids[i] == subject->origin.pid && start_time_ns &&
                    start_time_ns == subject->origin.start_time_ns)
                        return true;
        }
        return false;
}

/* The task table keeps a mark for each process of a subtree: a match needs no walk up to the root. */
static bool subtrees_match(const Filter *filter, const FilterBinding *binding, const Subject *subject) {
        (void)filter;
        return subject->marks & binding->mark;
}

/* A task whose name is still to be read is in no set of names. It enters one when the name becomes known. */
static bool comms_match(const Filter *filter, const FilterBinding *binding, const Subject *subject) {
        (void)binding;
        for (size_t i = 0; i < filter->n_comms && !subject->unknown && !subject->comm_stale; ++i)
                if (fnmatch(filter->comms[i], subject->comm, 0) == 0)
                        return true;
        return false;
}

/* "/a" has "/a" and "/a/b", not "/ab"; "" has all. */
static bool cgroups_match(const Filter *filter, const FilterBinding *binding, const Subject *subject) {
        const char *path;

        (void)binding;
        if (!subject->program)
                return false;
        path = program_cgroup(subject->program);
        for (size_t i = 0; i < filter->n_cgroups; ++i) {
                size_t n = strlen(filter->cgroups[i]);

                if (strncmp(path, filter->cgroups[i], n) == 0 && (path[n] == 0 || path[n] == '/'))
                        return true;
        }
        return false;
}

/* The processor of a synthesised event is not known. */
static bool cpus_match(const Filter *filter, const Event *event) {
        return !event->synthesised && event->cpu < FILTER_CPUS &&
               filter->cpus[event->cpu / 64] >> (event->cpu % 64) & 1;
}

/* A status that is not known may be a failure: the exit passes. */
static bool nonzero_match(const Filter *filter, const Event *event) {
        (void)filter;
        return event->kind != EVENT_EXIT || event->exit.wait_status != 0 || event->exit.status_unknown ||
               (event->exit.process_ended &&
                (event->exit.process_wait_status != 0 || event->exit.process_status_unknown));
}

static bool subject_passes(const Filter *filter, const FilterBinding *binding, const Subject *subject) {
#define MATCH_TASK(name)                                                       \
        if (filter_has_##name(filter) && !name##_match(filter, binding, subject)) \
                return false;
#define MATCH_EVENT(name)
#define MATCH(name, NAME, shape, max, max_bytes, scope, ...) MATCH_##scope(name)
        FILTER_CRITERIA(MATCH)
#undef MATCH
#undef MATCH_EVENT
#undef MATCH_TASK
        return true;
}

static bool event_passes(const Filter *filter, const Event *event) {
#define MATCH_TASK(name)
#define MATCH_EVENT(name)                                                      \
        if (filter_has_##name(filter) && !name##_match(filter, event))         \
                return false;
#define MATCH(name, NAME, shape, max, max_bytes, scope, ...) MATCH_##scope(name)
        FILTER_CRITERIA(MATCH)
#undef MATCH
#undef MATCH_EVENT
#undef MATCH_TASK
        return true;
}

/**
 * filter_bind() - let the numbers that no process had name a process
 * @filter:         the filter
 * @binding:        the processes that it names
 * @pid:            the number of a process
 * @start_time_ns:  the start of the process; 0: not known, nothing is bound
 */
void filter_bind(const Filter *filter, FilterBinding *binding, uint32_t pid, uint64_t start_time_ns) {
        for (size_t i = 0; i < filter->n_pids; ++i)
                if (filter->pids[i] == pid && binding->starts.pids[i] == 0)
                        binding->starts.pids[i] = start_time_ns;
}

static Subject subject_of_task(const Task *task) {
        return (Subject){
                .pid = task->process->pid,
                .start_time_ns = process_leader(task->process)->start_time_ns,
                .origin = process_origin(task->process),
                .uid = task->ruid,
                .comm = task->comm,
                .program = task->process->program,
                .marks = task->process->marks,
                .unknown = task->flags & TASK_UNKNOWN,
                .comm_stale = task->flags & TASK_COMM_STALE,
        };
}

/**
 * filter_passes_task() - whether a task is in the set
 * @filter:  the filter
 * @binding: the processes that it names
 * @task:    the task
 */
bool filter_passes_task(const Filter *filter, const FilterBinding *binding, const Task *task) {
        Subject subject = subject_of_task(task);

        return subject_passes(filter, binding, &subject);
}

/**
 * filter_judge() - whether an event passes
 * @filter:  the filter
 * @binding: the processes that it names
 * @event:   the event
 * @before:  event->task_before; for a feed of processes event->leader_before
 */
FilterVerdict filter_judge(const Filter *filter, const FilterBinding *binding, const Event *event, const Task *before) {
        Subject after = {
                .pid = event->pid,
                .start_time_ns = event->process_start_ns,
                .origin = event->origin,
                .uid = event->uid,
                .comm = event->comm,
                .program = event->program,
                .marks = event->marks,
                .unknown = event->task_unknown,
                .comm_stale = event->comm_stale,
        };
        bool was, is;

        if (event->kind == EVENT_LOSS)
                return FILTER_PASSES;
        was = before && filter_passes_task(filter, binding, before);
        is = subject_passes(filter, binding, &after);
        if (!was && !is)
                return FILTER_HIDES;
        if (!event_passes(filter, event))
                return FILTER_HIDES;
        if (!event_changes_set(event) || was == is)
                return FILTER_PASSES;
        return is ? FILTER_ENTERS : FILTER_LEAVES;
}
