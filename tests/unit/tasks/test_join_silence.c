/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/*
 * The connector was silent for a moment, and no probe noticed it. An exec, a fork, and a change
 * of that moment are noticed at the latest at the end of the task: a Loss comes before its exit, and the exit
 * has no owner. If the connector reported everything, neither happens.
 */

#include "broker/tasks/reconcile.h"
#include "tests/unit/join_rig.h"
#include "tests/unit/made_proc.h"

#define SHELL 100u
#define TASK 200u
#define THREAD 201u
#define CHILD 300u

/* The inodes of executables. */
enum {
        EXE_NONE,
        EXE_SHELL,
        EXE_OTHER,
};

typedef enum What {
        WHAT_HAPPENS_EXEC,
        WHAT_HAPPENS_FORK,
        WHAT_HAPPENS_COMM,
        WHAT_HAPPENS_UID,
        _WHAT_HAPPENS_N,
} What;

typedef struct Scene Scene;

struct Scene {
        Rig *rig;
        StatsSource source;
        uint64_t exe;                   /* the executable of TASK */
        What what;
        bool thread, known, hidden;
        bool leader_gone;
};

static int scene_ask(StatsSource *source, const uint32_t *tids, size_t n) {
        (void)source;
        assert(n == 1 && tids[0] > 0);
        return 0;
}

static int scene_next(StatsSource *source, StatsAnswer *ret_answer) {
        const Scene *scene = container_of(source, Scene, source);

        *ret_answer = (StatsAnswer){ .state = STATS_ANSWER_LIVE };
        ret_answer->stats.groups = STATS_EXECUTABLE;
        ret_answer->stats.ac_exe_dev = 1;
        ret_answer->stats.ac_exe_inode = scene->exe;
        return 0;
}

static void scene_begin(Scene *scene) {
        Rig *rig = scene->rig = rig_new();
        Task *shell = rig_seed(rig, SHELL, SHELL, "shell");

        scene->source = (StatsSource){ .n_max = 1, .ask = scene_ask, .next = scene_next };
        scene->exe = EXE_SHELL;
        rig->join.exe_reader.source = &scene->source;
        rig->join.can_be_silenced = true;
        rig->now = (uint64_t)clock_read_ns(CLOCK_MONOTONIC) - 500 * MS;
        shell->ruid = shell->euid = geteuid();
        shell->rgid = shell->egid = getegid();
}

static void show_in_proc(const Rig *rig, uint32_t pid, uint32_t tid, const char *comm) {
        const Task *task = task_table_get(&rig->join.table, tid);
        uint64_t start_ns = task ? task->start_time_ns : rig_wall(rig->now) - 50 * MS;
        char path[64], ids[128];

        snprintf(ids, sizeof(ids), "Uid:\t%u\t%u\t%u\t%u\nGid:\t%u\t%u\t%u\t%u\n", geteuid(), geteuid(), geteuid(),
                 geteuid(), getegid(), getegid(), getegid(), getegid());
        proc_add_stat(&rig->procfs, &(ProcTask){ .pid = pid, .tid = tid, .comm = comm,
                                                 .start = proc_ticks(start_ns) });
        proc_add_status(&rig->procfs, pid, tid, comm, ids);
        snprintf(path, sizeof(path), "%u/comm", pid);
        tree_write_text(&rig->procfs, path, comm);
}

/* An exec in sight. After a second it would not be read at once, so no time of the test before it counts. */
static void exec_now(Rig *rig) {
        rig->now = MAX(rig->now, (uint64_t)clock_read_ns(CLOCK_MONOTONIC) - 100 * MS);
        rig_exec(rig, TASK);
}

static void exec_seen(Scene *scene, const char *comm) {
        show_in_proc(scene->rig, TASK, TASK, comm);
        exec_now(scene->rig);
        rig_turn(scene->rig);
        assert(task_table_get_process(&scene->rig->join.table, TASK)->exe_known);
}

static uint64_t kernel_record(const Scene *scene, uint32_t tid, uint8_t flags, const char *comm, uint32_t uid) {
        rig_record(scene->rig, RECORD(tid, tid == THREAD ? TASK : tid, 1000, 0, flags, comm, .uid = uid,
                                      .gid = getegid(), .exe = scene->exe));
        return scene->exe;
}

