/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/* The owner of a task at its exit, after the events of its life. */

#include "broker/tasks/reconcile.h"
#include "tests/unit/join_rig.h"
#include "tests/unit/made_proc.h"

#define SHELL 100u
#define TASK 200u
#define ME 1000u
#define GROUP 2000u
#define IDS_OF_ME "Uid:\t1000\t1000\t1000\t1000\nGid:\t2000\t2000\t2000\t2000\n"

static void set_ids(Rig *rig, uint32_t pid, uint32_t uid, uint32_t gid) {
        rig_say(rig, WHAT_GID, pid, pid, gid, gid, 0, 0);
        rig_say(rig, WHAT_UID, pid, pid, uid, uid, 0, 0);
}

/* Ends a task. Return: the owner in its exit. */
static OwnerClaim end_as(Rig *rig, uint32_t pid, uint8_t flags, uint32_t uid, uint32_t gid) {
        const Process *process;
        const Event *event;

        rig_turn(rig);
        rig_skip(rig);
        process = task_table_get_process(&rig->join.table, pid);
        flags |= process->execed ? 0 : AC_FLAG_FORK;
        rig_record(rig, RECORD(pid, pid, 1000, 0, flags | AC_FLAG_GROUP, "task", .uid = uid, .gid = gid));
        rig_exit(rig, pid, pid, 0);
        rig_turn(rig);
        do
                event = rig_next(rig);
        while (event->kind != EVENT_EXIT || event->pid != pid);
        rig_skip(rig);
        return event->owner.claim;
}

static OwnerClaim end(Rig *rig, uint32_t pid) {
        return end_as(rig, pid, 0, ME, GROUP);
}

/* A hundred milliseconds ago a process of root started TASK, which changes to the user's ids. Return: its start. */
static uint64_t become_mine(Rig *rig) {
        uint64_t start_ns;

        rig->now = (uint64_t)clock_read_ns(CLOCK_MONOTONIC) - 100 * MS;
        start_ns = rig_fork(rig, 50, TASK, TASK);
        set_ids(rig, TASK, ME, GROUP);
        return start_ns;
}

/* TASK calls exec, and starts a child, which ends before it. */
static void exec_and_end(Rig *rig, OwnerClaim child, OwnerClaim parent) {
        rig_exec(rig, TASK);
        rig_fork(rig, TASK, TASK + 1, TASK + 1);
        rig_turn(rig);
        assert(end(rig, TASK + 1) == child);
        assert(end(rig, TASK) == parent);
}

/* Makes the files of a process after exec in /proc. @owner: the owner of these files, if the test may set it. */
static void show(Rig *rig, uint32_t pid, const char *ids, uid_t owner) {
        static const char *const files[] = { "comm", "status" };
        char path[64];

        proc_add_stat(&rig->procfs, &(ProcTask){ .pid = pid, .tid = pid, .comm = "task", .start = 5 });
        proc_add_status(&rig->procfs, pid, pid, "task", ids);
        snprintf(path, sizeof(path), "%u/comm", pid);
        tree_write_text(&rig->procfs, path, "task\n");
        for (size_t i = 0; i < ARRAY_SIZE(files); ++i) {
                snprintf(path, sizeof(path), i == 0 ? "%u/comm" : "%u/task/%u/status", pid, pid);
                assert(fchownat(rig->procfs.fd, path, owner, (gid_t)-1, 0) == 0 || geteuid() != 0);
        }
}

static void test_plain(void) {
        Rig *rig = rig_new();

        rig_seed(rig, SHELL, SHELL, "shell");
        rig_fork(rig, SHELL, TASK, TASK);
        assert(end(rig, TASK) == OWNER_SHOWN);
        rig_fork(rig, SHELL, TASK, TASK);
        rig_exec(rig, TASK);
        assert(end(rig, TASK) == OWNER_SHOWN);
        /* its record contradicts the table: a privilege, other ids, an exec that no event reported */
        rig_fork(rig, SHELL, TASK, TASK);
        assert(end_as(rig, TASK, AC_FLAG_SU, ME, GROUP) == OWNER_HIDDEN);
        rig_fork(rig, SHELL, TASK, TASK);
        rig_record(rig, RECORD(TASK, TASK, 1000, 0, AC_FLAG_GROUP, "other", .uid = ME, .gid = GROUP));
        rig_exit(rig, TASK, TASK, 0);
        rig_turn(rig);
        rig_expect(rig, EVENT_FORK, TASK, TASK);
        assert(rig_expect(rig, EVENT_EXIT, TASK, TASK)->owner.claim == OWNER_HIDDEN);
        rig_fork(rig, SHELL, TASK, TASK);
        assert(end_as(rig, TASK, 0, 0, GROUP) == OWNER_HIDDEN);
        rig_fork(rig, SHELL, TASK, TASK);
        assert(end_as(rig, TASK, 0, ME, 0) == OWNER_HIDDEN);
        rig_free(rig);
}

