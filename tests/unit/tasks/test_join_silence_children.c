/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/*
 * A process called exec of a program with privileges while the connector was silent, or it did
 * not. It makes a child in sight of the broker, which calls exec and ends before it was read, or while it is read. The
 * record of the child shows nothing of its privileges. So its user gets the exit in full only
 * if the process was compared with /proc after the silence, and before the child was forked.
 */

#include "broker/tasks/join_recheck.h"
#include "broker/tasks/reconcile.h"
#include "tests/unit/join_rig.h"
#include "tests/unit/made_proc.h"

#define SHELL 100u
#define PARENT 200u
#define THREAD 201u
#define CHILD 300u
#define ME 1000u
#define GROUP 2000u

/* The parent after the silence, as /proc shows it. */
typedef enum State {
        STATE_SAME,                     /* no exec is hidden */
        STATE_OTHER_COMM,               /* a thread may have had another name */
        STATE_OWN_PROGRAM,              /* the hidden exec gave no privileges */
        STATE_LEADER_ENDED,             /* another thread shows that no exec is hidden */
        STATE_SETUID,
        STATE_SETGID,
        STATE_SETUID_STOPPED,
        STATE_SETUID_FORKED,            /* a child of such a program, which called no exec itself */
        STATE_CAPABILITY,               /* by its file: it has the user's ids */
        STATE_EXITING,
        _STATE_N,
} State;

/* How the parent is compared. */
typedef enum How {
        HOW_NOT,
        HOW_QUIET,                      /* by a pass without a known loss */
        HOW_LOSS,                       /* by a pass after a loss */
        HOW_BEFORE,                     /* by a pass before the last acknowledgement */
        HOW_FORKED_DURING,              /* the child is forked after the reading, and its fork is read before the end of
                                           the slice */
        HOW_FORKED_BEFORE,              /* the child is forked before the reading */
        HOW_NO_SILENCE,                 /* nobody sent an acknowledgement */
        _HOW_N,
} How;

typedef struct Case Case;

struct Case {
        State state;
        How how;
        bool execed;                    /* the parent had called exec before, in sight */
        bool caught;                    /* the child ends while it is read: its executable is known, its owner is not */
        StatsSource source;
        Rig *rig;
        Reconcile reconcile;
};

static void show(const Case *c, uint32_t pid, uint32_t tid, State state) {
        static const char *const files[] = { "comm", "status", "stat" };
        bool setuid = state == STATE_SETUID || state == STATE_SETUID_STOPPED || state == STATE_SETUID_FORKED;
        bool hidden = setuid || state == STATE_SETGID || state == STATE_CAPABILITY || state == STATE_EXITING;
        const char *comm = state == STATE_OTHER_COMM ? "other" : pid == SHELL ? "shell" : "parent";
        uint32_t euid = setuid ? 0 : ME, egid = state == STATE_SETGID ? GROUP + 1 : GROUP;
        const Tree *procfs = &c->rig->procfs;
        char ids[160], path[64];

        snprintf(ids, sizeof(ids), "Uid:\t%u\t%u\t%u\t%u\nGid:\t%u\t%u\t%u\t%u\nCapPrm:\t%u\n", ME, euid, euid, euid,
                 GROUP, egid, egid, egid, state == STATE_CAPABILITY);
        proc_add_stat(procfs, &(ProcTask){
                .pid = pid, .tid = tid, .comm = comm, .ppid = 1,
                .start = proc_ticks(task_table_get_leader(&c->rig->join.table, pid)->start_time_ns),
                .state = state == STATE_SETUID_STOPPED ? 'D' : state == STATE_LEADER_ENDED ? 'Z' : 0,
                .exiting = state == STATE_EXITING,
                .execed = c->execed || (state >= STATE_OWN_PROGRAM && state != STATE_SETUID_FORKED),
        });
        proc_add_status(procfs, pid, tid, comm, ids);
        if (pid == tid) {
                snprintf(path, sizeof(path), "%u/comm", pid);
                tree_write_text(procfs, path, comm);
                assert(fchownat(procfs->fd, path, hidden ? 0 : ME, (gid_t)-1, 0) == 0);
        }
        for (size_t i = 1; i < ARRAY_SIZE(files); ++i) {
                snprintf(path, sizeof(path), "%u/task/%u/%s", pid, tid, files[i]);
                assert(fchownat(procfs->fd, path, hidden ? 0 : ME, (gid_t)-1, 0) == 0);
        }
}

static int exe_ask(StatsSource *source, const uint32_t *tids, size_t n) {
        (void)source;
        assert(n == 1 && tids[0] > 0);
        return 0;
}

static int exe_next(StatsSource *source, StatsAnswer *ret_answer) {
        (void)source;
        *ret_answer = (StatsAnswer){ .state = STATS_ANSWER_LIVE };
        ret_answer->stats.groups = STATS_EXECUTABLE;
        ret_answer->stats.ac_exe_dev = ret_answer->stats.ac_exe_inode = 1;
        return 0;
}

static void begin(Case *c) {
        Rig *rig = c->rig = rig_new();
        Task *shell = rig_seed(rig, SHELL, SHELL, "shell");

        rig->join.can_be_silenced = true;
        rig->now = (uint64_t)clock_read_ns(CLOCK_MONOTONIC) - 500 * MS;
        shell->process->has_no_parent = shell->process->execed = true;
        show(c, SHELL, SHELL, STATE_SAME);
        rig_fork(rig, SHELL, PARENT, PARENT);
        rig_turn(rig);
        memcpy(task_table_get(&rig->join.table, PARENT)->comm, "parent", sizeof("parent"));
        show(c, PARENT, PARENT, STATE_SAME);
        if (c->execed)
                rig_exec(rig, PARENT);
        rig_turn(rig);
        if (c->state == STATE_LEADER_ENDED) {
                rig_fork(rig, SHELL, PARENT, THREAD);
                rig_record(rig, RECORD(PARENT, PARENT, 1, 0, c->execed ? 0 : AC_FLAG_FORK, "parent", .uid = ME,
                                       .gid = GROUP));
                rig_exit(rig, PARENT, PARENT, 0);
                rig_turn(rig);
        }
        reconcile_init(&c->reconcile, &rig->join, rig->procfs.fd);
        rig_skip(rig);
}