/* The life of TASK, and of its thread, up to what happens. */
static void scene_bear(Scene *scene) {
        Rig *rig = scene->rig;

        if (scene->known || scene->thread) {
                rig_fork(rig, SHELL, TASK, TASK);
                rig_turn(rig);
                exec_seen(scene, "task");
        }
        if (scene->thread && scene->known)
                rig_fork(rig, SHELL, TASK, THREAD);
        rig_turn(rig);
        rig_skip(rig);
}

/* A thread's exec ends the leader first. Its EXIT is reported. */
static void happens_exec(Scene *scene) {
        Rig *rig = scene->rig;

        if (scene->thread) {
                kernel_record(scene, TASK, AC_FLAG_XSIG, "task", geteuid());
                rig_exit(rig, TASK, TASK, 9);
                rig_turn(rig);
        }
        scene->exe = EXE_OTHER;
        if (!scene->hidden) {
                show_in_proc(rig, TASK, TASK, "task");
                rig_exec(rig, TASK);
        }
}

static void happens(Scene *scene) {
        uint32_t tid = scene->thread ? THREAD : TASK;
        Rig *rig = scene->rig;
        uint32_t name;

        memcpy(&name, "new", sizeof(name));
        switch (scene->what) {
        case WHAT_HAPPENS_EXEC:
                happens_exec(scene);
                break;
        case WHAT_HAPPENS_FORK:
                if (!scene->hidden)
                        rig_say(rig, WHAT_FORK, tid, TASK, CHILD, CHILD, 0, 0);
                kernel_record(scene, CHILD, AC_FLAG_GROUP | AC_FLAG_FORK, "task", geteuid());
                rig_exit(rig, CHILD, CHILD, 0);
                break;
        case WHAT_HAPPENS_COMM:
                if (!scene->hidden)
                        rig_say(rig, WHAT_COMM, tid, TASK, name, 0, 0, 0);
                break;
        case WHAT_HAPPENS_UID:
                if (!scene->hidden)
                        rig_say(rig, WHAT_UID, tid, TASK, 4242, 4242, 0, 0);
                break;
        case _WHAT_HAPPENS_N:
                assert(false);
        }
        rig_turn(rig);
}

/* The kernel's records have all that happened, reported or not. A program may give itself the former name. */
static void scene_end(Scene *scene) {
        const char *comm = scene->what == WHAT_HAPPENS_COMM ? "new" : "task", *leader = scene->thread ? "task" : comm;
        uint32_t uid = scene->what == WHAT_HAPPENS_UID ? 4242 : geteuid();
        bool by_exec = scene->what == WHAT_HAPPENS_EXEC;
        Rig *rig = scene->rig;

        if (scene->thread && !by_exec) {
                kernel_record(scene, THREAD, 0, comm, uid);
                rig_exit(rig, TASK, THREAD, 0);
        }
        kernel_record(scene, TASK, AC_FLAG_GROUP, leader, scene->thread ? geteuid() : uid);
        rig_exit(rig, TASK, TASK, 0);
        rig_turn(rig);
}

static void check(const Scene *scene, bool lost, OwnerClaim claim) {
        bool is_lost = false;

        for (size_t i = 0; i < scene->rig->n_events; ++i) {
                const Event *event = &scene->rig->events[i].event;

                if (event->kind == EVENT_LOSS) {
                        assert(event->loss.source == LOSS_CONNECTOR && event->loss.reason == LOSS_UNREPORTED);
                        assert(event->loss.at_least && event->loss.count == 1);
                        is_lost = true;
                }
                if (event->kind != EVENT_EXIT || i + 1 < scene->rig->n_events)
                        continue;
                assert(event->pid == TASK && event->exit.stats);
                assert(claim == OWNER_SHOWN ? event->owner.claim == OWNER_SHOWN : event->owner.claim < OWNER_SHOWN);
        }
        assert(is_lost == lost && scene->rig->join.wants_reconcile == lost);
}

