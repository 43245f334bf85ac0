/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/*
 * Each change of a process, by its leader or by another thread, where the table has the leader, has
 * it as ended, or never saw it, and has the thread or never saw it. The event and the table show
 * the ids, the name, the session and the owner that follow, or that they are not known. If the
 * task of an event lives and is not in the table, an event is missing: a Loss comes first.
 */

#include "tests/unit/join_rig.h"
#include "tests/unit/made_proc.h"

#define SHELL 100u
#define PROCESS 200u
#define THREAD 201u
#define ME 1000u
#define GROUP 2000u
#define OTHER 3000u
#define SESSION 700u

typedef enum Leader {
        LEADER_ALIVE,
        LEADER_GONE,
        LEADER_UNSEEN,
        _LEADER_N,
} Leader;

typedef struct Case Case;

struct Case {
        Rig *rig;
        uint32_t what;
        Leader leader;
        bool thread;            /* the table has the thread */
        bool by_thread;
};

static const uint32_t whats[] = { WHAT_UID, WHAT_GID, WHAT_EXEC, WHAT_COMM, WHAT_SID, WHAT_PTRACE };

/* The kernel reports these for the process, under the number of its leader. */
static bool is_of_process(uint32_t what) {
        return what == WHAT_EXEC || what == WHAT_SID;
}

static void show(const Rig *rig, uint32_t tid) {
        proc_add(&rig->procfs, &(ProcTask){ .pid = PROCESS, .tid = tid, .comm = "shell",
                                            .start = proc_ticks(rig_wall(rig->now)) });
}

static void end_leader(const Case *c) {
        /* without a mark: another thread lives */
        rig_record(c->rig, RECORD(PROCESS, PROCESS, 1, 0, AC_FLAG_FORK, "shell", .uid = ME, .gid = GROUP));
        rig_exit(c->rig, PROCESS, PROCESS, 0);
        rig_turn(c->rig);
}

static void begin(Case *c) {
        Rig *rig = c->rig = rig_new();
        Task *shell = rig_seed(rig, SHELL, SHELL, "shell");

        shell->process->session = SESSION;
        rig->join.can_be_silenced = true;
        /* nothing is read in /proc at an exec */
        rig->join.comm_reader.refilled_ns = (uint64_t)clock_read_ns(CLOCK_MONOTONIC);
        if (c->leader != LEADER_UNSEEN)
                rig_fork(rig, SHELL, PROCESS, PROCESS);
        if (c->thread)
                rig_fork(rig, SHELL, PROCESS, THREAD);
        rig_turn(rig);
        show(rig, THREAD);
        rig->join.forks_lost = !c->thread || c->leader == LEADER_UNSEEN;
        if (c->leader == LEADER_GONE)
                end_leader(c);
        else
                show(rig, PROCESS);
        rig_skip(rig);
        rig->join.lossy = rig->join.wants_reconcile = rig->join.unreported = false;
}

static void happen(const Case *c) {
        uint32_t tid = c->by_thread ? THREAD : PROCESS, words[2] = {};
        Rig *rig = c->rig;

        memcpy(words, "new", 3);
        if (c->what == WHAT_COMM)
                rig_say(rig, c->what, tid, PROCESS, words[0], words[1], 0, 0);
        else if (c->what == WHAT_PTRACE)
                rig_say(rig, c->what, tid, PROCESS, SHELL, SHELL, 0, 0);
        else
                rig_say(rig, c->what, tid, PROCESS, OTHER, OTHER, 0, 0);
        /* An exec by the leader ends the thread first. */
        if (c->what == WHAT_EXEC && c->leader == LEADER_ALIVE && c->thread)
                rig_record(rig, RECORD(THREAD, PROCESS, 1, 0, AC_FLAG_FORK, "shell", .uid = ME, .gid = GROUP));
        rig_turn(rig);
}

/* Whether the table has the leader, alive or not. */
static bool has_leader(const Case *c) {
        return c->leader != LEADER_UNSEEN || c->thread;
}

/* Whether the table has the task of the event. */
static bool is_known(const Case *c) {
        if (c->what == WHAT_EXEC)
                return has_leader(c);
        if (c->what == WHAT_SID)
                return c->leader != LEADER_UNSEEN;
        return c->by_thread ? c->thread : c->leader == LEADER_ALIVE;
}

/* Whether ids and name of that task are known too. */
static bool is_complete(const Case *c) {
        return is_known(c) && c->leader != LEADER_UNSEEN;
}

/* Whether the event shows that another one is missing. */
static bool shows_loss(const Case *c) {
        if (c->what == WHAT_EXEC)
                return !has_leader(c) || (c->leader == LEADER_GONE && !c->thread);
        return !is_known(c) && (c->by_thread || !has_leader(c));
}

