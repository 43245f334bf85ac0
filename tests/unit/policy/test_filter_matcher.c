/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/* Filters: which tasks are in the set, and the verdict on an event by which a task enters it, leaves it or neither. */

#include "broker/base/util.h"
#include "broker/policy/filter_matcher.h"
#include "tests/unit/made.h"

#define MARK 4u

typedef struct Spec Spec;
typedef struct Subject Subject;
typedef struct TaskRow TaskRow;

/* A filter in a short form: its lists end with 0 or NULL. */
struct Spec {
        uint32_t uids[3], pids[3];
        uint64_t starts[3];             /* the starts of pids */
        bool subtree;
        const char *comms[3], *cgroups[3], *cpus;
        bool nonzero;
};

/* A task. A member that is not given is 0, "" or not known. */
struct Subject {
        uint32_t pid, ppid, uid;
        uint64_t start, parent_start;   /* the starts of the process and of its maker; 0: not known */
        const char *comm, *cgroup;
        uint64_t marks;
        bool unknown;
};

/* A filter, and whether a task is in its set. */
struct TaskRow {
        Spec spec;
        Subject subject;
        bool passes;
};

static TaskTable table;
static FilterBinding set = { .mark = MARK };

/* A filter is compiled for each judgement; the next one has the same binding. */
static FilterMatcher compiled(const Filter *filter) {
        FilterMatcher matcher;

        assert(filter_matcher_init(&matcher, filter) == 0);
        matcher.binding = set;
        return matcher;
}

static bool has_task(const Filter *filter, const Task *task) {
        FilterMatcher matcher = compiled(filter);
        bool has = filter_matcher_has_task(&matcher, task);

        assert(matcher.n_steps > 0);
        filter_matcher_deinit(&matcher);
        return has;
}

static FilterVerdict judge(const Filter *filter, const Event *event, const Task *before) {
        FilterMatcher matcher = compiled(filter);
        FilterVerdict verdict = filter_matcher_judge(&matcher, event, before);

        filter_matcher_deinit(&matcher);
        return verdict;
}

static void bind_process(const Filter *filter, uint32_t pid, uint64_t start_time_ns, uint64_t slack_ns) {
        FilterMatcher matcher = compiled(filter);

        filter_matcher_bind(&matcher, pid, start_time_ns, slack_ns);
        set = matcher.binding;
        filter_matcher_deinit(&matcher);
}

/* Also sets the binding. */
static Filter filter_of(const Spec *spec) {
        Filter filter = { .nonzero = spec->nonzero, .n_subtrees = spec->subtree, .subtrees = { 77 } };

        memset(set.starts.pids, 0, sizeof(set.starts.pids));
        memcpy(set.starts.pids, spec->starts, sizeof(spec->starts));
        for (size_t i = 0; i < 3 && spec->uids[i]; ++i)
                filter.uids[filter.n_uids++] = spec->uids[i];
        for (size_t i = 0; i < 3 && spec->pids[i]; ++i)
                filter.pids[filter.n_pids++] = spec->pids[i];
        for (size_t i = 0; i < 3 && spec->comms[i]; ++i)
                strcpy(filter.comms[filter.n_comms++], spec->comms[i]);
        for (size_t i = 0; i < 3 && spec->cgroups[i]; ++i)
                strcpy(filter.cgroups[filter.n_cgroups++], spec->cgroups[i]);
        if (spec->cpus)
                assert(filter_parse_cpus(&filter, spec->cpus));
        return filter;
}

/* The only task of the table. @thread: it has another number than its process. */
static Task *task_of(const Subject *subject, bool thread) {
        uint32_t pid = subject->pid ? subject->pid : 100;
        Task *task;

        task_table_deinit(&table);
        task_table_init(&table);
        task = made_task(&table, pid, pid, subject->ppid, subject->start);
        task->process->origin_start_ns = subject->parent_start;
        if (thread)
                task = made_task(&table, pid, pid + 1, subject->ppid, subject->start + 1);
        task->ruid = subject->uid;
        task->euid = subject->uid + 1;
        memset(task->comm, 0, sizeof(task->comm));
        if (subject->comm)
                strcpy(task->comm, subject->comm);
        task->process->marks = subject->marks;
        if (subject->unknown)
                task->flags |= TASK_UNKNOWN;
        if (subject->cgroup)
                task_table_set_program(&table, task->process, made_program("x", "y", subject->cgroup));
        return task;
}

