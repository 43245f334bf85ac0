/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/*
 * The join when numbers are reused: before the EXIT of the former task came, or after so
 * many losses that an event contradicts the table.
 */

#include <signal.h>

#include "tests/unit/join_rig.h"

/*
 * A number is reused before the EXIT of the former task was queued. The exit of the former
 * task is synthesised from its record before the fork, and the late EXIT is dropped.
 */
static void test_number_given_anew(void) {
        Rig *rig = rig_new();
        uint64_t first, second;
        const Event *event;

        rig_seed(rig, 1, 1, "init");
        first = rig_fork(rig, 1, 100, 100);
        rig_turn(rig);
        rig_expect(rig, EVENT_FORK, 100, 100);

        rig_record(rig, RECORD(100, 100, 500, 3 << 8, AC_FLAG_GROUP, "old", .nvcsw = 1));
        second = rig_fork(rig, 1, 100, 100);
        rig_exit(rig, 100, 100, 3 << 8); /* the EXIT of the former task */
        rig_turn(rig);
        event = rig_expect(rig, EVENT_EXIT, 100, 100);
        assert(event->synthesised && event->exit.process_ended && event->exit.stats->nvcsw == 1);
        assert(event->exit.wait_status == 3 << 8 && event->start_time_ns == rig_wall(first));
        assert(event->time_ns == rig_wall(first) + 500 * NSEC_PER_USEC);
        event = rig_expect(rig, EVENT_FORK, 100, 100);
        assert(event->start_time_ns == rig_wall(second) && !event->synthesised);
        rig_expect_nothing(rig);
        rig_expect_live(rig, 2, 2);
        assert(rig->listener.counters.lost == 0 && rig->join.n_synthesised == 1);

        rig_record(rig, RECORD(100, 100, 600, 0, AC_FLAG_GROUP, "new", .nvcsw = 2));
        rig_exit(rig, 100, 100, 0);
        rig_turn(rig);
        event = rig_expect(rig, EVENT_EXIT, 100, 100);
        assert(!event->synthesised && event->exit.stats->nvcsw == 2 && strcmp(event->comm, "new") == 0);
        rig_expect_nothing(rig);
        rig_expect_live(rig, 1, 1);
        rig_expect_clean(rig);
        rig_free(rig);
}

/*
 * The next task with the number has ended too, and its record is pending when the EXIT of
 * the former task comes. The status shows to which of the two tasks the EXIT belongs. If
 * both have the same status, the order does not matter.
 */
static void check_number_given_anew_twice(uint32_t old_status, uint32_t new_status) {
        Rig *rig = rig_new();
        const Event *event;
        uint64_t second;

        rig_seed(rig, 1, 1, "init");
        rig_fork(rig, 1, 100, 100);
        rig_turn(rig);
        rig_skip(rig);
        rig_record(rig, RECORD(100, 100, 500, old_status, AC_FLAG_GROUP, "old", .nvcsw = 1));
        rig_record(rig, RECORD(100, 100, 600, new_status, AC_FLAG_GROUP, "new", .nvcsw = 2));
        second = rig_fork(rig, 1, 100, 100);
        rig_exit(rig, 100, 100, old_status);
        rig_exit(rig, 100, 100, new_status);
        rig_turn(rig);
        event = rig_expect(rig, EVENT_EXIT, 100, 100);
        assert(event->synthesised && event->exit.stats->nvcsw == 1 && event->exit.wait_status == old_status);
        rig_expect(rig, EVENT_FORK, 100, 100);
        event = rig_expect(rig, EVENT_EXIT, 100, 100);
        assert(!event->synthesised && event->exit.stats->nvcsw == 2 && event->exit.wait_status == new_status);
        assert(event->start_time_ns == rig_wall(second));
        rig_expect_nothing(rig);
        rig_expect_live(rig, 1, 1);
        rig_expect_clean(rig);
        assert(rig->listener.counters.lost == 0);
        rig_free(rig);
}

static void test_number_given_anew_twice(void) {
        check_number_given_anew_twice(3 << 8, 0);
        check_number_given_anew_twice(SIGKILL, 3 << 8);
        check_number_given_anew_twice(0, 0);
}

