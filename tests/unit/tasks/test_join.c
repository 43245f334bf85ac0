/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/* The join while nothing is lost: it reports the lives of processes and threads in the kernel's order. */

#include <signal.h>

#include "tests/unit/join_rig.h"

static void test_life_of_a_process(void) {
        Rig *rig = rig_new();
        uint64_t start, ended, executed;
        const Event *event;

        rig_seed(rig, 1, 1, "init");
        start = rig_fork(rig, 1, 100, 100);
        executed = rig_exec(rig, 100);
        rig_record(rig, RECORD(100, 100, 1500, 3 << 8, AC_FLAG_GROUP, "ls", .uid = 1000, .ppid = 1, .nvcsw = 5));
        ended = rig_exit(rig, 100, 100, 3 << 8);
        rig_turn(rig);

        event = rig_expect(rig, EVENT_FORK, 100, 100);
        assert(event->time_ns == rig_wall(start) && event->start_time_ns == rig_wall(start));
        assert(event->origin.pid == 1 && event->fork.parent_pid == 1 && event->fork.parent_tid == 1);
        assert(strcmp(event->comm, "init") == 0 && event->uid == 1000);
        assert(!event->task_unknown && !event->synthesised);

        /* the record is there already and has the name */
        event = rig_expect(rig, EVENT_EXEC, 100, 100);
        assert(event->time_ns == rig_wall(executed) && event->start_time_ns == rig_wall(start));
        assert(event->origin.pid == 1);

        event = rig_expect(rig, EVENT_EXIT, 100, 100);
        assert(event->time_ns == rig_wall(ended) && event->start_time_ns == rig_wall(start));
        assert(event->exit.wait_status == 3 << 8 && event->exit.process_wait_status == 3 << 8);
        assert(event->exit.process_ended && event->exit.exit_signal == 17);
        assert(event->exit.stats && event->exit.stats->nvcsw == 5 && event->exit.stats->tasks == 0);
        /* the process has one task only, whose statistics are the totals */
        assert(!event->exit.process_stats);
        assert(event->exit.stats_missing == STATS_MISSING_NO);
        assert(strcmp(event->comm, "ls") == 0);
        rig_expect_nothing(rig);
        rig_expect_live(rig, 1, 1);
        rig_expect_clean(rig);
        rig_free(rig);
}

/* Several exits in one batch, their records in another order: each meets its own. */
static void test_records_in_any_order(void) {
        Rig *rig = rig_new();

        rig_seed(rig, 1, 1, "init");
        for (uint32_t pid = 100; pid < 140; ++pid)
                rig_fork(rig, 1, pid, pid);
        rig_turn(rig);
        rig_skip(rig);
        for (uint32_t i = 0; i < 40; ++i) {
                uint32_t pid = 100 + i * 17 % 40;

                rig_record(rig, RECORD(pid, pid, 1000, 0, AC_FLAG_GROUP, "x", .nvcsw = pid));
        }
        for (uint32_t pid = 100; pid < 140; ++pid)
                rig_exit(rig, pid, pid, 0);
        rig_turn(rig);
        for (uint32_t pid = 100; pid < 140; ++pid)
                assert(rig_expect(rig, EVENT_EXIT, pid, pid)->exit.stats->nvcsw == pid);
        rig_expect_live(rig, 1, 1);
        rig_expect_clean(rig);
        rig_free(rig);
}

/* The record comes one or many turns before its EXIT. */
static void test_record_waits(void) {
        Rig *rig = rig_new();

        rig_seed(rig, 1, 1, "init");
        rig_fork(rig, 1, 100, 100);
        rig_turn(rig);
        rig_skip(rig);
        rig_record(rig, RECORD(100, 100, 1000, 0, AC_FLAG_GROUP, "x", .nvcsw = 7));
        for (int i = 0; i < 5; ++i) {
                rig_turn(rig);
                assert(join_tick(&rig->join) == 0);
        }
        rig_expect_nothing(rig);
        rig_expect_live(rig, 2, 2);
        rig_exit(rig, 100, 100, 0);
        rig_turn(rig);
        assert(rig_expect(rig, EVENT_EXIT, 100, 100)->exit.stats->nvcsw == 7);
        rig_expect_clean(rig);
        rig_free(rig);
}