static void run(What what, bool thread, bool known, bool hidden) {
        Scene scene = { .what = what, .thread = thread, .known = known, .hidden = hidden };
        bool lost = hidden || !known, shown = !lost;

        scene_begin(&scene);
        scene_bear(&scene);
        happens(&scene);
        scene_end(&scene);
        /* The name of a thread is not compared: kernel threads of a process get theirs without an event. */
        if (what == WHAT_HAPPENS_COMM && thread && known)
                lost = !(shown = true);
        /* An id that belongs to another user is no loss. */
        if (what == WHAT_HAPPENS_UID && thread && known)
                lost = false;
        if (what == WHAT_HAPPENS_UID)
                shown = false;
        check(&scene, lost, shown ? OWNER_SHOWN : OWNER_NONE);
        rig_skip(scene.rig);
        rig_free(scene.rig);
}

static void test_all(void) {
        for (What what = 0; what < _WHAT_HAPPENS_N; ++what)
                for (unsigned int i = 0; i < 8; ++i)
                        run(what, i & 1, i & 2, i & 4);
}

/* The first exec of a process was hidden. As its parent's program is not known, only the mark of a birth shows it. */
static void test_first_exec(void) {
        for (int hidden = 0; hidden < 2; ++hidden) {
                Scene scene = { .exe = EXE_NONE };

                scene_begin(&scene);
                rig_fork(scene.rig, SHELL, TASK, TASK);
                kernel_record(&scene, TASK, AC_FLAG_GROUP | (hidden ? 0 : AC_FLAG_FORK), "shell", geteuid());
                rig_exit(scene.rig, TASK, TASK, 0);
                rig_turn(scene.rig);
                check(&scene, hidden, hidden ? OWNER_NONE : OWNER_SHOWN);
                rig_skip(scene.rig);
                rig_free(scene.rig);
        }
}

/* While an earlier loss explains it, there is no new one. The exit has no owner all the same. */
static void test_explained(void) {
        Scene scene = { .what = WHAT_HAPPENS_EXEC, .known = true, .hidden = true };
        const Event *event;

        scene_begin(&scene);
        scene_bear(&scene);
        happens(&scene);
        scene.rig->join.reconciling = true;
        scene_end(&scene);
        event = rig_expect(scene.rig, EVENT_EXIT, TASK, TASK);
        assert(event->owner.claim < OWNER_SHOWN && scene.rig->join.wants_reconcile);
        rig_free(scene.rig);
}

/* Each event of a process that the table does not have: the Loss stands before it. */
static void test_in_its_place(void) {
        static const uint32_t whats[] = { WHAT_FORK, WHAT_EXEC, WHAT_COMM, WHAT_UID, WHAT_SID, WHAT_EXIT };

        for (size_t i = 0; i < 2 * ARRAY_SIZE(whats); ++i) {
                uint32_t what = whats[i / 2];
                bool lives = i & 1;
                Scene scene = { .exe = EXE_NONE };
                Rig *rig;

                scene_begin(&scene);
                rig = scene.rig;
                if (lives)
                        show_in_proc(rig, TASK, TASK, "task");
                if (what == WHAT_EXIT)
                        kernel_record(&scene, TASK, AC_FLAG_GROUP, "task", geteuid());
                if (what == WHAT_FORK)
                        rig_fork(rig, TASK, CHILD, CHILD);
                else
                        rig_say(rig, what, TASK, TASK, 0, 0, 0, 0);
                rig_turn(rig);
                /* a task may change after its exit, but not fork or call exec */
                if (lives || what == WHAT_FORK || what == WHAT_EXEC || what == WHAT_EXIT)
                        rig_expect_loss(rig, LOSS_CONNECTOR, LOSS_UNREPORTED, 1);
                assert(rig_next(rig)->kind != EVENT_LOSS);
                rig_free(rig);
        }
}

/*
 * A process called exec in sight, and is in the middle of another exec when it is read: it has the
 * executable already, and still the old owner. The exec is hidden. The record shows no other
 * executable than the one that was read. A process whose code cannot be read may be there too.
 */
