/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/*
 * The connector did not report a change of a task, which lives on. A pass over /proc finds it,
 * and notes a loss if no event has explained it a second later.
 */

#include "broker/tasks/reconcile.h"
#include "tests/unit/join_rig.h"
#include "tests/unit/made_proc.h"

#define SHELL 100u
#define TASK 200u
#define THREAD 201u

typedef enum Change {
        CHANGE_NONE,
        CHANGE_FORK,
        CHANGE_THREAD,
        CHANGE_EXEC,
        CHANGE_COMM,
        CHANGE_UID,
        CHANGE_GID,
        CHANGE_EXIT,
        CHANGE_FIRST_EXEC,
        CHANGE_FIRST_EXEC_OF_SAME,      /* the process runs that program already, under that name */
        /* no event is missing: */
        CHANGE_COMM_OF_CHILD,           /* it may have the name of a thread, before its first exec */
        CHANGE_UID_OF_CHILD,            /* it may have the ids of a thread */
        CHANGE_EXE_OF_CHILD,            /* its maker may not be its parent (CLONE_PARENT) */
        CHANGE_COMM_OF_THREAD,
        CHANGE_EXEC_UNDER_WAY,          /* a tracer stops it in the middle */
        CHANGE_EXIT_OVERDUE,            /* its record is here: see join_loss.c */
        _CHANGE_N,
} Change;

typedef struct Case Case;

struct Case {
        Rig *rig;
        Reconcile reconcile;
        StatsSource source;
        uint64_t exe;                   /* the executable of TASK */
};

static int exe_ask(StatsSource *source, const uint32_t *tids, size_t n) {
        (void)source;
        assert(n == 1 && tids[0] > 0);
        return 0;
}

static int exe_next(StatsSource *source, StatsAnswer *ret_answer) {
        *ret_answer = (StatsAnswer){ .state = STATS_ANSWER_LIVE };
        ret_answer->stats.groups = STATS_EXECUTABLE;
        ret_answer->stats.ac_exe_inode = container_of(source, Case, source)->exe;
        return 0;
}

static bool is_of_child(Change what) {
        return what >= CHANGE_FIRST_EXEC && what <= CHANGE_EXE_OF_CHILD;
}

/* Whether /proc shows that a process called exec. */
static bool shows_exec;

static void show_task(const Rig *rig, uint32_t pid, uint32_t tid, const char *comm, char state, uint32_t uid,
                      uint32_t gid) {
        const Task *task = task_table_get(&rig->join.table, tid);
        uint64_t start_ns = task ? task->start_time_ns : rig_wall(rig->now);
        char ids[128];

        snprintf(ids, sizeof(ids), "Uid:\t%u\t%u\t%u\t%u\nGid:\t%u\t%u\t%u\t%u\n", uid, uid, uid, uid, gid, gid, gid,
                 gid);
        proc_add_stat(&rig->procfs, &(ProcTask){ .pid = pid, .tid = tid, .comm = comm, .ppid = 1, .state = state,
                                                 .start = proc_ticks(start_ns), .execed = shows_exec });
        proc_add_status(&rig->procfs, pid, tid, comm, ids);
}

static void show(const Rig *rig, uint32_t tid, const char *comm, char state) {
        show_task(rig, TASK, tid, comm, state, 1000, 2000);
}

static Case *case_new(Change what) {
        Case *c = calloc(1, sizeof(*c));
        Rig *rig = rig_new();

        assert(c);
        c->rig = rig;
        c->exe = 1;
        c->source = (StatsSource){ .n_max = 1, .ask = exe_ask, .next = exe_next };
        rig->join.exe_reader.source = &c->source;
        rig->join.can_be_silenced = true;
        (void)rig_seed(rig, SHELL, SHELL, "shell");
        rig_fork(rig, SHELL, TASK, TASK);
        rig_turn(rig);
        memcpy(task_table_get(&rig->join.table, TASK)->comm, "task", 5);
        task_table_get_process(&rig->join.table, TASK)->execed = !is_of_child(what);
        shows_exec = false;
        show_task(rig, SHELL, SHELL, "shell", 0, 1000, 2000);
        shows_exec = !is_of_child(what);
        show(rig, TASK, "task", 0);
        if (what == CHANGE_EXIT || what == CHANGE_EXIT_OVERDUE || what == CHANGE_COMM_OF_THREAD) {
                rig_fork(rig, SHELL, TASK, THREAD);
                rig_turn(rig);
                show(rig, THREAD, "task", 0);
        }
        rig_skip(rig);
        reconcile_init(&c->reconcile, &rig->join, rig->procfs.fd);
        return c;
}

static void case_free(Case *c) {
        reconcile_deinit(&c->reconcile);
        rig_skip(c->rig);
        rig_free(c->rig);
        free(c);
}

/* A slice, as the daemon runs it. */
static void slice(Case *c) {
        reconcile_scan(&c->reconcile);
        rig_turn(c->rig);
        reconcile_quiet_apply(&c->reconcile);
}