/* An event. @subject: its task as it is after the event. */
static Event event_of(EventKind kind, const Subject *subject, const Program *program) {
        Event event = {
                .kind = kind,
                .pid = subject->pid ? subject->pid : 100,
                .process_start_ns = subject->start,
                .origin = { .pid = subject->ppid, .known = true, .start_time_ns = subject->parent_start },
                .uid = subject->uid,
                .marks = subject->marks,
                .task_unknown = subject->unknown,
                .program = program,
        };

        event.tid = event.pid;
        if (subject->comm)
                strcpy(event.comm, subject->comm);
        return event;
}

static void check_tasks(const TaskRow *rows, size_t n) {
        for (size_t i = 0; i < n; ++i) {
                Filter filter = filter_of(&rows[i].spec);

                /* a thread has its own uid and name, and everything else from its process */
                for (int thread = 0; thread < 2; ++thread)
                        assert(has_task(&filter, task_of(&rows[i].subject, thread)) == rows[i].passes);
        }
        task_table_deinit(&table);
}

/* Criteria uids, pids and subtrees. */
static void test_by_numbers(void) {
        static const TaskRow rows[] = {
                { {}, {}, true },
                { {}, { .unknown = true }, true },
                /* one entry of several suffices */
                { { .uids = { 5 } }, { .uid = 5 }, true },
                { { .uids = { 5, 7 } }, { .uid = 7 }, true },
                { { .uids = { 5, 7 } }, { .uid = 6 }, false },
                { { .uids = { 6 } }, { .uid = 5 }, false }, /* the effective uid has no effect */
                { { .uids = { UINT32_MAX } }, { .uid = UINT32_MAX }, true },
                { { .uids = { 5 } }, { .uid = 5, .unknown = true }, false },
                /* a process, and its children */
                { { .pids = { 9 } }, { .pid = 9 }, true },
                { { .pids = { 9 }, .starts = { 5 } }, { .pid = 9, .start = 5 }, true },
                { { .pids = { 9 }, .starts = { 5 } }, { .pid = 10, .ppid = 9, .parent_start = 5 }, true },
                { { .pids = { 8, 9 }, .starts = { 4, 5 } }, { .pid = 10, .ppid = 9, .parent_start = 5 }, true },
                /* an earlier or later process with the number, and its children */
                { { .pids = { 9 }, .starts = { 5 } }, { .pid = 9, .start = 4 }, false },
                { { .pids = { 9 }, .starts = { 5 } }, { .pid = 9, .start = 6 }, false },
                { { .pids = { 9 }, .starts = { 5 } }, { .pid = 10, .ppid = 9, .parent_start = 6 }, false },
                { { .pids = { 8, 9 }, .starts = { 4, 5 } }, { .pid = 9, .start = 4 }, false },
                { { .pids = { 8, 9 }, .starts = { 4, 5 } }, { .pid = 10, .ppid = 8, .parent_start = 5 }, false },
                /* a process whose start is not known is known by its number alone, until the number is bound */
                { { .pids = { 9 }, .starts = { 5 } }, { .pid = 9 }, false },
                { { .pids = { 9 } }, { .pid = 9, .start = 5 }, false },
                { { .pids = { 9 } }, { .pid = 10, .ppid = 9 }, false },
                { { .pids = { 9 } }, { .pid = 10, .ppid = 9, .parent_start = 5 }, false },
                { { .pids = { 9 } }, { .pid = 10, .ppid = 8 }, false },
                { { .pids = { 9 } }, { .pid = 10 }, false },
                { { .pids = { 9 } }, { .pid = 9, .unknown = true }, true },
                { { .pids = { 9 }, .starts = { 5 } },
                  { .pid = 10, .ppid = 9, .parent_start = 5, .unknown = true }, true },
                /* a subtree is a mark */
                { { .subtree = true }, { .marks = MARK }, true },
                { { .subtree = true }, { .marks = UINT64_MAX }, true },
                { { .subtree = true }, { .marks = ~(uint64_t)MARK }, false },
                { { .subtree = true }, { .pid = 77 }, false },
                { { .subtree = true }, { .marks = MARK, .unknown = true }, true },
                { {}, { .marks = 0 }, true },
        };

        check_tasks(rows, ARRAY_SIZE(rows));
}