static void test_threads(void) {
        Rig *rig = rig_new();
        const TaskStats *totals;
        const Event *event;

        rig_seed(rig, 1, 1, "init");
        rig_fork(rig, 1, 100, 100);
        rig_say(rig, WHAT_COMM, 100, 100, 'a', 0, 0, 0);
        rig_fork(rig, 1, 100, 101);
        rig_fork(rig, 1, 100, 102);
        rig_turn(rig);
        rig_expect(rig, EVENT_FORK, 100, 100);
        rig_expect(rig, EVENT_COMM, 100, 100);
        event = rig_expect(rig, EVENT_FORK, 100, 101);
        /* the thread has the name and the parent of its process */
        assert(strcmp(event->comm, "a") == 0 && event->origin.pid == 1);
        rig_expect(rig, EVENT_FORK, 100, 102);
        rig_expect_live(rig, 4, 2);

        rig_record(rig, RECORD(101, 100, 2000, 0, 0, "a", .nvcsw = 10, .run_ns = 1000));
        rig_exit(rig, 100, 101, 0);
        rig_turn(rig);
        event = rig_expect(rig, EVENT_EXIT, 100, 101);
        assert(!event->exit.process_ended && !event->exit.process_stats && event->exit.exit_signal == 0);
        assert(event->exit.stats->nvcsw == 10);

        rig_record(rig, RECORD(102, 100, 3000, 0, 0, "a", .nvcsw = 20, .run_ns = 2000));
        rig_record(rig, RECORD(100, 100, 5000, 7 << 8, AC_FLAG_GROUP, "a", .nvcsw = 30, .run_ns = 4000,
                                      .has_sums = true, .sum_nvcsw = 60, .sum_run_ns = 7000));
        rig_exit(rig, 100, 102, 0);
        rig_exit(rig, 100, 100, 7 << 8);
        rig_turn(rig);
        event = rig_expect(rig, EVENT_EXIT, 100, 102);
        assert(!event->exit.process_ended);
        event = rig_expect(rig, EVENT_EXIT, 100, 100);
        assert(event->exit.process_ended && event->exit.process_wait_status == 7 << 8);
        assert(event->exit.stats->nvcsw == 30);
        totals = event->exit.process_stats;
        assert(totals && totals->tasks == 3 && totals->tasks_missing == 0 && !totals->tasks_unseen);
        assert(totals->nvcsw == 60 && totals->cpu_run_virtual_total_ns == 7000);
        assert(totals->ac_etime_us == 5000 && totals->ac_exitcode == 7 << 8);
        rig_expect_live(rig, 1, 1);
        rig_expect_clean(rig);
        rig_free(rig);
}

/* The exit of the leader does not end the process. The exit of the last thread does. */
static void test_leader_first(void) {
        Rig *rig = rig_new();
        const Event *event;

        rig_seed(rig, 1, 1, "init");
        rig_fork(rig, 1, 100, 100);
        rig_fork(rig, 1, 100, 101);
        rig_record(rig, RECORD(100, 100, 1000, 0, 0, "a", .nvcsw = 1));
        rig_exit(rig, 100, 100, 0);
        rig_turn(rig);
        rig_expect(rig, EVENT_FORK, 100, 100);
        rig_expect(rig, EVENT_FORK, 100, 101);
        event = rig_expect(rig, EVENT_EXIT, 100, 100);
        assert(!event->exit.process_ended);
        rig_expect_live(rig, 2, 2);

        /* the process goes on meanwhile */
        rig_fork(rig, 100, 200, 200);
        rig_fork(rig, 1, 100, 102);
        rig_say(rig, WHAT_SID, 100, 100, 0, 0, 0, 0);
        rig_turn(rig);
        event = rig_expect(rig, EVENT_FORK, 200, 200);
        assert(event->origin.pid == 100 && !event->task_unknown);
        rig_expect(rig, EVENT_FORK, 100, 102);
        rig_expect(rig, EVENT_SID, 100, 100);

        rig_record(rig, RECORD(102, 100, 1000, 9 << 8, 0, "a", .nvcsw = 2));
        rig_record(rig, RECORD(101, 100, 9000, 9 << 8, AC_FLAG_GROUP, "a", .nvcsw = 4));
        rig_exit(rig, 100, 102, 9 << 8);
        rig_exit(rig, 100, 101, 9 << 8);
        rig_turn(rig);
        assert(!rig_expect(rig, EVENT_EXIT, 100, 102)->exit.process_ended);
        event = rig_expect(rig, EVENT_EXIT, 100, 101);
        assert(event->exit.process_ended && event->exit.process_stats->tasks == 3);
        assert(event->exit.process_stats->nvcsw == 7);
        rig_expect_live(rig, 2, 2);
        rig_expect_clean(rig);
        rig_free(rig);
}

