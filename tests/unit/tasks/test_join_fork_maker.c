/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/*
 * A FORK names the parent of the new process, which may not be its maker: after
 * clone(CLONE_PARENT) the maker is a child of the parent. Each kind of parent and maker is
 * tried with each life of the new process. Ids, name and owner that are shown are right, or
 * they are marked as not known.
 */

#include "broker/tasks/join_recheck.h"
#include "broker/tasks/parents.h"
#include "tests/unit/join_rig.h"
#include "tests/unit/made_proc.h"

#define PARENT 100u
#define MAKER 200u
#define CHILD 300u
#define ME 1000u
#define GROUP 2000u
#define ODD_GROUP 2001u

typedef enum Maker {
        MAKER_NONE,             /* the parent itself, which has no other child */
        MAKER_SAME,
        MAKER_OTHER_UID,
        MAKER_SETUID,
        MAKER_SETGID,
        MAKER_CAPABILITY,       /* by its file */
        MAKER_NONDUMPABLE,
        MAKER_OTHER_SESSION,
        _MAKER_N,
} Maker;

typedef enum Life {
        LIFE_ENDS,              /* at once */
        LIFE_EXECS,             /* a program without privileges */
        LIFE_LIVES,
        _LIFE_N,
} Life;

typedef struct Case Case;

struct Case {
        bool root;              /* the parent belongs to root */
        Maker maker;
        Life life;
        bool hurry;             /* /proc is not read at the fork */
        bool orphan;            /* the parent adopted the maker, after another process ended */

        Rig *rig;
        /* the new process, as the machine has it */
        uint32_t ruid, euid, rgid, egid, session;
        bool hidden, privileged;
        const char *comm;
        uint64_t start_ns;
};

/* Makes /proc show the process as it is now. */
static void show(const Case *c, uint32_t pid, uint64_t start_ns) {
        static const char *const files[] = { "comm", "status" };
        char ids[160], path[64];
        uint32_t owner = c->hidden ? 0 : c->euid;

        snprintf(ids, sizeof(ids), "Uid:\t%u\t%u\t%u\t%u\nGid:\t%u\t%u\t%u\t%u\nCapPrm:\t%u\n", c->ruid, c->euid,
                 c->euid, c->euid, c->rgid, c->egid, c->egid, c->egid, c->privileged);
        proc_add_stat(&c->rig->procfs, &(ProcTask){ .pid = pid, .tid = pid, .comm = c->comm, .ppid = PARENT,
                                                    .session = c->session, .start = proc_ticks(rig_wall(start_ns)) });
        proc_add_status(&c->rig->procfs, pid, pid, c->comm, ids);
        snprintf(path, sizeof(path), "%u/comm", pid);
        tree_write_text(&c->rig->procfs, path, c->comm);
        for (size_t i = 0; i < ARRAY_SIZE(files); ++i) {
                snprintf(path, sizeof(path), i == 0 ? "%u/comm" : "%u/task/%u/status", pid, pid);
                assert(fchownat(c->rig->procfs.fd, path, owner, (gid_t)-1, 0) == 0);
        }
}

static void set_ids(Case *c, uint32_t ruid, uint32_t euid, uint32_t rgid, uint32_t egid) {
        if (c->rgid != rgid || c->egid != egid)
                rig_say(c->rig, WHAT_GID, MAKER, MAKER, rgid, egid, 0, 0);
        if (c->ruid != ruid || c->euid != euid)
                rig_say(c->rig, WHAT_UID, MAKER, MAKER, ruid, euid, 0, 0);
        c->ruid = ruid;
        c->euid = euid;
        c->rgid = rgid;
        c->egid = egid;
}

