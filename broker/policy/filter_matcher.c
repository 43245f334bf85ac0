/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A filter restricts a subscription to a set of tasks. An event says what its task is
 * after it, and refers to the task as it was before (Event.task_before). The event passes if the task was in the set or
 * is in it now. So a subscriber learns of each task that enters the set or leaves it.
 *
 * The criteria are the rows of proto/filter_criteria.h. Each has one function here,
 * NAME_match(). The loops are in filter_index.c and filter_glob.c, which count their steps.
 */

#include "broker/policy/filter_matcher.h"

typedef struct Subject Subject;

/* The steps of a judgement without its criteria. */
#define JUDGE_STEPS 1u

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

/*
 * One function for each criterion, called where the filter has it. Criteria of the scope
 * TASK take a subject, criteria of the scope EVENT an event.
 */

static bool uids_match(FilterMatcher *matcher, const Subject *subject) {
        return !subject->unknown && filter_index_has_uid(&matcher->index, subject->uid, &matcher->n_steps);
}

/* Whether the filter names the process that has a number and a start; 0: it is not known. */
static bool pids_have(FilterMatcher *matcher, uint32_t pid, uint64_t start_time_ns) {
        uint32_t place = filter_index_find_pid(&matcher->index, pid, &matcher->n_steps);

        return place != FILTER_INDEX_NONE && matcher->binding.starts.pids[place] == start_time_ns;
}

/* A process whose start is not known matches a number that is not bound yet: its number is all that is known. */
static bool pids_match(FilterMatcher *matcher, const Subject *subject) {
        return pids_have(matcher, subject->pid, subject->start_time_ns) ||
               (subject->origin.start_time_ns &&
                pids_have(matcher, subject->origin.pid, subject->origin.start_time_ns));
}

/* The task table keeps a mark for each process of a subtree: a match needs no walk up to the root. */
static bool subtrees_match(FilterMatcher *matcher, const Subject *subject) {
        return subject->marks & matcher->binding.mark;
}

/* A task whose name is still to be read is in no set of names. It enters one when the name becomes known. */
static bool comms_match(FilterMatcher *matcher, const Subject *subject) {
        return !subject->unknown && !subject->comm_stale &&
               filter_glob_match(matcher->glob, subject->comm, &matcher->n_steps);
}

static bool cgroups_match(FilterMatcher *matcher, const Subject *subject) {
        return subject->program && filter_index_has_cgroup(&matcher->index, matcher->filter,
                                                           program_cgroup(subject->program), &matcher->n_steps);
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

static bool subject_passes(FilterMatcher *matcher, const Subject *subject) {
        const Filter *filter = matcher->filter;

        matcher->n_steps += JUDGE_STEPS;
#define MATCH_TASK(name)                                                       \
        if (filter_has_##name(filter) && !name##_match(matcher, subject))      \
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

static bool matcher_compile_names(FilterMatcher *matcher, const Filter *filter) {
        bool added;

        if (filter->n_comms == 0)
                return true;
        matcher->glob = filter_glob_new();
        added = matcher->glob;
        for (size_t i = 0; i < filter->n_comms && added; ++i)
                added = filter_glob_add(&matcher->glob, filter->comms[i]);
        return added;
}

/**
 * filter_matcher_init() - compile a filter
 * @matcher:  output; nothing is bound yet
 * @filter:   the filter, which stays where it is
 *
 * Return: 0; FILTER_E_MEMORY.
 */
int filter_matcher_init(FilterMatcher *matcher, const Filter *filter) {
        *matcher = (FilterMatcher){ .filter = filter, .matches_all = filter_matches_all(filter) };
        filter_index_init(&matcher->index, filter);
        if (matcher_compile_names(matcher, filter))
                return 0;
        filter_matcher_deinit(matcher);
        return FILTER_E_MEMORY;
}

void filter_matcher_deinit(FilterMatcher *matcher) {
        matcher->glob = filter_glob_free(matcher->glob);
}

/* The memory that was allocated for a matcher. */
size_t filter_matcher_size(const FilterMatcher *matcher) {
        return matcher->glob ? filter_glob_size(matcher->glob) : 0;
}

/* The most work for one task, with the binding of its number. */
uint64_t filter_matcher_steps_max(const FilterMatcher *matcher) {
        return JUDGE_STEPS + filter_index_steps_max(&matcher->index) +
               (matcher->glob ? filter_glob_steps_max(matcher->glob) : 0);
}

/**
 * filter_matcher_bind() - let the numbers that no process had name a process
 * @matcher:        the compiled filter
 * @pid:            the number of a process
 * @start_time_ns:  the start of the process; 0: not known, nothing is bound
 * @slack_ns:       a start that is later by less than this belongs to the same process
 *
 * The list is walked once for each of its numbers, when the number is bound. A number is
 * bound again if a client named a process by its exact start, and the table has that start
 * rounded down.
 */
void filter_matcher_bind(FilterMatcher *matcher, uint32_t pid, uint64_t start_time_ns, uint64_t slack_ns) {
        const Filter *filter = matcher->filter;
        uint64_t *starts = matcher->binding.starts.pids;
        uint32_t place;

        if (filter->n_pids == 0 || start_time_ns == 0)
                return;
        place = filter_index_find_pid(&matcher->index, pid, &matcher->n_steps);
        if (place == FILTER_INDEX_NONE || starts[place] == start_time_ns)
                return;
        if (starts[place] && (starts[place] < start_time_ns || starts[place] - start_time_ns >= slack_ns))
                return;
        for (size_t i = place; i < filter->n_pids; ++i)
                if (filter->pids[i] == pid)
                        starts[i] = start_time_ns;
        matcher->binding.changed = true;
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
 * filter_matcher_has_task() - whether a task is in the set
 * @matcher:  the compiled filter
 * @task:     the task
 */
bool filter_matcher_has_task(FilterMatcher *matcher, const Task *task) {
        Subject subject = subject_of_task(task);

        return subject_passes(matcher, &subject);
}

/**
 * filter_matcher_judge() - whether an event passes
 * @matcher:  the compiled filter
 * @event:    the event
 * @before:   event->task_before; for a feed of processes event->leader_before
 */
FilterVerdict filter_matcher_judge(FilterMatcher *matcher, const Event *event, const Task *before) {
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
        was = before && filter_matcher_has_task(matcher, before);
        is = subject_passes(matcher, &after);
        if (!was && !is)
                return FILTER_HIDES;
        if (!event_passes(matcher->filter, event))
                return FILTER_HIDES;
        if (!event_changes_set(event) || was == is)
                return FILTER_PASSES;
        return is ? FILTER_ENTERS : FILTER_LEAVES;
}