/* Criterion comms. */
static void test_by_comm(void) {
        static const TaskRow rows[] = {
                { { .comms = { "sh" } }, { .comm = "sh" }, true },
                { { .comms = { "sh" } }, { .comm = "bash" }, false },
                { { .comms = { "sh" } }, { .comm = "sh " }, false },
                { { .comms = { "a", "b*" } }, { .comm = "bash" }, true },
                { { .comms = { "*sh" } }, { .comm = "bash" }, true },
                { { .comms = { "?ash" } }, { .comm = "bash" }, true },
                { { .comms = { "?ash" } }, { .comm = "ash" }, false },
                { { .comms = { "[a-c]ash" } }, { .comm = "bash" }, true },
                { { .comms = { "[!b]ash" } }, { .comm = "bash" }, false },
                { { .comms = { "kworker/*" } }, { .comm = "kworker/u16:3-e" }, true },
                { { .comms = { "k*3-e" } }, { .comm = "kworker/u16:3-e" }, true },
                { { .comms = { "*" } }, { .comm = "" }, true },
                { { .comms = { "?" } }, { .comm = "" }, false },
                { { .comms = { "*" } }, { .comm = ".hidden" }, true },
                { { .comms = { "\\*" } }, { .comm = "*" }, true },
                { { .comms = { "\\*" } }, { .comm = "x" }, false },
                { { .comms = { "[" } }, { .comm = "x" }, false },
                { { .comms = { "SH" } }, { .comm = "sh" }, false },
                { { .comms = { "*" } }, { .comm = "sh", .unknown = true }, false },
        };

        check_tasks(rows, ARRAY_SIZE(rows));
}

/* Criterion cgroups: paths match by whole components. */
static void test_by_cgroup(void) {
        static const TaskRow rows[] = {
                { { .cgroups = { "/a" } }, { .cgroup = "/a" }, true },
                { { .cgroups = { "/a" } }, { .cgroup = "/a/b" }, true },
                { { .cgroups = { "/a" } }, { .cgroup = "/a/b/c" }, true },
                { { .cgroups = { "/a" } }, { .cgroup = "/ab" }, false },
                { { .cgroups = { "/a" } }, { .cgroup = "/a.slice" }, false },
                { { .cgroups = { "/a" } }, { .cgroup = "/" }, false },
                { { .cgroups = { "/a" } }, { .cgroup = "/b/a" }, false },
                { { .cgroups = { "/a/b" } }, { .cgroup = "/a" }, false },
                { { .cgroups = { "/a/b" } }, { .cgroup = "/a/bc" }, false },
                { { .cgroups = { "/b", "/a" } }, { .cgroup = "/a/b" }, true },
                { { .cgroups = { "/a*" } }, { .cgroup = "/ab" }, false },
                { { .cgroups = { "" } }, { .cgroup = "/" }, true },
                { { .cgroups = { "" } }, { .cgroup = "/a" }, true },
                { { .cgroups = { "/a" } }, { .cgroup = "" }, false },
                { { .cgroups = { "/a" } }, {}, false },
                { { .cgroups = { "" } }, {}, false },
                { { .cgroups = { "/a" } }, { .cgroup = "/a", .unknown = true }, true },
        };

        check_tasks(rows, ARRAY_SIZE(rows));
}