/* A record with the number of a thread, but of another process, does not belong to the thread. */
static void test_record_of_another_process(void) {
        Rig *rig = rig_new();
        const Event *event;

        rig_seed(rig, 1, 1, "init");
        rig_fork(rig, 1, 100, 100);
        rig_fork(rig, 1, 100, 101);
        rig_turn(rig);
        rig_skip(rig);
        /* the record of the thread was lost; this record belongs to the next process with the number */
        rig_record(rig, RECORD(101, 101, 500, 0, AC_FLAG_GROUP, "next", .nvcsw = 2));
        rig_fork(rig, 1, 101, 101);
        rig_exit(rig, 100, 101, 0);
        rig_exit(rig, 101, 101, 0);
        rig_turn(rig);
        event = rig_expect(rig, EVENT_EXIT, 100, 101);
        assert(event->synthesised && !event->exit.stats && !event->exit.process_ended);
        rig_expect(rig, EVENT_FORK, 101, 101);
        event = rig_expect(rig, EVENT_EXIT, 101, 101);
        assert(!event->synthesised && event->exit.stats->nvcsw == 2);
        rig_expect_nothing(rig);
        rig_expect_live(rig, 2, 2);
        rig_free(rig);
}

/*
 * A number is reused, and the record of the former task was lost: its exit is reported
 * without statistics, and the late EXIT is not counted as a loss.
 */
static void test_number_given_anew_without_record(void) {
        Rig *rig = rig_new();
        const Event *event;
        uint64_t second;

        rig_seed(rig, 1, 1, "init");
        rig_fork(rig, 1, 100, 100);
        rig_fork(rig, 1, 100, 101);
        second = rig_fork(rig, 1, 100, 100);
        rig_exit(rig, 100, 100, 0);
        rig_exit(rig, 100, 101, 0);
        rig_turn(rig);
        rig_expect(rig, EVENT_FORK, 100, 100);
        rig_expect(rig, EVENT_FORK, 100, 101);
        for (int i = 0; i < 2; ++i) {
                event = rig_next(rig);
                assert(event->kind == EVENT_EXIT && event->pid == 100 && event->synthesised);
                assert(event->exit.stats_missing == STATS_MISSING_NOT_WITNESSED && !event->exit.stats);
                assert(event->exit.process_ended == (i == 1));
                assert(event->time_ns == rig_wall(second));
        }
        rig_expect(rig, EVENT_FORK, 100, 100);
        rig_expect_nothing(rig);
        rig_expect_live(rig, 2, 2);
        assert(rig->join.n_synthesised == 2);
        rig_free(rig);
}

/* A process reuses the number of a thread, and a thread of another process reuses the number of a process. */
static void test_number_changes_its_kind(void) {
        Rig *rig = rig_new();

        rig_seed(rig, 1, 1, "init");
        rig_fork(rig, 1, 100, 100);
        rig_fork(rig, 1, 100, 101);
        rig_fork(rig, 1, 200, 200);
        rig_turn(rig);
        rig_skip(rig);

        rig_record(rig, RECORD(101, 100, 500, 0, 0, "x"));
        rig_fork(rig, 1, 101, 101);
        rig_turn(rig);
        assert(!rig_expect(rig, EVENT_EXIT, 100, 101)->exit.process_ended);
        rig_expect(rig, EVENT_FORK, 101, 101);
        rig_expect_live(rig, 4, 4);

        rig_record(rig, RECORD(200, 200, 500, 0, AC_FLAG_GROUP, "x"));
        rig_fork(rig, 1, 100, 200);
        rig_turn(rig);
        assert(rig_expect(rig, EVENT_EXIT, 200, 200)->exit.process_ended);
        rig_expect(rig, EVENT_FORK, 100, 200);
        rig_expect_live(rig, 4, 3);
        rig_free(rig);
}

/* A fork after some lost messages; the events before them are read. */
static void fork_after_loss(Rig *rig, uint32_t n_lost, uint32_t pid, uint32_t tid) {
        rig_turn(rig);
        rig_skip(rig);
        rig_lose(rig, n_lost);
        rig_fork(rig, 1, pid, tid);
        rig_turn(rig);
        rig_expect_loss(rig, LOSS_CONNECTOR, LOSS_OVERRUN, n_lost);
}

/*
 * If exits and forks were lost, a number in the table may contradict an event: the task
 * that has the number in the table has ended.
 */