/* A pass, up to the point where it waits, or ends. */
static void pass(Case *c) {
        reconcile_quiet_start(&c->reconcile);
        while (c->reconcile.phase != RECONCILE_IDLE && c->reconcile.phase != RECONCILE_CONFIRM)
                slice(c);
}

static void change(Case *c, Change what) {
        Rig *rig = c->rig;

        switch (what) {
        case CHANGE_FORK:
                return show_task(rig, 300, 300, "task", 0, 1000, 2000);
        case CHANGE_THREAD:
                return show(rig, 202, "task", 0);
        case CHANGE_EXEC_UNDER_WAY:
                show(rig, TASK, "task", 't');
                c->exe = 2;
                return;
        case CHANGE_FIRST_EXEC:
        case CHANGE_FIRST_EXEC_OF_SAME:
                shows_exec = true;
                c->exe = what == CHANGE_FIRST_EXEC ? 2 : 1;
                return show(rig, TASK, what == CHANGE_FIRST_EXEC ? "other" : "task", 0);
        case CHANGE_EXEC:
        case CHANGE_EXE_OF_CHILD:
                c->exe = 2;
                return;
        case CHANGE_UID_OF_CHILD:
                return show_task(rig, TASK, TASK, "task", 0, 1001, 2000);
        case CHANGE_COMM:
        case CHANGE_COMM_OF_CHILD:
                return show(rig, TASK, "other", 0);
        case CHANGE_COMM_OF_THREAD:
                return show(rig, THREAD, "other", 0);
        case CHANGE_UID:
                return show_task(rig, TASK, TASK, "task", 0, 1001, 2000);
        case CHANGE_GID:
                return show_task(rig, TASK, TASK, "task", 0, 1000, 2001);
        case CHANGE_EXIT_OVERDUE:
                rig_record(rig, RECORD(THREAD, TASK, 10, 0, 0, "task", .uid = 1000, .gid = 2000));
                return proc_remove(&rig->procfs, TASK, THREAD);
        case CHANGE_EXIT:
                return proc_remove(&rig->procfs, TASK, THREAD);
        case CHANGE_NONE:
        case _CHANGE_N:
                return;
        }
}

/* The event that explains the change. */
static void explain(const Case *c, Change what) {
        uint32_t words[2] = {};
        Rig *rig = c->rig;

        memcpy(words, "other", 5);
        if (what == CHANGE_FORK)
                rig_fork(rig, SHELL, 300, 300);
        else if (what == CHANGE_THREAD)
                rig_fork(rig, SHELL, TASK, 202);
        else if (what == CHANGE_EXEC || what == CHANGE_FIRST_EXEC || what == CHANGE_FIRST_EXEC_OF_SAME)
                rig_exec(rig, TASK);
        else if (what == CHANGE_COMM)
                rig_say(rig, WHAT_COMM, TASK, TASK, words[0], words[1], 0, 0);
        else if (what == CHANGE_UID)
                rig_say(rig, WHAT_UID, TASK, TASK, 1001, 1001, 0, 0);
        else if (what == CHANGE_GID)
                rig_say(rig, WHAT_GID, TASK, TASK, 2001, 2001, 0, 0);
        else if (what == CHANGE_EXIT || what == CHANGE_EXIT_OVERDUE)
                rig_exit(rig, TASK, THREAD, 0);
}

static unsigned int count_losses(const Rig *rig) {
        unsigned int n = 0;

        for (size_t i = 0; i < rig->n_events; ++i)
                n += rig->events[i].event.kind == EVENT_LOSS && rig->events[i].event.loss.reason == LOSS_UNREPORTED;
        return n;
}

/* @event: whether the event comes: 0: never; 1: in the middle of the pass; 2: before a second is over */
static void run(Change what, int event) {
        Case *c = case_new(what);
        bool missing = what > CHANGE_NONE && what < CHANGE_COMM_OF_CHILD;

        /* this pass finds nothing, and reads the first executable */
        pass(c);
        assert(c->reconcile.phase == RECONCILE_IDLE && count_losses(c->rig) == 0);
        assert(task_table_get_process(&c->rig->join.table, TASK)->exe_known);

        change(c, what);
        if (event == 1)
                explain(c, what);
        pass(c);
        if (event == 2)
                explain(c, what);
        slice(c);
        assert(count_losses(c->rig) == 0);
        assert((c->reconcile.phase == RECONCILE_CONFIRM) == (missing && event != 1));
        c->reconcile.suspected_ns -= NSEC_PER_SEC;
        slice(c);
        assert(c->reconcile.phase == RECONCILE_IDLE);
        assert(count_losses(c->rig) == (missing && event == 0));
        assert(c->rig->join.wants_reconcile == (missing && event == 0));
        if (what == CHANGE_UID_OF_CHILD)
                assert(owner_of_task(task_table_get(&c->rig->join.table, TASK)).claim < OWNER_SHOWN);
        case_free(c);
}

int main(void) {
        for (Change what = 0; what < _CHANGE_N; ++what)
                for (int event = 0; event < 3; ++event)
                        run(what, event);
        return 0;
}