/* Several criteria in one filter. */
static void test_by_several(void) {
        static const TaskRow rows[] = {
                /* every field that is not empty must match */
                { { .uids = { 5 }, .comms = { "sh" } }, { .uid = 5, .comm = "sh" }, true },
                { { .uids = { 5 }, .comms = { "sh" } }, { .uid = 5, .comm = "ls" }, false },
                { { .uids = { 5 }, .comms = { "sh" } }, { .uid = 6, .comm = "sh" }, false },
                { { .pids = { 9 }, .subtree = true }, { .pid = 9 }, false },
                { { .pids = { 9 }, .subtree = true }, { .pid = 9, .marks = MARK }, true },
                { { .cgroups = { "/a" }, .uids = { 5 } }, { .cgroup = "/a", .uid = 6 }, false },
                { { .uids = { 5 }, .pids = { 9 }, .starts = { 7 }, .subtree = true,
                    .comms = { "s*" }, .cgroups = { "/a" } },
                  { .uid = 5, .pid = 10, .ppid = 9, .parent_start = 7, .marks = MARK, .comm = "sh",
                    .cgroup = "/a/b" }, true },
                /* a criterion about events restricts no task */
                { { .cpus = "3" }, {}, true },
                { { .nonzero = true }, {}, true },
                { { .cpus = "3", .nonzero = true, .uids = { 5 } }, { .uid = 6 }, false },
        };

        check_tasks(rows, ARRAY_SIZE(rows));
}

static void test_matches_all(void) {
        static const Spec specs[] = {
                { .uids = { 1 } },     { .pids = { 1 } },      { .subtree = true }, { .comms = { "*" } },
                { .cgroups = { "" } }, { .cpus = "0-8191" }, { .nonzero = true },
        };
        Filter filter = filter_of(&(Spec){});

        assert(filter_matches_all(&filter));
        for (size_t i = 0; i < ARRAY_SIZE(specs); ++i) {
                filter = filter_of(&specs[i]);
                assert(!filter_matches_all(&filter));
        }
}

/*
 * Events.
 */

static bool is_change(EventKind kind) {
        return kind == EVENT_EXEC || kind == EVENT_COMM || kind == EVENT_UID;
}

/* The task before an event; a fork has none. */
static const Task *before_of(EventKind kind, const Subject *was) {
        return kind == EVENT_FORK ? NULL : task_of(was, false);
}

/* The verdict of the protocol, for a filter with criteria about tasks alone. */
static FilterVerdict verdict_of(EventKind kind, bool was, bool is) {
        if (kind == EVENT_LOSS)
                return FILTER_PASSES;
        if (kind == EVENT_FORK)
                was = false;
        if (!was && !is)
                return FILTER_HIDES;
        if (!is_change(kind) || was == is)
                return FILTER_PASSES;
        return is ? FILTER_ENTERS : FILTER_LEAVES;
}

/*
 * Each criterion and each kind: the task was in the set, was not in it, or was not known; after
 * the event it is in it or not.
 */