/* A setuid program: its children have no owner until they have only the user's ids again. */
static void test_setuid(void) {
        Rig *rig = rig_new();

        rig_seed(rig, SHELL, SHELL, "shell");
        rig_fork(rig, SHELL, TASK, TASK);
        rig_say(rig, WHAT_UID, TASK, TASK, ME, 0, 0, 0);
        rig_exec(rig, TASK);
        rig_fork(rig, TASK, TASK + 1, TASK + 1);
        rig_turn(rig);
        assert(end(rig, TASK) == OWNER_NONE);
        set_ids(rig, TASK + 1, ME, GROUP);
        assert(end(rig, TASK + 1) == OWNER_UNPROVEN);
        rig_free(rig);
}

static void test_setgid(void) {
        Rig *rig = rig_new();

        rig_seed(rig, SHELL, SHELL, "shell");
        rig_fork(rig, SHELL, TASK, TASK);
        rig_say(rig, WHAT_GID, TASK, TASK, GROUP, 42, 0, 0);
        rig_exec(rig, TASK);
        assert(end(rig, TASK) == OWNER_NONE);
        rig_free(rig);
}

/*
 * A thread calls exec of a setuid or setgid program. The kernel ends the leader first, and
 * reports the new ids under its number. A leader whose EXIT comes late has no owner either.
 */
static void test_set_id_by_thread(void) {
        for (int i = 0; i < 4; ++i) {
                Rig *rig = rig_new();
                bool gone = i & 1, group = i & 2;

                rig_seed(rig, SHELL, SHELL, "shell");
                rig_fork(rig, SHELL, TASK, TASK);
                rig_fork(rig, SHELL, TASK, TASK + 1);
                rig_record(rig, RECORD(TASK, TASK, 10, 0, AC_FLAG_FORK, "task", .uid = ME, .gid = GROUP));
                if (gone)
                        rig_exit(rig, TASK, TASK, 0);
                rig_say(rig, group ? WHAT_GID : WHAT_UID, TASK, TASK, group ? GROUP : ME, 42, 0, 0);
                rig_exec(rig, TASK);
                if (!gone)
                        rig_exit(rig, TASK, TASK, 0);
                assert(end(rig, TASK) < OWNER_HIDDEN);
                rig_free(rig);
        }
}

/* An event has the owner as it is after the event. */
static void test_events_of_change(void) {
        Rig *rig = rig_new();

        rig_seed(rig, SHELL, SHELL, "shell");
        rig_say(rig, WHAT_UID, SHELL, SHELL, ME, ME, 0, 0);
        rig_say(rig, WHAT_GID, SHELL, SHELL, GROUP, GROUP, 0, 0);
        rig_turn(rig);
        assert(rig_expect(rig, EVENT_UID, SHELL, SHELL)->owner.claim == OWNER_UNPROVEN);
        assert(rig_expect(rig, EVENT_GID, SHELL, SHELL)->owner.claim == OWNER_UNPROVEN);
        rig_free(rig);
}

/*
 * su: a process of root changes to the user's ids. It has no owner until it was checked; its later
 * children have the user as owner.
 */
static void test_su(void) {
        Rig *rig = rig_new();
        Task *root = rig_seed(rig, 50, 50, "su");

        root->ruid = root->euid = root->rgid = root->egid = 0;
        rig_fork(rig, 50, TASK, TASK);
        set_ids(rig, TASK, ME, GROUP);
        assert(end(rig, TASK) == OWNER_UNPROVEN);

        /* there was no time to check it */
        rig_fork(rig, 50, TASK, TASK);
        set_ids(rig, TASK, ME, GROUP);
        exec_and_end(rig, OWNER_UNPROVEN, OWNER_UNPROVEN);

        if (geteuid() == 0) {
                become_mine(rig);
                show(rig, TASK, IDS_OF_ME, ME);
                exec_and_end(rig, OWNER_SHOWN, OWNER_SHOWN);

                /* it has kept an id of root */
                become_mine(rig);
                show(rig, TASK, IDS_OF_ME "CapPrm:\t0000000000000400\n", ME);
                exec_and_end(rig, OWNER_UNPROVEN, OWNER_UNPROVEN);
        }
        rig_free(rig);
}