/* The parent starts the maker, which becomes what it is. */
static void make_maker(Case *c) {
        uint32_t id = c->root ? 0 : ME, group = c->root ? 0 : GROUP, other = c->root ? ME : ME + 1;
        uint64_t start_ns;

        start_ns = rig_fork(c->rig, c->orphan ? PARENT + 1 : PARENT, MAKER, MAKER);
        if (c->maker == MAKER_OTHER_UID)
                set_ids(c, other, other, GROUP, GROUP);
        else if (c->maker == MAKER_SETUID)
                set_ids(c, id, other, group, group);
        else if (c->maker == MAKER_SETGID)
                set_ids(c, id, id, group, ODD_GROUP);
        c->privileged = c->maker == MAKER_CAPABILITY;
        c->hidden = c->maker == MAKER_SETUID || c->maker == MAKER_SETGID || c->privileged;
        c->comm = "maker";
        show(c, MAKER, start_ns);
        rig_exec(c->rig, MAKER);
        rig_turn(c->rig);
        if (c->maker == MAKER_OTHER_SESSION) {
                c->session = MAKER;
                rig_say(c->rig, WHAT_SID, MAKER, MAKER, 0, 0, 0, 0);
        }
        if (c->maker == MAKER_NONDUMPABLE) {
                /* it was noticed when somebody asked for its statistics */
                c->hidden = true;
                task_table_get(&c->rig->join.table, MAKER)->process->nondumpable = true;
                parents_note_change(&c->rig->join.table, task_table_get_process(&c->rig->join.table, MAKER), KIN_OWNER);
        }
        rig_turn(c->rig);
        if (!c->orphan)
                return;
        rig_record(c->rig, RECORD(PARENT + 1, PARENT + 1, 1, 0, AC_FLAG_FORK | AC_FLAG_GROUP, "parent",
                                  .uid = id, .gid = group));
        rig_exit(c->rig, PARENT + 1, PARENT + 1, 0);
        rig_turn(c->rig);
}

static void begin(Case *c) {
        Task *parent;

        c->rig = rig_new();
        c->rig->now = (uint64_t)clock_read_ns(CLOCK_MONOTONIC) - 100 * MS;
        parent = rig_seed(c->rig, PARENT, PARENT, "parent");
        parent->process->session = c->session = 700;
        parent->process->has_no_parent = true;
        c->ruid = c->euid = c->root ? 0 : ME;
        c->rgid = c->egid = c->root ? 0 : GROUP;
        parent->ruid = parent->euid = c->ruid;
        parent->rgid = parent->egid = c->rgid;
        c->comm = "parent";
        if (c->orphan)
                rig_fork(c->rig, PARENT, PARENT + 1, PARENT + 1);
        if (c->maker != MAKER_NONE)
                make_maker(c);
        c->rig->join.comm_reader.refilled_ns = (uint64_t)clock_read_ns(CLOCK_MONOTONIC);
        c->rig->join.comm_reader.n_tokens = c->hurry ? 0 : 1000;
        rig_skip(c->rig);
}

/* Whether /proc shows the process to the user of its ids. Root has nothing of its own: see policy.c. */
static bool is_shown(const Case *c) {
        return c->ruid == 0 || (!c->hidden && c->ruid == c->euid && c->rgid == c->egid);
}

/* The event has right values of the process, or marks them. */
static void check_event(const Case *c, const Event *event) {
        assert(event->task_unknown || event->uid == c->ruid);
        assert(event->task_unknown || event->comm_stale || strcmp(event->comm, c->comm) == 0);
        if (event->owner.claim > OWNER_NONE)
                assert(event->owner.uid == c->ruid && event->owner.gid == c->rgid);
        assert(event->owner.claim < OWNER_SHOWN || is_shown(c));
}

/* So is what the table has, and in the end nothing is unknown. */
static void check_table(const Case *c, bool settled) {
        const Task *task = task_table_get(&c->rig->join.table, CHILD);
        const Process *process = task->process;

        assert(!settled || !(task->flags & (TASK_UNKNOWN | TASK_STALE)));
        if (!(task->flags & TASK_UNKNOWN))
                assert(task->ruid == c->ruid && task->euid == c->euid && task->rgid == c->rgid &&
                       task->egid == c->egid);
        assert((task->flags & (TASK_UNKNOWN | TASK_COMM_STALE)) || strcmp(task->comm, c->comm) == 0);
        assert(process->session == c->session || (process->session == 0 && !settled));
        assert(owner_of_task(task).claim < OWNER_SHOWN || is_shown(c));
        if (settled && c->ruid)
                assert((owner_of_task(task).claim == OWNER_SHOWN) == is_shown(c));
}

