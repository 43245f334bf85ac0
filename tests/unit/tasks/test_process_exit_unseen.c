/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/*
 * A process of which only the leader was seen: the fork of its other thread was lost.
 * However both go on, a reader that knows the process gets its end exactly once, and not
 * too early. A reader of threads has exactly the threads that live.
 */

#include "broker/tasks/reconcile.h"
#include "tests/unit/join_rig.h"
#include "tests/unit/made_proc.h"

enum {
        PROCESS = 100,
        THREAD,                 /* its fork was lost */
        SECOND,                 /* a child of THREAD */
        CHILD = 200,            /* a child of THREAD too */
        N_NUMBERS = 300,
};

/* How the leader ends. */
typedef enum Leader {
        LEADER_STAYS,
        LEADER_REPORTED,
        LEADER_WITHOUT_RECORD,
        LEADER_UNREPORTED,
        _LEADER_N,
} Leader;

/* The next step of the thread. */
typedef enum Act {
        ACT_NOTHING,
        ACT_THREAD,
        ACT_CHILD,
        ACT_EXEC,
        ACT_EXEC_LOST,
        _ACT_N,
} Act;

/* How the rest of the process ends. */
typedef enum End {
        END_REPORTED,
        END_WITHOUT_RECORD,
        END_RECORD_ONLY,
        END_UNREPORTED,
        END_REUSED,             /* the same, and another process reuses its number at once */
        _END_N,
} End;

typedef struct Case Case;

struct Case {
        Leader leader;
        Act act;
        bool compared;          /* reconcile runs before the end */
        End end;

        Rig *rig;
        uint64_t start;         /* start of the process */
        bool living[N_NUMBERS]; /* tasks that live, by number */
        /* the states of two readers: a reader of processes that has this process, and a reader of all tasks */
        bool process;
        bool tasks[N_NUMBERS];
        unsigned int n_forks, n_ends;
};

static void reader_apply(Case *c, const Event *event) {
        if (event->kind == EVENT_FORK) {
                assert(!c->tasks[event->tid]);
                c->tasks[event->tid] = true;
                if (event->tid == PROCESS) {
                        assert(!c->process);
                        c->process = true;
                        ++c->n_forks;
                }
        } else if (event->kind == EVENT_EXEC) {
                assert(c->process && !event->task_unknown);
                c->tasks[THREAD] = c->tasks[SECOND] = false;
                c->tasks[PROCESS] = true;
        } else if (event->kind == EVENT_EXIT) {
                /* an exit may be reported for a task whose fork, or whose exec, was lost */
                assert(c->tasks[event->tid] || event->tid == THREAD || event->task_unknown ||
                       c->act == ACT_EXEC_LOST);
                c->tasks[event->tid] = false;
                if (event->exit.process_ended) {
                        assert(c->process && !c->tasks[PROCESS] && !c->tasks[THREAD] && !c->tasks[SECOND]);
                        assert(event->tid == THREAD || event->start_time_ns > 0);
                        c->process = false;
                        ++c->n_ends;
                }
        }
}

static void read_on(Case *c) {
        while (c->rig->i_event < c->rig->n_events) {
                const Event *event = rig_next(c->rig);

                if (event->pid == PROCESS)
                        reader_apply(c, event);
        }
}

static void compare(Case *c) {
        Reconcile reconcile;

        reconcile_init(&reconcile, &c->rig->join, c->rig->procfs.fd);
        reconcile_start(&reconcile);
        while (reconcile.phase != RECONCILE_IDLE) {
                reconcile_scan(&reconcile);
                rig_turn(c->rig);
                assert(reconcile_apply(&reconcile) == 0);
        }
        reconcile_deinit(&reconcile);
        read_on(c);
}

/* Makes /proc show the tasks that live. */
static void show(const Case *c) {
        const Tree *procfs = &c->rig->procfs;
        uint32_t n = 0;

        for (uint32_t tid = PROCESS; tid <= SECOND; ++tid) {
                if (c->living[tid])
                        proc_add_task(procfs, PROCESS, tid, "x", 1, proc_ticks(c->start));
                else if (faccessat(procfs->fd, tid == THREAD ? "100/task/101" : "100/task/102", F_OK, 0) == 0 &&
                         tid != PROCESS)
                        proc_remove(procfs, PROCESS, tid);
                n += c->living[tid];
        }
        /* a zombie is in /proc until its parent has waited for it, and counts as a thread */
        if (!c->living[PROCESS])
                proc_add(procfs, &(ProcTask){ .pid = PROCESS, .tid = PROCESS, .comm = "x", .ppid = 1, .state = 'Z',
                                              .start = proc_ticks(c->start), .n_threads = n + 1 });
}

static void say_loss(Case *c) {
        rig_lose(c->rig, 1);
        rig_say(c->rig, WHAT_SID, 1, 1, 0, 0, 0, 0);
        rig_turn(c->rig);
        read_on(c);
}