/* A process that could not be checked at exec is checked later; its children from then on have its owner. */
static void test_later(void) {
        Rig *rig = rig_new();
        Task *root = rig_seed(rig, 50, 50, "su");

        if (geteuid() == 0) {
                root->ruid = root->euid = root->rgid = root->egid = 0;
                for (int nondumpable = 0; nondumpable < 2; ++nondumpable) {
                        uint64_t start_ns = become_mine(rig);
                        const Event *event;

                        rig_exec(rig, TASK);
                        rig_fork(rig, TASK, TASK + 1, TASK + 1);
                        rig_turn(rig);
                        assert(end(rig, TASK + 1) == OWNER_UNPROVEN);
                        show(rig, TASK, IDS_OF_ME, nondumpable ? 0 : ME);
                        proc_add_stat(&rig->procfs, &(ProcTask){ .pid = TASK, .tid = TASK, .comm = "task",
                                                                 .start = proc_ticks(rig_wall(start_ns)) });
                        assert(join_tick(&rig->join) == 0);
                        event = rig_expect(rig, EVENT_COMM, TASK, TASK);
                        assert(event->synthesised && !event->only_for_sets && strcmp(event->comm, "task") == 0);
                        assert((event->owner.claim == OWNER_SHOWN) == !nondumpable && event->owner.uid == ME);
                        rig_expect_nothing(rig);
                        rig_fork(rig, TASK, TASK + 1, TASK + 1);
                        rig_turn(rig);
                        assert(end(rig, TASK + 1) == (nondumpable ? OWNER_UNPROVEN : OWNER_SHOWN));
                        assert(end(rig, TASK) == (nondumpable ? OWNER_UNPROVEN : OWNER_SHOWN));
                        assert(unlinkat(rig->procfs.fd, "200/comm", 0) == 0);
                }
        }
        rig_free(rig);
}

/* A program that its user may not read: its files in /proc belong to another user. */
static void test_nondumpable(void) {
        Rig *rig = rig_new();

        rig_seed(rig, SHELL, SHELL, "shell");
        rig->now = (uint64_t)clock_read_ns(CLOCK_MONOTONIC) - 100 * MS;
        rig_fork(rig, SHELL, TASK, TASK);
        show(rig, TASK, IDS_OF_ME, 0);
        exec_and_end(rig, OWNER_UNPROVEN, OWNER_UNPROVEN);
        rig_free(rig);
}

/*
 * Each kind of process as /proc shows it after its exec, and its exit, whose record has the
 * flag of a used privilege. Only root can make files of another user.
 */
static void test_kinds(void) {
        static const char all[] = "0 0 4294967295\n", own[] = "0 1000 1\n", caps[] = "CapPrm:\t000001ffffffffff\n";
        static const struct {
                const char *what, *uid_map, *projid_map, *capabilities;
                bool launched;
                uint8_t flags;
                OwnerClaim claim;
        } rows[] = {
                { "plain", all, all, "", false, 0, OWNER_SHOWN },
                { "a privilege that nothing explains", all, all, "", false, AC_FLAG_SU, OWNER_HIDDEN },
                { "launched", all, all, "", true, AC_FLAG_SU, OWNER_SHOWN },
                { "launched, with capabilities", all, all, caps, true, AC_FLAG_SU, OWNER_UNPROVEN },
                { "its user's namespace", own, "", caps, false, AC_FLAG_SU, OWNER_SHOWN },
                { "a namespace of another user", own, "", "", true, AC_FLAG_SU, OWNER_UNPROVEN },
                { "a namespace of root with all ids", all, "", "", true, AC_FLAG_SU, OWNER_UNPROVEN },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows) && geteuid() == 0; ++i) {
                Rig *rig = rig_new();
                OwnerClaim claim;
                char ids[256];

                if (rows[i].launched) {
                        Task *root = rig_seed(rig, 50, 50, "launcher");

                        root->ruid = root->euid = root->rgid = root->egid = 0;
                        become_mine(rig);
                } else {
                        rig_seed(rig, SHELL, SHELL, "shell");
                        rig->now = (uint64_t)clock_read_ns(CLOCK_MONOTONIC) - 100 * MS;
                        rig_fork(rig, SHELL, TASK, TASK);
                }
                snprintf(ids, sizeof(ids), "%s%s", IDS_OF_ME, rows[i].capabilities);
                show(rig, TASK, ids, ME);
                tree_write_text(&rig->procfs, "200/uid_map", rows[i].uid_map);
                tree_write_text(&rig->procfs, "200/projid_map", rows[i].projid_map);
                rig_exec(rig, TASK);
                rig_turn(rig);
                claim = end_as(rig, TASK, rows[i].flags, ME, GROUP);
                if (claim != rows[i].claim) {
                        fprintf(stderr, "%s: %d\n", rows[i].what, claim);
                        abort();
                }
                rig_free(rig);
        }
}