static void acknowledge(const Case *c) {
        rig_say(c->rig, 0, 0, 0, 0, 0, 0, 0);
        rig_turn(c->rig);
}

static void fork_child(const Case *c) {
        rig_fork(c->rig, PARENT, CHILD, CHILD);
}

/* A pass, up to the point where it waits for an event that explains what it found. */
static void pass(Case *c) {
        bool loss = c->how == HOW_LOSS;

        if (loss)
                reconcile_start(&c->reconcile);
        else
                reconcile_quiet_start(&c->reconcile);
        while (c->reconcile.phase != RECONCILE_IDLE && c->reconcile.phase != RECONCILE_CONFIRM) {
                bool first = c->reconcile.phase == RECONCILE_GONE && c->reconcile.next_tid == 1;

                reconcile_scan(&c->reconcile);
                if (first && c->how == HOW_FORKED_DURING)
                        fork_child(c);
                rig_turn(c->rig);
                if (loss)
                        assert(reconcile_apply(&c->reconcile) == 0);
                else
                        reconcile_quiet_apply(&c->reconcile);
        }
}

/* The silence, the comparison and the fork of the child, in their order. */
static void compare(Case *c) {
        if (c->how != HOW_NO_SILENCE && c->how != HOW_BEFORE)
                acknowledge(c);
        if (c->how == HOW_FORKED_BEFORE)
                fork_child(c);
        if (c->state == STATE_LEADER_ENDED) {
                show(c, PARENT, THREAD, STATE_SAME);
                show(c, PARENT, PARENT, STATE_LEADER_ENDED);
        } else if (c->how != HOW_BEFORE) {
                show(c, PARENT, PARENT, c->state);
        }
        if (c->how != HOW_NOT && c->how != HOW_NO_SILENCE)
                pass(c);
        if (c->how == HOW_BEFORE)
                acknowledge(c);
        if (c->how != HOW_FORKED_BEFORE && c->how != HOW_FORKED_DURING)
                fork_child(c);
}

/* Whether /proc showed, after the silence, that the child was made by a task of the user. */
static bool is_shown(const Case *c) {
        if (c->how == HOW_NO_SILENCE)
                return true;
        return (c->how == HOW_QUIET || c->how == HOW_LOSS) && c->state <= STATE_LEADER_ENDED;
}

static void run(Case *c) {
        const Event *event = NULL;

        begin(c);
        compare(c);
        rig_turn(c->rig);
        if (c->caught) {
                c->source = (StatsSource){ .n_max = 1, .ask = exe_ask, .next = exe_next };
                c->rig->join.exe_reader.source = &c->source;
                show(c, CHILD, CHILD, STATE_EXITING);
        }
        rig_exec(c->rig, CHILD);
        if (c->caught) {
                rig_turn(c->rig);
                assert(task_table_get_process(&c->rig->join.table, CHILD)->exe_known);
        }
        /* Otherwise it ends before it was read: its record is there when its exec is handled. */
        rig_record(c->rig, RECORD(CHILD, CHILD, 1, 0, AC_FLAG_GROUP, c->caught ? "parent" : "child", .uid = ME,
                                  .gid = GROUP, .exe = c->caught));
        rig_exit(c->rig, CHILD, CHILD, 0);
        rig_turn(c->rig);
        for (size_t i = 0; i < c->rig->n_events; ++i)
                if (c->rig->events[i].event.kind == EVENT_EXIT && c->rig->events[i].event.pid == CHILD)
                        event = &c->rig->events[i].event;
        assert(event && event->exit.stats);
        assert((event->owner.claim == OWNER_SHOWN) == is_shown(c));
        reconcile_deinit(&c->reconcile);
        rig_skip(c->rig);
        rig_free(c->rig);
}

/* A process keeps a part of the number of acknowledgements. It never seems compared because that number overflows. */
static void test_overflow(void) {
        for (uint32_t n = 0; n < 1u << 21; n += (1u << 17) + 1) {
                Case c = { .state = STATE_SAME, .how = HOW_NOT };
                const Process *shell;

                begin(&c);
                shell = task_table_get_process(&c.rig->join.table, SHELL);
                for (uint32_t i = 0; i < n; i += 1u << 16) {
                        c.rig->connector.n_foreign_acks = i + 1;
                        rig_turn(c.rig);
                        assert(!process_is_compared(shell, c.rig->connector.n_foreign_acks));
                }
                reconcile_deinit(&c.reconcile);
                rig_skip(c.rig);
                rig_free(c.rig);
        }
}

int main(void) {
        log_init(LOG_LEVEL_ERR);
        if (geteuid() != 0)
                return 77;
        for (unsigned int i = 0; i < (unsigned int)_STATE_N * _HOW_N * 4; ++i) {
                Case c = {
                        .state = i / 4 % _STATE_N,
                        .how = i / 4 / _STATE_N,
                        .execed = i % 2,
                        .caught = i / 2 % 2,
                };

                if (c.execed && c.state == STATE_SETUID_FORKED)
                        continue;
                fprintf(stderr, "state %d, compared %d, execed %d, caught %d\n", c.state, c.how, c.execed, c.caught);
                run(&c);
        }
        test_overflow();
        return 0;
}