static void begin(Case *c) {
        Rig *rig = c->rig = rig_new();
        const Task *init;

        init = rig_seed(rig, 1, 1, "init");
        proc_add_task(&rig->procfs, 1, 1, "init", 0, proc_ticks(init->start_time_ns));
        c->start = rig_wall(rig_fork(rig, 1, PROCESS, PROCESS));
        rig_turn(rig);
        read_on(c);
        assert(c->process && c->n_forks == 1);
        c->living[PROCESS] = c->living[THREAD] = true;
        show(c);
        say_loss(c);
}

static void end_leader(Case *c) {
        if (c->leader == LEADER_STAYS)
                return;
        c->living[PROCESS] = false;
        show(c);
        if (c->leader == LEADER_REPORTED)
                rig_record(c->rig, RECORD(PROCESS, PROCESS, 1000, 3 << 8, 0, "x", .nvcsw = 1));
        if (c->leader != LEADER_UNREPORTED)
                rig_exit(c->rig, PROCESS, PROCESS, 3 << 8);
        else
                say_loss(c);
        rig_turn(c->rig);
        read_on(c);
}

static void act(Case *c) {
        bool execs = c->act == ACT_EXEC || c->act == ACT_EXEC_LOST;

        if (c->act == ACT_THREAD) {
                c->living[SECOND] = true;
                rig_fork(c->rig, 1, PROCESS, SECOND);
        }
        if (c->act == ACT_CHILD)
                rig_fork(c->rig, PROCESS, CHILD, CHILD);
        if (execs) {
                c->living[THREAD] = false;
                c->living[PROCESS] = true;
        }
        show(c);
        if (c->act == ACT_EXEC)
                rig_exec(c->rig, PROCESS);
        rig_turn(c->rig);
        if (c->act == ACT_CHILD)
                assert(c->rig->events[c->rig->n_events - 1].event.pid == CHILD &&
                       !c->rig->events[c->rig->n_events - 1].event.task_unknown);
        read_on(c);
        if (c->act == ACT_EXEC_LOST)
                say_loss(c);
        assert(c->process && c->n_ends == 0);
}

static void end_all(Case *c) {
        uint32_t last = c->living[PROCESS] ? PROCESS : THREAD;

        /* the last task ends last */
        for (uint32_t tid = SECOND; tid >= PROCESS; --tid) {
                bool recorded = c->end == END_REPORTED || c->end == END_RECORD_ONLY;

                if (!c->living[tid])
                        continue;
                c->living[tid] = false;
                if (tid != last) {
                        rig_record(c->rig, RECORD(tid, PROCESS, 1000, 0, 0, "x"));
                        rig_exit(c->rig, PROCESS, tid, 0);
                        rig_turn(c->rig);
                        read_on(c);
                        show(c);
                        assert(c->process);
                        continue;
                }
                show(c);
                if (recorded)
                        rig_record(c->rig, RECORD(tid, PROCESS, 1000, 7 << 8, AC_FLAG_GROUP, "x", .nvcsw = 4));
                if (c->end == END_REPORTED || c->end == END_WITHOUT_RECORD)
                        rig_exit(c->rig, PROCESS, tid, 7 << 8);
                rig_turn(c->rig);
                read_on(c);
        }
}

static void check_living(const Case *c) {
        for (uint32_t tid = PROCESS; tid <= SECOND; ++tid)
                assert(c->tasks[tid] == c->living[tid]);
}

static void run(Case *c) {
        Rig *rig;

        begin(c);
        rig = c->rig;
        end_leader(c);
        act(c);
        if (c->compared) {
                compare(c);
                check_living(c);
                assert(c->process && c->n_ends == 0 && c->n_forks == 1);
        }
        end_all(c);
        if (c->end == END_UNREPORTED || c->end == END_REUSED)
                say_loss(c);
        if (c->end == END_REUSED) {
                assert(c->process);
                rig->now += 500 * MS;
                c->start = rig_wall(rig_fork(rig, 1, PROCESS, PROCESS));
                c->living[PROCESS] = true;
                show(c);
                rig_turn(rig);
                read_on(c);
                assert(c->n_ends == 1 && c->n_forks == 2 && c->process && c->tasks[PROCESS]);
        } else if (c->end == END_REPORTED && (c->leader != LEADER_UNREPORTED || c->compared)) {
                /* the end is reported at once, unless the table still has the leader as live */
                assert(c->n_ends == 1 && !c->process);
        } else {
                proc_remove(&rig->procfs, PROCESS, 0);
                rig_tick_later(rig);
                read_on(c);
                compare(c);
                assert(c->n_ends == 1 && c->n_forks == 1 && !c->process);
        }
        check_living(c);
        assert((task_table_get_process(&rig->join.table, PROCESS) != NULL) == (c->end == END_REUSED));
        rig_skip(rig);
        rig_free(rig);
}