static void check_event(const Case *c, const Event *event) {
        const Task *task = task_table_get_leader(&c->rig->join.table, PROCESS);
        bool by_thread = c->what == WHAT_EXEC && c->leader != LEADER_ALIVE && c->thread;

        assert(event->pid == PROCESS && event->tid == (c->by_thread ? THREAD : PROCESS));
        assert(event->task_unknown == !is_complete(c));
        assert((event->start_time_ns != 0) == (is_known(c) && (c->leader != LEADER_UNSEEN || c->by_thread)));
        if (event->kind == EVENT_EXEC)
                assert(event->exec.caller_tid == (by_thread ? THREAD : 0) && event->comm_stale);
        if (!is_known(c)) {
                assert(event->owner.claim == OWNER_NONE && event->uid == (c->what == WHAT_UID ? OTHER : 0));
                return;
        }
        if (c->by_thread)
                task = task_table_get(&c->rig->join.table, THREAD);
        assert(event->owner.claim == owner_of_task(task).claim);
        if (is_complete(c))
                assert(event->uid == (c->what == WHAT_UID ? OTHER : ME));
}

/* The ids of a task, which the event has changed, or not. */
static void check_ids(const Case *c, const Task *task, bool changed) {
        bool uid = changed && c->what == WHAT_UID, gid = changed && c->what == WHAT_GID;
        uint32_t me = c->leader == LEADER_UNSEEN ? 0 : ME, group = c->leader == LEADER_UNSEEN ? 0 : GROUP;

        assert(task->ruid == (uid ? OTHER : me) && task->euid == (uid ? OTHER : me));
        assert(task->rgid == (gid ? OTHER : group) && task->egid == (gid ? OTHER : group));
        assert(!!(task->flags & TASK_NONDUMPABLE) == (uid || gid));
}

static OwnerClaim claim_of(const Case *c, const Task *task, bool changed) {
        bool ids = c->what == WHAT_UID || c->what == WHAT_GID;
        bool stored = ids && (is_known(c) || (!c->by_thread && has_leader(c)));

        if (task->flags & TASK_UNKNOWN)
                return OWNER_NONE;
        if (stored && changed)
                return OWNER_UNPROVEN;
        /* After a loss each owner is checked again. */
        return stored || shows_loss(c) || c->leader == LEADER_UNSEEN ? OWNER_HIDDEN : OWNER_SHOWN;
}

static void check_task(const Case *c, const Task *task, bool changed) {
        check_ids(c, task, changed);
        assert(owner_of_task(task).claim == claim_of(c, task, changed));
        assert(!!(task->flags & TASK_UNKNOWN) == (c->leader == LEADER_UNSEEN));
        if (c->leader != LEADER_UNSEEN)
                assert(strcmp(task->comm, changed && is_known(c) && c->what == WHAT_COMM ? "new" : "shell") == 0);
}

static void check_table(const Case *c) {
        const TaskTable *table = &c->rig->join.table;
        const Task *leader = task_table_get_leader(table, PROCESS), *thread = task_table_get(table, THREAD);
        bool exec = c->what == WHAT_EXEC;

        if (!has_leader(c)) {
                assert(!leader && !thread && !task_table_get_process(table, PROCESS));
                return;
        }
        /* By an exec a thread becomes the leader. */
        assert(!(leader->flags & TASK_GONE) == (c->leader == LEADER_ALIVE || exec));
        check_task(c, leader, !c->by_thread && (is_known(c) || c->what == WHAT_UID || c->what == WHAT_GID));
        assert(!thread == (!c->thread || exec));
        if (thread)
                check_task(c, thread, c->by_thread);
        assert(leader->process->execed == exec);
        assert(leader->process->session == (c->what == WHAT_SID && is_known(c) ? PROCESS : SESSION));
        assert(leader->process->uid_by_exec ==
               (c->what == WHAT_UID && !c->by_thread && c->leader != LEADER_ALIVE));
        assert(leader->process->gid_by_exec ==
               (c->what == WHAT_GID && !c->by_thread && c->leader != LEADER_ALIVE));
}

static void run(Case *c) {
        begin(c);
        happen(c);
        if (shows_loss(c))
                rig_expect_loss(c->rig, LOSS_CONNECTOR, LOSS_UNREPORTED, 1);
        if (c->what == WHAT_EXEC && c->leader == LEADER_ALIVE && c->thread)
                assert(rig_expect(c->rig, EVENT_EXIT, PROCESS, THREAD)->synthesised);
        check_event(c, rig_next(c->rig));
        rig_expect_nothing(c->rig);
        assert(c->rig->join.wants_reconcile == shows_loss(c));
        check_table(c);
        rig_free(c->rig);
}

int main(void) {
        log_init(LOG_LEVEL_ERR);
        for (size_t i = 0; i < ARRAY_SIZE(whats) * _LEADER_N * 4; ++i) {
                Case c = {
                        .what = whats[i / 4 / _LEADER_N],
                        .leader = (Leader)(i / 4 % _LEADER_N),
                        .thread = i % 2,
                        .by_thread = i / 2 % 2,
                };

                if (c.by_thread && is_of_process(c.what))
                        continue;
                fprintf(stderr, "event %#x, leader %d, thread seen %d, by thread %d\n", c.what, c.leader, c.thread,
                        c.by_thread);
                run(&c);
        }
        return 0;
}