static void check_events(Case *c) {
        while (c->rig->i_event < c->rig->n_events) {
                const Event *event = rig_next(c->rig);

                if (event->pid == CHILD)
                        check_event(c, event);
        }
}

static void end(Case *c) {
        const Task *task = task_table_get(&c->rig->join.table, CHILD);
        uint8_t flags = task && task->process->execed ? 0 : AC_FLAG_FORK;

        rig_record(c->rig, RECORD(CHILD, CHILD, 1, 0, flags | AC_FLAG_GROUP, c->comm, .uid = c->ruid, .gid = c->rgid));
        rig_exit(c->rig, CHILD, CHILD, 0);
        rig_turn(c->rig);
        check_events(c);
}

static void run(Case *c) {
        begin(c);
        c->start_ns = rig_fork(c->rig, PARENT, CHILD, CHILD);
        if (c->life == LIFE_ENDS) {
                end(c);
                rig_free(c->rig);
                return;
        }
        show(c, CHILD, c->start_ns);
        rig_turn(c->rig);
        check_table(c, !c->hurry);
        check_events(c);
        if (c->life == LIFE_EXECS) {
                c->comm = "other";
                show(c, CHILD, c->start_ns);
                rig_exec(c->rig, CHILD);
                rig_turn(c->rig);
                check_table(c, false);
                check_events(c);
        }
        while (c->rig->join.table.recheck_queue.n > 0)
                assert(join_recheck_queue(&c->rig->join) == 0);
        check_table(c, true);
        check_events(c);
        end(c);
        rig_free(c->rig);
}

/* A parent that has no other child made its child: nothing is to be read, and nothing is marked. */
static void test_certain(void) {
        for (int had_another = 0; had_another < 2; ++had_another) {
                Case c = { .maker = had_another ? MAKER_SETUID : MAKER_NONE, .hurry = true };
                const Task *task;

                begin(&c);
                if (had_another) {
                        rig_record(c.rig, RECORD(MAKER, MAKER, 1, 0, AC_FLAG_GROUP, "maker", .uid = ME, .gid = GROUP));
                        rig_exit(c.rig, MAKER, MAKER, 0);
                }
                rig_fork(c.rig, PARENT, CHILD, CHILD);
                rig_turn(c.rig);
                task = task_table_get(&c.rig->join.table, CHILD);
                assert(!(task->flags & (TASK_UNKNOWN | TASK_STALE)) && strcmp(task->comm, "parent") == 0);
                assert(owner_of_task(task).claim == OWNER_SHOWN);
                assert(c.rig->join.comm_reader.n_tokens == 0);
                rig_skip(c.rig);
                rig_free(c.rig);
        }
}

int main(void) {
        unsigned int n = 0;

        log_init(LOG_LEVEL_ERR);
        if (geteuid() != 0)
                return 77;
        test_certain();
        for (unsigned int i = 0; i < 2u * _MAKER_N * _LIFE_N * 2 * 2; ++i, ++n) {
                Case c = {
                        .root = i % 2,
                        .maker = i / 2 % _MAKER_N,
                        .life = i / 2 / _MAKER_N % _LIFE_N,
                        .hurry = i / 2 / _MAKER_N / _LIFE_N % 2,
                        .orphan = i / 2 / _MAKER_N / _LIFE_N / 2,
                };

                if (c.orphan && c.maker == MAKER_NONE)
                        continue;
                fprintf(stderr, "parent of %s, maker %d, life %d, hurry %d, orphan %d\n", c.root ? "root" : "me",
                        c.maker, c.life, c.hurry, c.orphan);
                run(&c);
        }
        return 0;
}