static void run_with_leader(Leader leader, Act what) {
        /* by exec the former leader ends first */
        if (leader == LEADER_STAYS && what >= ACT_EXEC)
                return;
        for (End end = 0; end < _END_N; ++end) {
                for (int compared = 0; compared < 2; ++compared) {
                        Case c = { .leader = leader, .act = what, .compared = compared, .end = end };

                        run(&c);
                }
        }
}

static void test_all(void) {
        for (Leader leader = 0; leader < _LEADER_N; ++leader)
                for (Act what = 0; what < _ACT_N; ++what)
                        run_with_leader(leader, what);
}

static void lose(Rig *rig) {
        rig_seed(rig, 1, 1, "init");
        rig_say(rig, WHAT_SID, 1, 1, 0, 0, 0, 0);
        rig_lose(rig, 1);
        rig_say(rig, WHAT_SID, 1, 1, 0, 0, 0, 0);
        rig_turn(rig);
        assert(rig->join.forks_lost);
        rig_skip(rig);
}

/*
 * The kernel marks the unseen thread as the last task, but its EXIT overtakes the EXIT of the
 * leader, which ends the process here.
 */
static void test_mark_of_unseen(void) {
        Rig *rig = rig_new();
        const Event *event;

        lose(rig);
        rig_fork(rig, 1, PROCESS, PROCESS);
        rig_turn(rig);
        rig_skip(rig);
        rig_record(rig, RECORD(THREAD, PROCESS, 1000, 5 << 8, AC_FLAG_GROUP, "t", .nvcsw = 1));
        rig_exit(rig, PROCESS, THREAD, 5 << 8);
        rig_turn(rig);
        event = rig_expect(rig, EVENT_EXIT, PROCESS, THREAD);
        assert(!event->exit.process_ended && event->exit.stats->nvcsw == 1 && strcmp(event->comm, "t") == 0);
        rig_record(rig, RECORD(PROCESS, PROCESS, 1000, 0, 0, "l", .nvcsw = 2));
        rig_exit(rig, PROCESS, PROCESS, 0);
        rig_turn(rig);
        event = rig_expect(rig, EVENT_EXIT, PROCESS, PROCESS);
        assert(event->exit.process_ended && event->exit.process_wait_status == 5 << 8);
        assert(event->exit.process_stats->tasks == 2 && event->exit.process_stats->nvcsw == 3);
        rig_expect_live(rig, 1, 1);
        rig_expect_clean(rig);
        rig_free(rig);
}

/*
 * An end that only /proc shows: its status is not known, although the leader's is. One task is
 * missing in its totals.
 */
static void test_synthesised_exit(void) {
        Rig *rig = rig_new();
        Case c = { .rig = rig, .process = true };
        const Event *event;

        lose(rig);
        rig_fork(rig, 1, PROCESS, PROCESS);
        rig_record(rig, RECORD(PROCESS, PROCESS, 1000, 6 << 8, 0, "l", .nvcsw = 2));
        rig_exit(rig, PROCESS, PROCESS, 6 << 8);
        rig_turn(rig);
        rig_expect(rig, EVENT_FORK, PROCESS, PROCESS);
        assert(!rig_expect(rig, EVENT_EXIT, PROCESS, PROCESS)->exit.process_ended);
        rig_expect_live(rig, 1, 2);
        compare(&c);
        rig->i_event = rig->n_events - 2;
        event = rig_expect(rig, EVENT_EXIT, 1, 1);
        assert(event->synthesised);
        event = rig_expect(rig, EVENT_EXIT, PROCESS, PROCESS);
        assert(event->synthesised && event->task_unknown && event->start_time_ns > 0 && !event->exit.stats);
        assert(event->exit.process_ended && event->exit.status_unknown && event->exit.process_status_unknown);
        assert(event->exit.process_wait_status == 0 && !(event->exit.process_stats->groups & STATS_EXIT_STATUS));
        assert(event->exit.process_stats->tasks == 1 && event->exit.process_stats->tasks_missing == 1);
        assert(event->exit.process_stats->nvcsw == 2);
        rig_expect_live(rig, 0, 0);
        rig_expect_clean(rig);
        rig_free(rig);
}

/* A process whose leader was never seen, and has ended: reconcile reports the fork once. */
static void test_leader_never_seen(void) {
        Rig *rig = rig_new();
        Case c = { .rig = rig };

        lose(rig);
        c.start = rig_wall(rig_fork(rig, 1, PROCESS, SECOND));
        rig_turn(rig);
        read_on(&c);
        assert(!c.process && c.tasks[SECOND]);
        assert(task_table_leader_is_unseen(task_table_get_leader(&rig->join.table, PROCESS)));
        c.living[THREAD] = c.living[SECOND] = true;
        show(&c);
        compare(&c);
        assert(c.process && c.n_forks == 1 && c.n_ends == 0);
        check_living(&c);
        rig_free(rig);
}

int main(void) {
        test_all();
        test_mark_of_unseen();
        test_synthesised_exit();
        test_leader_never_seen();
        return 0;
}