/* The record that is marked as the last of its process, and its EXIT, overtake those from another thread. */
static void test_mark_overtakes(void) {
        Rig *rig = rig_new();
        const Event *event;

        rig_seed(rig, 1, 1, "init");
        rig_fork(rig, 1, 100, 100);
        rig_fork(rig, 1, 100, 101);
        rig_record(rig, RECORD(101, 100, 1000, 0, 0, "a", .nvcsw = 1));
        rig_record(rig, RECORD(100, 100, 1000, SIGTERM, AC_FLAG_GROUP, "a", .nvcsw = 2));
        rig_exit(rig, 100, 100, SIGTERM);
        rig_exit(rig, 100, 101, 0);
        rig_turn(rig);
        rig_expect(rig, EVENT_FORK, 100, 100);
        rig_expect(rig, EVENT_FORK, 100, 101);
        event = rig_expect(rig, EVENT_EXIT, 100, 100);
        assert(!event->exit.process_ended);
        /* the process ends with its last task, with the status of the marked record */
        event = rig_expect(rig, EVENT_EXIT, 100, 101);
        assert(event->exit.process_ended);
        assert(event->exit.wait_status == 0 && event->exit.process_wait_status == SIGTERM);
        assert(event->exit.process_stats->ac_exitcode == SIGTERM);
        rig_expect_live(rig, 1, 1);
        rig_free(rig);
}

/* Threads that ended before the broker started: the kernel's sums contain them. */
static void test_sums_of_unseen_threads(void) {
        Rig *rig = rig_new();
        const TaskStats *totals;
        const Event *event;

        rig_seed(rig, 100, 100, "server");
        rig_record(rig, RECORD(100, 100, 5000, 0, AC_FLAG_GROUP, "server", .nvcsw = 5, .run_ns = 50,
                                      .has_sums = true, .sum_nvcsw = 500, .sum_run_ns = 5000));
        rig_exit(rig, 100, 100, 0);
        rig_turn(rig);
        event = rig_expect(rig, EVENT_EXIT, 100, 100);
        assert(event->exit.stats->nvcsw == 5);
        totals = event->exit.process_stats;
        assert(totals && totals->tasks == 1 && totals->tasks_unseen);
        assert(totals->nvcsw == 500 && totals->cpu_run_virtual_total_ns == 5000);
        rig_expect_clean(rig);
        rig_free(rig);
}

/* The EXIT names the present parent: an orphan has another parent than at its fork. */
static void test_parent_at_exit(void) {
        Rig *rig = rig_new();
        const Event *event;

        rig_seed(rig, 50, 50, "parent");
        rig_fork(rig, 50, 100, 100);
        rig_fork(rig, 50, 101, 101);
        rig_record(rig, RECORD(100, 100, 100, 0, AC_FLAG_GROUP, "x", .ppid = 50));
        rig_record(rig, RECORD(101, 101, 100, 0, AC_FLAG_GROUP, "x", .ppid = 1));
        rig_say(rig, WHAT_EXIT, 100, 100, 0, 17, 1, 1);
        rig_say(rig, WHAT_EXIT, 101, 101, 0, 17, 0, 0);
        rig_turn(rig);
        rig_expect(rig, EVENT_FORK, 100, 100);
        rig_expect(rig, EVENT_FORK, 101, 101);
        event = rig_expect(rig, EVENT_EXIT, 100, 100);
        assert(event->parent.known && event->parent.pid == 1 && event->maker.pid == 50);
        /* an EXIT without a parent: the record has it */
        event = rig_expect(rig, EVENT_EXIT, 101, 101);
        assert(event->parent.known && event->parent.pid == 1 && event->maker.pid == 50);
        rig_free(rig);
}