/* A thread used a privilege that nothing explains. A lost record says nothing about the owner. */
static void test_threads(void) {
        Rig *rig = rig_new();

        for (int lost = 0; lost < 2; ++lost) {
                rig_seed(rig, SHELL, SHELL, "shell");
                rig_fork(rig, SHELL, TASK, TASK);
                rig_fork(rig, SHELL, TASK, TASK + 1);
                if (!lost)
                        rig_record(rig, RECORD(TASK + 1, TASK, 10, 0, AC_FLAG_SU, "task", .uid = ME, .gid = GROUP));
                rig_exit(rig, TASK, TASK + 1, 0);
                rig_turn(rig);
                assert(end(rig, TASK) == (lost ? OWNER_SHOWN : OWNER_HIDDEN));
                task_table_end_process(&rig->join.table, task_table_get_process(&rig->join.table, SHELL));
        }
        rig_free(rig);
}

/* A change of ids may be among the lost messages: no process has an owner since its fork until it was checked. */
static void test_loss(void) {
        Rig *rig = rig_new();

        rig_seed(rig, SHELL, SHELL, "shell");
        rig_fork(rig, SHELL, TASK, TASK);
        rig_turn(rig);
        rig_lose(rig, 1);
        rig_fork(rig, SHELL, TASK + 1, TASK + 1);
        rig_turn(rig);
        assert(end(rig, TASK) == OWNER_HIDDEN);
        assert(end(rig, TASK + 1) == OWNER_HIDDEN);

        procfs_verify_task(task_table_get(&rig->join.table, SHELL),
                           &(ProcfsTask){ .ruid = ME, .euid = ME, .rgid = GROUP, .egid = GROUP });
        rig_fork(rig, SHELL, TASK, TASK);
        assert(end(rig, TASK) == OWNER_SHOWN);
        /* the ids were changed without an event */
        procfs_verify_task(task_table_get(&rig->join.table, SHELL),
                           &(ProcfsTask){ .ruid = ME, .euid = 0, .rgid = GROUP, .egid = GROUP, .nondumpable = true });
        rig_fork(rig, SHELL, TASK, TASK);
        assert(end(rig, TASK) == OWNER_NONE);
        rig_free(rig);
}

/*
 * A process that was non-dumpable when it was checked: its children share the state until they
 * have memory of their own.
 */
static void test_hidden(void) {
        Rig *rig = rig_new();

        rig_seed(rig, SHELL, SHELL, "shell")->process->nondumpable = true;
        rig_fork(rig, SHELL, TASK, TASK);
        assert(end(rig, TASK) == OWNER_HIDDEN);
        rig_fork(rig, SHELL, TASK, TASK);
        rig_exec(rig, TASK);
        assert(end(rig, TASK) == OWNER_SHOWN);
        assert(end(rig, SHELL) == OWNER_HIDDEN);
        rig_free(rig);
}

/* The parent is not in the table. */
static void test_unknown(void) {
        Rig *rig = rig_new();

        rig_fork(rig, 77, TASK, TASK);
        assert(end(rig, TASK) == OWNER_NONE);
        rig_free(rig);
}

int main(void) {
        test_plain();
        test_setuid();
        test_setgid();
        test_set_id_by_thread();
        test_events_of_change();
        test_su();
        test_later();
        test_nondumpable();
        test_kinds();
        test_threads();
        test_loss();
        test_hidden();
        test_unknown();
        return 0;
}