static void test_under_way(void) {
        static const char *const sizes[] = { "273 49 47 171 0 41 0\n", "33 9 7 0 0 41 0\n", NULL };

        for (size_t i = 0; i < ARRAY_SIZE(sizes); ++i) {
                Scene scene = { .exe = EXE_NONE };
                Rig *rig;

                scene_begin(&scene);
                rig = scene.rig;
                rig_fork(rig, SHELL, TASK, TASK);
                rig_turn(rig);
                show_in_proc(rig, TASK, TASK, "task");
                if (sizes[i])
                        proc_write(&rig->procfs, TASK, TASK, "statm", sizes[i], strlen(sizes[i]));
                else
                        proc_remove_file(&rig->procfs, TASK, TASK, "statm");
                scene.exe = EXE_OTHER;
                exec_now(rig);
                rig_turn(rig);
                assert(task_table_get_process(&rig->join.table, TASK)->exe_known == (i == 0));
                rig_say(rig, 0, 0, 0, 0, 0, 0, 0);
                kernel_record(&scene, TASK, AC_FLAG_GROUP, "task", geteuid());
                rig_exit(rig, TASK, TASK, 0);
                rig_turn(rig);
                check(&scene, false, i == 0 ? OWNER_SHOWN : OWNER_NONE);
                rig_skip(rig);
                rig_free(rig);
        }
}

/*
 * A task that is not in the table. If its record is from the time of the start, its EXIT may come
 * much later, and no fork is missing.
 */
static void test_from_the_start(void) {
        for (int late = 0; late < 2; ++late) {
                Scene scene = { .exe = EXE_NONE };
                Rig *rig;

                scene_begin(&scene);
                rig = scene.rig;
                rig->join.start_grace_ns = (uint64_t)clock_read_ns(CLOCK_MONOTONIC) + (late ? -1 : 100) * NSEC_PER_SEC;
                kernel_record(&scene, TASK, AC_FLAG_GROUP, "task", geteuid());
                rig_turn(rig);
                rig->now = rig->join.start_grace_ns + 5 * NSEC_PER_SEC;
                rig_exit(rig, TASK, TASK, 0);
                rig_turn(rig);
                check(&scene, late, OWNER_NONE);
                rig_skip(rig);
                rig_free(rig);
        }
}

/*
 * A process used a privilege, and calls no exec. If it was compared with /proc after its exec, and
 * no silence can hide another one, it has the privilege in a user namespace of its own.
 */
static void test_privilege(void) {
        for (int acknowledged = 0; acknowledged < 2; ++acknowledged)
                for (int other = 0; other < 2; ++other) {
                        Scene scene = { .exe = EXE_NONE };
                        Rig *rig;

                        scene_begin(&scene);
                        rig = scene.rig;
                        rig_fork(rig, SHELL, TASK, TASK);
                        rig_turn(rig);
                        exec_seen(&scene, "task");
                        task_table_get(&rig->join.table, TASK)->euid = 1000;
                        task_table_get(&rig->join.table, TASK)->ruid = 1000;
                        if (acknowledged)
                                rig_say(rig, 0, 0, 0, 0, 0, 0, 0);
                        scene.exe = other ? EXE_OTHER : EXE_SHELL;
                        kernel_record(&scene, TASK, AC_FLAG_GROUP | AC_FLAG_SU, "task", 1000);
                        rig_exit(rig, TASK, TASK, 0);
                        rig_turn(rig);
                        check(&scene, other, acknowledged || other ? OWNER_NONE : OWNER_SHOWN);
                        rig_skip(rig);
                        rig_free(rig);
                }
}

/*
 * The program of an exec that was reported is not known: the process ended before it was
 * read. If an acknowledgement of another listener's request came before its end, a silence
 * may have ended there. The process, or the process that forked it, may have called exec in
 * that silence. A comparison with /proc shows that its parent did not. An acknowledgement
 * after its end says nothing.
 */
static void test_not_read(void) {
        for (int acknowledged = 0; acknowledged < 5; ++acknowledged) {
                Scene scene = { .exe = EXE_NONE };
                Rig *rig;

                scene_begin(&scene);
                rig = scene.rig;
                if (acknowledged == 3)
                        process_note_compared(task_table_get_process(&rig->join.table, SHELL), 1);
                rig_fork(rig, SHELL, TASK, TASK);
                if (acknowledged == 1 || acknowledged == 3)
                        rig_say(rig, 0, 0, 0, 0, 0, 0, 0);
                rig_exec(rig, TASK);
                if (acknowledged == 2)
                        rig_say(rig, 0, 0, 0, 0, 0, 0, 0);
                kernel_record(&scene, TASK, AC_FLAG_GROUP, "other", geteuid());
                rig_exit(rig, TASK, TASK, 0);
                if (acknowledged == 4)
                        rig_say(rig, 0, 0, 0, 0, 0, 0, 0);
                rig_turn(rig);
                assert(rig->connector.n_foreign_acks == !!acknowledged);
                check(&scene, false, acknowledged == 1 || acknowledged == 2 ? OWNER_NONE : OWNER_SHOWN);
                rig_skip(rig);
                rig_free(rig);
        }
}