/* The name after an exec: from /proc while the process lives, else from its record, else the former name. */
static void test_names_after_exec(void) {
        Rig *rig = rig_new();
        const Event *event;

        rig_seed(rig, 1, 1, "init");
        rig->now = (uint64_t)clock_read_ns(CLOCK_MONOTONIC) - 200 * MS;
        tree_write_text(&rig->procfs, "100/comm", "from-proc\n");
        rig_fork(rig, 1, 100, 100);
        rig_fork(rig, 1, 101, 101);
        rig_exec(rig, 100);
        rig_exec(rig, 101);
        rig_turn(rig);
        rig_expect(rig, EVENT_FORK, 100, 100);
        rig_expect(rig, EVENT_FORK, 101, 101);
        event = rig_expect(rig, EVENT_EXEC, 100, 100);
        assert(strcmp(event->comm, "from-proc") == 0 && !event->comm_stale);
        event = rig_expect(rig, EVENT_EXEC, 101, 101);
        assert(strcmp(event->comm, "init") == 0 && event->comm_stale);

        /* the name that was read is kept, and children inherit it */
        rig_fork(rig, 100, 102, 102);
        rig_turn(rig);
        assert(strcmp(rig_expect(rig, EVENT_FORK, 102, 102)->comm, "from-proc") == 0);

        rig_record(rig, RECORD(101, 101, 100, 0, AC_FLAG_GROUP, "from-record"));
        rig_exec(rig, 101);
        rig_exit(rig, 101, 101, 0);
        rig_turn(rig);
        event = rig_expect(rig, EVENT_EXEC, 101, 101);
        assert(strcmp(event->comm, "from-record") == 0 && !event->comm_stale);
        assert(strcmp(rig_expect(rig, EVENT_EXIT, 101, 101)->comm, "from-record") == 0);
        rig_expect_clean(rig);
        rig_free(rig);
}

/*
 * exec by a thread: the leader ends, the caller becomes the leader without an EXIT of its
 * own, and the other threads end. Records and EXITs come late in every order.
 */
static void check_exec_by_thread(bool leader_late, bool other_late, bool leader_record_only) {
        Rig *rig = rig_new();
        const Event *event;
        uint64_t start;

        rig_seed(rig, 1, 1, "init");
        start = rig_fork(rig, 1, 100, 100);
        rig_fork(rig, 1, 100, 101);
        rig_fork(rig, 1, 100, 102);
        rig_say(rig, WHAT_COMM, 102, 100, 'w', 0, 0, 0);
        rig_say(rig, WHAT_UID, 102, 100, 77, 78, 0, 0);
        rig_turn(rig);
        rig_skip(rig);

        rig_record(rig, RECORD(101, 100, 1000, SIGKILL, AC_FLAG_XSIG, "init", .nvcsw = 1));
        rig_record(rig, RECORD(100, 100, 1000, SIGKILL, AC_FLAG_XSIG, "init", .nvcsw = 2));
        if (!other_late)
                rig_exit(rig, 100, 101, SIGKILL);
        if (!leader_late)
                rig_exit(rig, 100, 100, SIGKILL);
        if (leader_record_only)
                rig_turn(rig);
        rig_exec(rig, 100);
        if (leader_late)
                rig_exit(rig, 100, 100, SIGKILL);
        if (other_late)
                rig_exit(rig, 100, 101, SIGKILL);
        rig_turn(rig);

        if (!other_late)
                assert(!rig_expect(rig, EVENT_EXIT, 100, 101)->exit.process_ended);
        event = rig_expect(rig, EVENT_EXIT, 100, 100);
        assert(!event->exit.process_ended && event->exit.stats->nvcsw == 2);
        assert(event->synthesised == leader_late);
        if (other_late) {
                event = rig_expect(rig, EVENT_EXIT, 100, 101);
                assert(!event->exit.process_ended && event->synthesised && event->exit.stats->nvcsw == 1);
        }
        event = rig_expect(rig, EVENT_EXEC, 100, 100);
        /* the age comes from the leader, the ids come from the caller */
        assert(event->start_time_ns == rig_wall(start) && event->uid == 77 && strcmp(event->comm, "w") == 0);
        assert(!event->task_unknown);
        rig_expect_nothing(rig);
        rig_expect_live(rig, 2, 2);
        assert(!task_table_get(&rig->join.table, 102) && !task_table_get(&rig->join.table, 101));

        /* the new leader ends as any task does; the totals have three tasks, and the caller counts as the leader */
        rig_record(rig, RECORD(100, 100, 9000, 0, AC_FLAG_GROUP, "new", .nvcsw = 4));
        rig_exit(rig, 100, 100, 0);
        rig_turn(rig);
        event = rig_expect(rig, EVENT_EXIT, 100, 100);
        assert(event->exit.process_ended && !event->synthesised && strcmp(event->comm, "new") == 0);
        assert(event->exit.process_stats && event->exit.process_stats->tasks == 3);
        assert(event->exit.process_stats->nvcsw == 7);
        rig_expect_nothing(rig);
        rig_expect_live(rig, 1, 1);
        rig_expect_clean(rig);
        assert(rig->listener.counters.lost == 0);
        rig_free(rig);
}