static void test_contradictions(void) {
        Rig *rig = rig_new();

        rig_seed(rig, 1, 1, "init");
        /* a process whose leader has ended: a thread of another process reuses its number */
        rig_fork(rig, 1, 100, 100);
        rig_fork(rig, 1, 100, 101);
        rig_fork(rig, 1, 200, 200);
        rig_record(rig, RECORD(100, 100, 10, 0, 0, "x"));
        rig_exit(rig, 100, 100, 0);
        fork_after_loss(rig, 1, 200, 100);
        assert(rig_expect(rig, EVENT_EXIT, 100, 101)->exit.process_ended);
        rig_expect(rig, EVENT_FORK, 200, 100);
        rig_expect_live(rig, 3, 2);

        /* a thread whose number a process has by now: the next event is about a thread of that process */
        rig_fork(rig, 1, 300, 300);
        rig_fork(rig, 1, 300, 301);
        fork_after_loss(rig, 2, 301, 302);
        rig_expect(rig, EVENT_EXIT, 300, 301);
        assert(rig_expect(rig, EVENT_FORK, 301, 302)->task_unknown);
        rig_expect_live(rig, 5, 4);

        /* a process whose leader has ended: a new process reuses its number */
        rig_fork(rig, 1, 301, 301);
        rig_turn(rig);
        assert(rig_expect(rig, EVENT_EXIT, 301, 302)->exit.process_ended);
        rig_expect(rig, EVENT_FORK, 301, 301);
        rig_expect_live(rig, 5, 4);
        rig_free(rig);
}

/* Random messages on few numbers, in any order: the counts of the table stay right. */
static void test_noise(void) {
        for (uint64_t seed = 1; seed <= 40; ++seed) {
                uint64_t state = seed * 0x9e3779b97f4a7c15u;
                Rig *rig = rig_new();

                for (int step = 0; step < 60; ++step) {
                        for (int i = 0; i < 20; ++i) {
                                uint32_t a = 1 + (uint32_t)random_below(&state, 8),
                                         b = 1 + (uint32_t)random_below(&state, 8);

                                switch (random_below(&state, 8)) {
                                case 0:
                                        rig_fork(rig, a, b, b);
                                        break;
                                case 1:
                                        rig_fork(rig, 1, a, b);
                                        break;
                                case 2:
                                        rig_exec(rig, a);
                                        break;
                                case 3:
                                        rig_exit(rig, a, b, 0);
                                        break;
                                case 4:
                                        rig_record(rig, RECORD(a, b, random_below(&state, 3000), 0,
                                                               random_below(&state, 2) ? AC_FLAG_GROUP : 0, "n",
                                                               .has_sums = random_below(&state, 3) == 0));
                                        break;
                                case 5:
                                        rig_lose(rig, (uint32_t)random_below(&state, 3));
                                        break;
                                case 6:
                                        rig_say(rig, WHAT_COMM, a, b, 'x', 0, 0, 0);
                                        break;
                                case 7:
                                        rig_say(rig, WHAT_UID, a, b, 1, 1, 0, 0);
                                        break;
                                }
                        }
                        rig_turn(rig);
                        if (random_below(&state, 4) == 0)
                                rig_tick_later(rig);
                        if (random_below(&state, 10) == 0)
                                join_loss_note_muted(&rig->join, rig->join.start_ns);
                        assert(rig->join.table.n_live_tasks <= 8);
                        assert(rig->join.table.n_live_processes <= 8);
                        assert(rig->join.table.processes.n_used == rig->join.table.n_live_processes);
                        rig->n_events = rig->i_event = 0;
                }
                rig_free(rig);
        }
}

/* exec by a thread after the record of an ended thread was lost: no task stays in the table for ever. */
static void test_exec_by_thread_with_loss(void) {
        Rig *rig = rig_new();

        rig_seed(rig, 1, 1, "init");
        rig_fork(rig, 1, 100, 100);
        for (uint32_t tid = 101; tid < 105; ++tid)
                rig_fork(rig, 1, 100, tid);
        rig_record(rig, RECORD(100, 100, 1000, SIGKILL, AC_FLAG_XSIG, "init"));
        rig_exit(rig, 100, 100, SIGKILL);
        rig_exec(rig, 100);
        rig_turn(rig);
        rig_skip(rig);
        rig_expect_live(rig, 2, 2);
        assert(task_table_get(&rig->join.table, 100));
        rig_record(rig, RECORD(100, 100, 9000, 0, AC_FLAG_GROUP, "new"));
        rig_exit(rig, 100, 100, 0);
        rig_turn(rig);
        assert(rig_expect(rig, EVENT_EXIT, 100, 100)->exit.process_ended);
        rig_expect_live(rig, 1, 1);
        rig_expect_clean(rig);
        rig_free(rig);
}

int main(void) {
        test_number_given_anew();
        test_number_given_anew_twice();
        test_record_of_another_process();
        test_number_given_anew_without_record();
        test_number_changes_its_kind();
        test_contradictions();
        test_noise();
        test_exec_by_thread_with_loss();
        return 0;
}