static void test_every_way(void) {
        static const struct {
                Spec spec;
                Subject in, out;
        } rows[] = {
                { { .uids = { 5 } }, { .uid = 5 }, { .uid = 6 } },
                { { .uids = { 5 } }, { .uid = 5 }, { .uid = 5, .unknown = true } },
                { { .comms = { "s*" } }, { .comm = "sh" }, { .comm = "ls" } },
                { { .comms = { "s*" } }, { .comm = "sh" }, { .comm = "sh", .unknown = true } },
                { { .cgroups = { "/a" } }, { .cgroup = "/a" }, { .cgroup = "/b" } },
                { { .cgroups = { "/a" } }, { .cgroup = "/a" }, {} },
                { { .subtree = true }, { .marks = MARK }, { .marks = MARK << 1 } },
                { { .pids = { 50 }, .starts = { 7 } },
                  { .ppid = 50, .parent_start = 7 }, { .ppid = 50, .parent_start = 8 } },
                { { .uids = { 5 }, .comms = { "sh" } }, { .uid = 5, .comm = "sh" }, { .uid = 5, .comm = "ls" } },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); ++i) {
                Filter filter = filter_of(&rows[i].spec);

                for (EventKind kind = EVENT_FORK; kind < _EVENT_KIND_N; ++kind) {
                        /* 0: not in the set, 1: in it, 2: not known */
                        for (int before = 0; before < 3; ++before) {
                                for (int after = 0; after < 2; ++after) {
                                        const Subject *was = before ? &rows[i].in : &rows[i].out;
                                        const Subject *is = after ? &rows[i].in : &rows[i].out;
                                        Program *program = is->cgroup ? made_program("x", "y", is->cgroup) : NULL;
                                        Event event = event_of(kind, is, program);
                                        const Task *task = before < 2 ? before_of(kind, was) : NULL;

                                        assert(judge(&filter, &event, task) ==
                                               verdict_of(kind, before == 1, after));
                                        free(program);
                                }
                        }
                }
        }
        task_table_deinit(&table);
}

/* Only uid, comm and exec events change a set. Any other event of a thread says nothing about its leader. */
static void test_of_another_thread(void) {
        static const EventKind kinds[] = { EVENT_SID, EVENT_COREDUMP, EVENT_EXIT, EVENT_GID, EVENT_PTRACE };
        Filter filter = filter_of(&(Spec){ .comms = { "server" } });

        for (size_t i = 0; i < ARRAY_SIZE(kinds); ++i) {
                Event event = event_of(kinds[i], &(Subject){ .comm = "worker" }, NULL);

                event.tid = event.pid + 7;
                assert(judge(&filter, &event, task_of(&(Subject){.comm = "server"}, false)) ==
                       FILTER_PASSES);
                strcpy(event.comm, "server");
                assert(judge(&filter, &event, task_of(&(Subject){.comm = "worker"}, false)) ==
                       FILTER_PASSES);
        }
        task_table_deinit(&table);
}

/* A Loss passes every filter. */
static void test_loss(void) {
        Filter filter = filter_of(&(Spec){ .uids = { 5 }, .pids = { 5 }, .subtree = true, .comms = { "x" },
                                           .cgroups = { "/x" }, .cpus = "3", .nonzero = true });
        Event event = { .kind = EVENT_LOSS };

        assert(judge(&filter, &event, NULL) == FILTER_PASSES);
}

/* Exits pass only if they failed; events of other kinds always pass. */
static void test_nonzero(void) {
        static const struct {
                uint32_t wait_status, process_wait_status;
                bool process_ended;
                bool passes;
        } rows[] = {
                { 0, 0, false, false },
                { 0, 0, true, false },
                { 1 << 8, 0, false, true },
                { 9, 0, false, true },
                { 0x80 | 11, 0, false, true },
                { 1 << 8, 1 << 8, true, true },
                /* the process failed, though its last thread did not */
                { 0, 1 << 8, true, true },
                { 0, 9, true, true },
                /* the last thread failed, but the process did not */
                { 9, 0, true, true },
                /* the status of a process is not known before the process ends */
                { 0, 9, false, false },
        };
        static const struct {
                bool unknown, process_unknown, process_ended;
                bool passes;
        } unknown_rows[] = {
                { true, false, false, true },
                { true, true, true, true },
                { false, true, true, true },
                { false, true, false, false },
        };
        Filter filter = filter_of(&(Spec){ .nonzero = true });
        const Task *task = task_of(&(Subject){}, false);

        for (size_t i = 0; i < ARRAY_SIZE(rows); ++i) {
                Event event = event_of(EVENT_EXIT, &(Subject){}, NULL);

                event.exit.wait_status = rows[i].wait_status;
                event.exit.process_wait_status = rows[i].process_wait_status;
                event.exit.process_ended = rows[i].process_ended;
                assert(judge(&filter, &event, task) == (rows[i].passes ? FILTER_PASSES : FILTER_HIDES));
                event.synthesised = true;
                assert(judge(&filter, &event, NULL) == (rows[i].passes ? FILTER_PASSES : FILTER_HIDES));
        }
        /* a status that is not known may be a failure */
        for (size_t i = 0; i < ARRAY_SIZE(unknown_rows); ++i) {
                Event event = event_of(EVENT_EXIT, &(Subject){}, NULL);

                event.exit.status_unknown = unknown_rows[i].unknown;
                event.exit.process_status_unknown = unknown_rows[i].process_unknown;
                event.exit.process_ended = unknown_rows[i].process_ended;
                assert(judge(&filter, &event, task) ==
                       (unknown_rows[i].passes ? FILTER_PASSES : FILTER_HIDES));
        }
        for (EventKind kind = EVENT_FORK; kind < _EVENT_KIND_N; ++kind) {
                Event event = event_of(kind, &(Subject){}, NULL);

                if (kind != EVENT_EXIT)
                        assert(judge(&filter, &event, task) == FILTER_PASSES);
        }
        task_table_deinit(&table);
}