static void test_exec_by_thread(void) {
        for (int i = 0; i < 8; ++i)
                check_exec_by_thread(i & 1, i & 2, i & 4);
}

/*
 * exec by the leader: the other threads end first. The EXIT of one may come behind the exec, even behind the end of
 * the process, which the leader's exit is all the same.
 */
static void check_exec_by_leader(bool other_late, bool behind_end) {
        Rig *rig = rig_new();
        const Event *event;

        rig_seed(rig, 1, 1, "init");
        rig_fork(rig, 1, 100, 100);
        rig_fork(rig, 1, 100, 101);
        rig_record(rig, RECORD(101, 100, 100, SIGKILL, AC_FLAG_XSIG, "init"));
        if (!other_late)
                rig_exit(rig, 100, 101, SIGKILL);
        rig_exec(rig, 100);
        if (other_late && !behind_end)
                rig_exit(rig, 100, 101, SIGKILL);
        rig_record(rig, RECORD(100, 100, 9000, 0, AC_FLAG_GROUP, "new"));
        rig_exit(rig, 100, 100, 0);
        if (other_late && behind_end)
                rig_exit(rig, 100, 101, SIGKILL);
        rig_turn(rig);
        rig_expect(rig, EVENT_FORK, 100, 100);
        rig_expect(rig, EVENT_FORK, 100, 101);
        event = rig_expect(rig, EVENT_EXIT, 100, 101);
        assert(!event->exit.process_ended && event->synthesised == other_late);
        assert(event->exit.wait_status == SIGKILL && !event->exit.status_unknown);
        event = rig_expect(rig, EVENT_EXEC, 100, 100);
        assert(!event->task_unknown);
        assert(rig_expect(rig, EVENT_EXIT, 100, 100)->exit.process_ended);
        rig_expect_nothing(rig);
        rig_expect_live(rig, 1, 1);
        rig_expect_clean(rig);
        assert(rig->listener.counters.lost == 0);
        rig_free(rig);
}

static void test_exec_by_leader(void) {
        for (int i = 0; i < 4; ++i)
                check_exec_by_leader(i & 1, i & 2);
}

static void test_changes(void) {
        Rig *rig = rig_new();
        const Event *event;
        Task *task;

        task = rig_seed(rig, 100, 100, "before");
        task->process->origin_pid = 7;
        rig_say(rig, WHAT_COMM, 100, 100, 'x' | 'y' << 8, 0, 0, 0);
        rig_say(rig, WHAT_UID, 100, 100, 5, 6, 0, 0);
        rig_say(rig, WHAT_GID, 100, 100, 8, 9, 0, 0);
        rig_say(rig, WHAT_SID, 100, 100, 0, 0, 0, 0);
        rig_say(rig, WHAT_PTRACE, 100, 100, 51, 50, 0, 0);
        rig_say(rig, WHAT_COREDUMP, 100, 100, 0, 0, 0, 0);
        rig_turn(rig);

        event = rig_expect(rig, EVENT_COMM, 100, 100);
        assert(strcmp(event->comm, "xy") == 0 && strcmp(event->comm_change.old_comm, "before") == 0);
        assert(event->origin.pid == 7 && event->uid == 1000 && event->start_time_ns == task->start_time_ns);
        event = rig_expect(rig, EVENT_UID, 100, 100);
        assert(event->uid == 5 && event->credentials.real_id == 5 && event->credentials.effective_id == 6);
        event = rig_expect(rig, EVENT_GID, 100, 100);
        assert(event->uid == 5 && event->credentials.real_id == 8 && event->credentials.effective_id == 9);
        event = rig_expect(rig, EVENT_SID, 100, 100);
        assert(strcmp(event->comm, "xy") == 0);
        event = rig_expect(rig, EVENT_PTRACE, 100, 100);
        assert(event->ptrace.tracer_tid == 51 && event->ptrace.tracer_pid == 50);
        rig_expect(rig, EVENT_COREDUMP, 100, 100);
        assert(task->ruid == 5 && task->euid == 6 && task->rgid == 8 && task->egid == 9);
        assert(task->flags & TASK_CREDENTIALS_CHANGED);
        rig_exec(rig, 100);
        rig_turn(rig);
        rig_expect(rig, EVENT_EXEC, 100, 100);
        assert(!(task->flags & TASK_CREDENTIALS_CHANGED));
        rig_free(rig);
}