/* The task ends under a name, and its events explain all that its record has. */
static void end_explained(Scene *scene, const char *comm) {
        kernel_record(scene, TASK, AC_FLAG_GROUP, comm, geteuid());
        rig_exit(scene->rig, TASK, TASK, 0);
        rig_turn(scene->rig);
        check(scene, false, OWNER_SHOWN);
        rig_skip(scene->rig);
        rig_free(scene->rig);
}

/* A thread that an exec ended: its record shows the former program, its EXIT comes behind the exec. */
static void test_ended_by_exec(void) {
        Scene scene = { .exe = EXE_NONE };
        Rig *rig;

        scene_begin(&scene);
        rig = scene.rig;
        rig_fork(rig, SHELL, TASK, TASK);
        rig_turn(rig);
        exec_seen(&scene, "task");
        rig_fork(rig, SHELL, TASK, THREAD);
        rig_turn(rig);
        kernel_record(&scene, THREAD, AC_FLAG_XSIG, "task", geteuid());
        scene.exe = EXE_OTHER;
        exec_seen(&scene, "other");
        rig_exit(rig, TASK, THREAD, 9);
        end_explained(&scene, "other");
}

/*
 * A process forks after its exec, and has begun the next exec when it is read: the child has
 * the former program.
 */
static void test_forked_before_exec(void) {
        Scene scene = { .exe = EXE_NONE };
        Rig *rig;

        scene_begin(&scene);
        rig = scene.rig;
        rig_fork(rig, SHELL, TASK, TASK);
        rig_turn(rig);
        show_in_proc(rig, TASK, TASK, "task");
        rig_exec(rig, TASK);
        rig_fork(rig, TASK, CHILD, CHILD);
        scene.exe = EXE_OTHER;
        rig_turn(rig);
        scene.exe = EXE_SHELL;
        kernel_record(&scene, CHILD, AC_FLAG_GROUP | AC_FLAG_FORK, "task", geteuid());
        rig_exit(rig, CHILD, CHILD, 0);
        scene.exe = EXE_OTHER;
        rig_exec(rig, TASK);
        rig_turn(rig);
        end_explained(&scene, "task");
}

/* A loss hides an exec. The comparison with /proc reports it, and the exit is no evidence any more. */
static void test_reconciled(void) {
        Scene scene = { .exe = EXE_NONE };
        Reconcile reconcile;
        Rig *rig;

        scene_begin(&scene);
        rig = scene.rig;
        rig_fork(rig, SHELL, TASK, TASK);
        rig_turn(rig);
        exec_seen(&scene, "task");
        show_in_proc(rig, SHELL, SHELL, "shell");
        scene.exe = EXE_OTHER;
        rig_lose(rig, 1);
        rig_say(rig, WHAT_SID, SHELL, SHELL, 0, 0, 0, 0);
        rig_turn(rig);
        rig_skip(rig);
        rig->join.wants_reconcile = false;
        reconcile_init(&reconcile, &rig->join, rig->procfs.fd);
        reconcile_start(&reconcile);
        while (reconcile.phase != RECONCILE_IDLE) {
                reconcile_scan(&reconcile);
                rig_turn(rig);
                assert(reconcile_apply(&reconcile) == 0);
        }
        reconcile_deinit(&reconcile);
        assert(rig_expect(rig, EVENT_EXEC, TASK, TASK)->synthesised);
        rig->join.lossy = false;
        kernel_record(&scene, TASK, AC_FLAG_GROUP, "task", geteuid());
        rig_exit(rig, TASK, TASK, 0);
        rig_turn(rig);
        assert(rig_expect(rig, EVENT_EXIT, TASK, TASK)->owner.claim == OWNER_SHOWN);
        rig_free(rig);
}

int main(void) {
        test_all();
        test_first_exec();
        test_explained();
        test_in_its_place();
        test_reconciled();
        test_not_read();
        test_from_the_start();
        test_under_way();
        test_privilege();
        test_ended_by_exec();
        test_forked_before_exec();
        return 0;
}