/* Events of these processors pass; the processor of a synthesised event is not known. */
static void test_cpus(void) {
        Filter filter = filter_of(&(Spec){ .cpus = "1-2,64,8191" });
        const Task *task = task_of(&(Subject){}, false);

        for (EventKind kind = EVENT_FORK; kind < EVENT_LOSS; ++kind) {
                for (uint32_t cpu = 0; cpu < 2 * FILTER_CPUS; cpu += cpu < 70 || (cpu > 8180 && cpu < 8200) ? 1 : 37) {
                        bool there = cpu == 1 || cpu == 2 || cpu == 64 || cpu == 8191;
                        Event event = event_of(kind, &(Subject){}, NULL);

                        event.cpu = cpu;
                        event.exit.wait_status = 0;
                        assert(judge(&filter, &event, task) == (there ? FILTER_PASSES : FILTER_HIDES));
                        event.synthesised = true;
                        assert(judge(&filter, &event, task) == FILTER_HIDES);
                }
                {
                        Event event = event_of(kind, &(Subject){}, NULL);

                        event.cpu = UINT32_MAX;
                        assert(judge(&filter, &event, task) == FILTER_HIDES);
                }
        }
        task_table_deinit(&table);
}

/* Criteria about events and criteria about tasks in one filter. */
static void test_events_and_tasks(void) {
        Filter filter = filter_of(&(Spec){ .uids = { 5 }, .cpus = "1", .nonzero = true });

        for (EventKind kind = EVENT_FORK; kind < EVENT_LOSS; ++kind) {
                for (int bits = 0; bits < 16; ++bits) {
                        bool was = bits & 1, is = bits & 2, there = bits & 4, failed = bits & 8;
                        Event event = event_of(kind, &(Subject){ .uid = is ? 5 : 6 }, NULL);
                        FilterVerdict expected = verdict_of(kind, was, is);

                        event.cpu = there ? 1 : 2;
                        if (kind == EVENT_EXIT)
                                event.exit.wait_status = failed ? 9 : 0;
                        if (!there || (kind == EVENT_EXIT && !failed))
                                expected = FILTER_HIDES;
                        assert(judge(&filter, &event, before_of(kind, &(Subject){.uid = was ? 5 : 6})) ==
                               expected);
                }
        }
        task_table_deinit(&table);
}

/* A number that no process had names the first process that gets it, and no later one. */
static void test_bind(void) {
        Filter filter = filter_of(&(Spec){ .pids = { 9, 8, 9 }, .starts = { 0, 3, 0 } });

        bind_process(&filter, 9, 0, 0);
        bind_process(&filter, 7, 4, 0);
        assert(set.starts.pids[0] == 0 && set.starts.pids[1] == 3);
        bind_process(&filter, 9, 5, 0);
        bind_process(&filter, 9, 6, 0);
        bind_process(&filter, 8, 6, 0);
        assert(set.starts.pids[0] == 5 && set.starts.pids[1] == 3 && set.starts.pids[2] == 5);
        assert(has_task(&filter, task_of(&(Subject){ .pid = 9, .start = 5 }, false)));
        assert(!has_task(&filter, task_of(&(Subject){ .pid = 9, .start = 6 }, false)));
        task_table_deinit(&table);
}