/* A task forked while /proc is read is in the table and in the queue. It is one task. */
static void test_seen_twice(void) {
        Rig *rig = rig_new();
        const Event *event;
        uint64_t start;
        Task *task;

        rig_seed(rig, 1, 1, "init");
        task = rig_seed(rig, 100, 100, "twice");
        /* /proc has the time in ticks */
        task->start_time_ns = rig_wall(rig->now) - 9 * MS;
        start = rig_fork(rig, 1, 100, 100);
        rig_turn(rig);
        event = rig_expect(rig, EVENT_FORK, 100, 100);
        assert(!event->synthesised && event->origin.pid == 1 && event->start_time_ns == rig_wall(start));
        rig_expect_nothing(rig);
        assert(!(task->flags & TASK_SEEDED) && !task->process->seeded);
        rig_expect_live(rig, 2, 2);
        rig_free(rig);
}

static void test_clock_set(void) {
        Rig *rig = rig_new();
        uint64_t start, ended;
        const Event *event;

        rig_seed(rig, 1, 1, "init");
        start = rig_fork(rig, 1, 100, 100);
        rig_turn(rig);
        rig_expect(rig, EVENT_FORK, 100, 100);

        /* the clock is set an hour ahead: event times follow, but the start stays, because it identifies the task */
        join_set_time_offset(&rig->join, RIG_OFFSET_NS + 3600ll * (int64_t)NSEC_PER_SEC);
        rig_record(rig, RECORD(100, 100, 900, 0, AC_FLAG_GROUP, "x"));
        ended = rig_exit(rig, 100, 100, 0);
        rig_turn(rig);
        event = rig_expect(rig, EVENT_EXIT, 100, 100);
        assert(event->time_ns == rig_wall(ended) + 3600 * NSEC_PER_SEC);
        assert(event->start_time_ns == rig_wall(start));
        assert(event->exit.stats);
        rig_free(rig);
}

/* Delay accounting: a group of zeros is shown only if it was measured. */
static void test_delay_accounting(void) {
        static const struct {
                DelayAccounting accounting;
                bool born_here;
                uint64_t blkio_count;
                bool there;
        } rows[] = {
                { DELAY_ACCOUNTING_ON, true, 0, true },
                { DELAY_ACCOUNTING_OFF, true, 0, false },
                { DELAY_ACCOUNTING_OFF, true, 3, true },
                { DELAY_ACCOUNTING_ON, false, 0, false },
                { DELAY_ACCOUNTING_ON, false, 3, true },
                { DELAY_ACCOUNTING_UNKNOWN, true, 0, false },
                { DELAY_ACCOUNTING_UNKNOWN, false, 0, false },
                { DELAY_ACCOUNTING_UNKNOWN, true, 3, true },
                { DELAY_ACCOUNTING_UNKNOWN, false, 3, true },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); ++i) {
                Rig *rig = rig_new();
                const TaskStats *stats;

                rig->features.delay_accounting = rows[i].accounting;
                rig_seed(rig, 1, 1, "init");
                if (rows[i].born_here)
                        rig_fork(rig, 1, 100, 100);
                else
                        rig_seed(rig, 100, 100, "old");
                rig_turn(rig);
                rig_skip(rig);
                /* accounting is switched meanwhile: the state at the fork counts */
                if (rows[i].accounting != DELAY_ACCOUNTING_UNKNOWN)
                        rig->features.delay_accounting =
                                rows[i].accounting == DELAY_ACCOUNTING_ON ? DELAY_ACCOUNTING_OFF : DELAY_ACCOUNTING_ON;
                rig_record(rig, RECORD(100, 100, 100, 0, AC_FLAG_GROUP, "x", .blkio_count = rows[i].blkio_count));
                rig_exit(rig, 100, 100, 0);
                rig_turn(rig);
                stats = rig_expect(rig, EVENT_EXIT, 100, 100)->exit.stats;
                assert(!!(stats->groups & STATS_DELAYS) == rows[i].there);
                assert(!!(stats->uncounted & STATS_DELAYS) == !rows[i].there);
                assert(stats->groups & STATS_CPU_DELAY);
                rig_free(rig);
        }
}

/* A kernel without the switch: the first task with a delay shows that all delays of all tasks are counted. */
static void test_delay_accounting_without_switch(void) {
        static const uint64_t counts[] = { 0, 3, 0 };
        Rig *rig = rig_new();

        rig->features.delay_accounting = DELAY_ACCOUNTING_UNKNOWN;
        rig->features.delays_constant = true;
        rig_seed(rig, 1, 1, "init");
        for (size_t i = 0; i < ARRAY_SIZE(counts); ++i)
                rig_seed(rig, 100 + (uint32_t)i, 100 + (uint32_t)i, "old");
        for (size_t i = 0; i < ARRAY_SIZE(counts); ++i) {
                uint32_t pid = 100 + (uint32_t)i;
                const TaskStats *stats;

                rig_record(rig, RECORD(pid, pid, pid, 0, AC_FLAG_GROUP, "x", .blkio_count = counts[i]));
                rig_exit(rig, pid, pid, 0);
                rig_turn(rig);
                stats = rig_expect(rig, EVENT_EXIT, pid, pid)->exit.stats;
                assert(!!(stats->groups & STATS_DELAYS) == (i > 0));
                assert(!!(stats->uncounted & STATS_DELAYS) == (i == 0));
                assert((rig->features.delay_accounting == DELAY_ACCOUNTING_ON) == (i > 0));
        }
        rig_free(rig);
}

static void test_unsupported(void) {
        Rig *rig = rig_new();
        const TaskStats *stats;

        rig->features.delay_accounting = DELAY_ACCOUNTING_UNSUPPORTED;
        rig->features.unsupported =
                STATS_IO | STATS_CPU_DELAY | STATS_DELAYS | STATS_DELAY_PEAKS | STATS_DELAY_PEAK_TIMES;
        rig_seed(rig, 100, 100, "x");
        rig_record(rig, RECORD(100, 100, 100, 0, AC_FLAG_GROUP, "x"));
        rig_exit(rig, 100, 100, 0);
        rig_turn(rig);
        stats = rig_expect(rig, EVENT_EXIT, 100, 100)->exit.stats;
        assert(!(stats->groups & rig->features.unsupported));
        assert(stats->groups & STATS_CPU);
        assert((stats->unsupported & rig->features.unsupported) == rig->features.unsupported);
        assert(!(stats->uncounted & STATS_DELAYS));
        rig_free(rig);
}

/* A turn is bounded: the next turn reads the rest. */
static void test_bounded_turn(void) {
        Rig *rig = rig_new();
        bool drained = true;
        size_t n_sent = 0;
        int turns = 0;

        /* the kernel sends more while the queue is read: at most eight rounds of 512 messages are taken */
        for (int i = 0; i < 200; ++i, ++n_sent)
                rig_say(rig, WHAT_SID, 100, 100, 0, 0, 0, 0);
        for (; !drained || turns == 0; ++turns)
                assert(join_turn(&rig->join, &drained) == 0);
        assert(rig->n_events == n_sent);
        rig_skip(rig);
        rig_free(rig);
}

int main(void) {
        test_life_of_a_process();
        test_records_in_any_order();
        test_record_waits();
        test_threads();
        test_leader_first();
        test_mark_overtakes();
        test_sums_of_unseen_threads();
        test_parent_at_exit();
        test_names_after_exec();
        test_exec_by_thread();
        test_exec_by_leader();
        test_changes();
        test_seen_twice();
        test_clock_set();
        test_delay_accounting();
        test_delay_accounting_without_switch();
        test_unsupported();
        test_bounded_turn();
        return 0;
}