/* A number that a client named by an exact start is bound to the process whose start is rounded down. */
static void test_bind_rounded(void) {
        static const struct {
                uint64_t named, start, slack, bound;
        } rows[] = {
                { 57, 50, 10, 50 },     /* found in /proc */
                { 50, 50, 10, 50 },
                { 59, 50, 10, 50 },
                { 60, 50, 10, 60 },     /* too late for that start: a later owner, which was not found */
                { 49, 50, 10, 49 },     /* an earlier owner */
                { 57, 50, 0, 57 },      /* its fork was seen: another process */
                { 0, 50, 0, 50 },
                { 0, 50, 10, 50 },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); ++i) {
                Filter filter = filter_of(&(Spec){ .pids = { 9 }, .starts = { rows[i].named } });

                bind_process(&filter, 9, rows[i].start, rows[i].slack);
                assert(set.starts.pids[0] == rows[i].bound);
        }
}

static void test_parse_cpus(void) {
        static const struct {
                const char *text;
                uint64_t first, last;   /* words 0 and 127 */
                size_t n;               /* processors in the set */
        } good[] = {
                { "0", 1, 0, 1 },
                { "0-3,8", 0x10f, 0, 5 },
                { "8,0-3", 0x10f, 0, 5 },
                { "63", 1ull << 63, 0, 1 },
                { "0-63", UINT64_MAX, 0, 64 },
                { "0-8191", UINT64_MAX, UINT64_MAX, 8192 },
                { "8191", 0, 1ull << 63, 1 },
                { "5-5,5,5", 0x20, 0, 1 },
                { "1-4,3-6", 0x7e, 0, 6 },
                { "0000000000000000000000000000001", 2, 0, 1 },
        };

        for (size_t i = 0; i < ARRAY_SIZE(good); ++i) {
                Filter filter = {};
                size_t n = 0;

                assert(filter_parse_cpus(&filter, good[i].text) && filter.has_cpus);
                assert(filter.cpus[0] == good[i].first && filter.cpus[127] == good[i].last);
                for (size_t k = 0; k < ARRAY_SIZE(filter.cpus); ++k)
                        n += (size_t)__builtin_popcountll(filter.cpus[k]);
                assert(n == good[i].n);
        }
}

static void test_parse_bad_cpus(void) {
        static const char *const bad[] = {
                "", ",", "-", "0-", "-0", "0,", ",0", "0,,1", "3-1", "1-2-3", "8192", "0-8192", "8191-8192",
                "a", "0a", "0-a", "0 ", " 0", "0, 1", "+1", "-1", "0x1", "1e1", "0--1", "4294967296",
                "4294967296-4294967297", "18446744073709551615", "18446744073709551616",
                "0-18446744073709551617", "99999999999999999999999999", "0-99999999999999999999999999",
                "99999999999999999999999999-99999999999999999999999999", "0\n", "\t0", "0-\n1", "0.0", "\xff",
        };

        for (size_t i = 0; i < ARRAY_SIZE(bad); ++i) {
                /* the memory ends where the text ends, so that the sanitizer sees a read beyond it */
                char *text = exact_copy(bad[i], strlen(bad[i]) + 1);
                Filter filter = {};

                assert(!filter_parse_cpus(&filter, text));
                free(text);
        }
}

/*
 * Any filter and any two states of a task, compared with the definition: a task is in the
 * set if each list that is not empty contains it.
 */
static bool model_has(const Spec *spec, const Subject *subject) {
        bool uid = !spec->uids[0], pid = !spec->pids[0], comm = !spec->comms[0], cgroup = !spec->cgroups[0];

        for (size_t i = 0; i < 3; ++i) {
                uid |= spec->uids[i] && !subject->unknown && spec->uids[i] == subject->uid;
                pid |= spec->pids[i] && ((spec->pids[i] == subject->pid && spec->starts[i] == subject->start) ||
                                         (spec->pids[i] == subject->ppid && spec->starts[i] == subject->parent_start));
                comm |= spec->comms[i] && !subject->unknown && !strcmp(spec->comms[i], subject->comm);
                cgroup |= spec->cgroups[i] && subject->cgroup && !strcmp(spec->cgroups[i], subject->cgroup);
        }
        return uid && pid && comm && cgroup && (!spec->subtree || (subject->marks & MARK));
}

static void test_random(void) {
        static const char *const names[] = { "a", "b", "c" }, *const groups[] = { "/a", "/b", "/c", NULL };
        uint64_t state = 12345;
        size_t counts[4] = {};

        for (int i = 0; i < 20000; ++i) {
                Subject subjects[2];
                Spec spec = {};
                Filter filter;
                EventKind kind = 1 + (EventKind)random_below(&state, _EVENT_KIND_N - 1);
                bool in_table = random_below(&state, 8);
                FilterVerdict verdict;
                Program *program;
                Event event;

                for (uint64_t k = random_below(&state, 3); k > 0; --k)
                        spec.uids[k - 1] = 1 + (uint32_t)random_below(&state, 3);
                for (uint64_t k = random_below(&state, 3); k > 0; --k)
                        spec.pids[k - 1] = 1 + (uint32_t)random_below(&state, 3);
                /* one number names one process */
                for (size_t k = 0; k < 3; ++k)
                        spec.starts[k] = 1 + (spec.pids[k] + (uint64_t)i) % 2;
                for (uint64_t k = random_below(&state, 3); k > 0; --k)
                        spec.comms[k - 1] = names[random_below(&state, 3)];
                for (uint64_t k = random_below(&state, 2); k > 0; --k)
                        spec.cgroups[k - 1] = groups[random_below(&state, 3)];
                spec.subtree = random_below(&state, 3) == 0;
                for (int k = 0; k < 2; ++k)
                        subjects[k] = (Subject){
                                .pid = k ? subjects[0].pid : 1 + (uint32_t)random_below(&state, 3),
                                .ppid = (uint32_t)random_below(&state, 4),
                                .start = k ? subjects[0].start : 1 + random_below(&state, 2),
                                .parent_start = random_below(&state, 3),
                                .uid = 1 + (uint32_t)random_below(&state, 3),
                                .comm = names[random_below(&state, 3)],
                                .cgroup = groups[random_below(&state, 4)],
                                .marks = random_below(&state, 8),
                                .unknown = random_below(&state, 5) == 0,
                        };
                filter = filter_of(&spec);
                program = subjects[1].cgroup ? made_program("x", "y", subjects[1].cgroup) : NULL;
                event = event_of(kind, &subjects[1], program);
                in_table &= kind != EVENT_FORK;
                verdict = judge(&filter, &event, in_table ? before_of(kind, &subjects[0]) : NULL);
                assert(verdict ==
                       verdict_of(kind, in_table && model_has(&spec, &subjects[0]), model_has(&spec, &subjects[1])));
                assert(!in_table ||
                       has_task(&filter, task_table_next(&table, 1)) == model_has(&spec, &subjects[0]));
                ++counts[verdict];
                free(program);
        }
        for (size_t i = 0; i < ARRAY_SIZE(counts); ++i)
                assert(counts[i] > 200);
        task_table_deinit(&table);
}

int main(void) {
        task_table_init(&table);
        test_by_numbers();
        test_by_comm();
        test_by_cgroup();
        test_by_several();
        test_matches_all();
        test_every_way();
        test_of_another_thread();
        test_loss();
        test_nonzero();
        test_cpus();
        test_events_and_tasks();
        test_bind();
        test_bind_rounded();
        test_parse_cpus();
        test_parse_bad_cpus();
        test_random();
        return 0;
}
