/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/* The join when something is lost: records and messages missing, tasks never seen, a muted connector. */

#include <signal.h>

#include "tests/unit/join_rig.h"
#include "tests/unit/made_proc.h"

/* Statistics that the kernel could not queue are reported in the exit, and as one Loss at the end of the turn. */
static void test_missing_records(void) {
        Rig *rig = rig_new();
        const Event *event;
        uint64_t last;

        rig_seed(rig, 1, 1, "init");
        for (uint32_t pid = 100; pid < 105; ++pid)
                rig_fork(rig, 1, pid, pid);
        rig_turn(rig);
        rig_skip(rig);
        rig_record(rig, RECORD(102, 102, 1000, 0, AC_FLAG_GROUP, "x"));
        rig_exit(rig, 100, 100, 3 << 8);
        rig_exit(rig, 101, 101, SIGKILL);
        rig_exit(rig, 102, 102, 0);
        last = rig_exit(rig, 103, 103, 0);
        rig_turn(rig);

        event = rig_expect(rig, EVENT_EXIT, 100, 100);
        assert(!event->exit.stats && !event->exit.process_stats);
        assert(event->exit.stats_missing == STATS_MISSING_LOST);
        assert(event->exit.process_ended && event->exit.wait_status == 3 << 8 &&
               event->exit.process_wait_status == 3 << 8);
        assert(!event->synthesised && strcmp(event->comm, "init") == 0);
        assert(rig_expect(rig, EVENT_EXIT, 101, 101)->exit.stats_missing == STATS_MISSING_LOST);
        assert(rig_expect(rig, EVENT_EXIT, 102, 102)->exit.stats);
        assert(rig_expect(rig, EVENT_EXIT, 103, 103)->exit.stats_missing == STATS_MISSING_LOST);
        event = rig_expect_loss(rig, LOSS_TASKSTATS, LOSS_OVERRUN, 3);
        assert(!event->loss.at_least && !event->loss.cpu_known && event->time_ns == rig_wall(last));
        rig_expect_nothing(rig);
        assert(rig->listener.counters.lost == 3);

        /* it is reported once */
        rig_turn(rig);
        rig_expect_nothing(rig);
        rig_exit(rig, 104, 104, 0);
        rig_turn(rig);
        rig_expect(rig, EVENT_EXIT, 104, 104);
        rig_expect_loss(rig, LOSS_TASKSTATS, LOSS_OVERRUN, 1);
        rig_expect_live(rig, 1, 1);
        rig_expect_clean(rig);
        rig_free(rig);
}

/* The totals say how many tasks they lack. If they lack all tasks, there are no totals. */
static void test_missing_in_totals(void) {
        for (int which = 0; which < 8; ++which) {
                bool first = which & 1, second = which & 2, last = which & 4;
                const TaskStats *totals;
                Rig *rig = rig_new();
                const Event *event;

                rig_seed(rig, 1, 1, "init");
                rig_fork(rig, 1, 100, 100);
                rig_fork(rig, 1, 100, 101);
                rig_fork(rig, 1, 100, 102);
                rig_turn(rig);
                rig_skip(rig);
                if (first)
                        rig_record(rig, RECORD(101, 100, 100, 0, 0, "x", .nvcsw = 1));
                if (second)
                        rig_record(rig, RECORD(102, 100, 100, 0, 0, "x", .nvcsw = 2));
                if (last)
                        rig_record(rig, RECORD(100, 100, 100, 5 << 8, AC_FLAG_GROUP, "x", .nvcsw = 4));
                rig_exit(rig, 100, 101, 0);
                rig_exit(rig, 100, 102, 0);
                rig_exit(rig, 100, 100, 5 << 8);
                rig_turn(rig);
                assert(!!rig_expect(rig, EVENT_EXIT, 100, 101)->exit.stats == first);
                assert(!!rig_expect(rig, EVENT_EXIT, 100, 102)->exit.stats == second);
                event = rig_expect(rig, EVENT_EXIT, 100, 100);
                assert(!!event->exit.stats == last);
                assert(event->exit.process_ended && event->exit.process_wait_status == 5 << 8);
                totals = event->exit.process_stats;
                assert(!!totals == (which != 0));
                if (totals) {
                        assert(totals->tasks == (uint32_t)first + second + last);
                        assert(totals->tasks_missing == 3 - totals->tasks);
                        assert(totals->nvcsw == (uint64_t)which);
                }
                if (which != 7)
                        rig_expect_loss(rig, LOSS_TASKSTATS, LOSS_OVERRUN, 3 - (uint64_t)(first + second + last));
                rig_expect_live(rig, 1, 1);
                rig_expect_clean(rig);
                rig_free(rig);
        }
}

/* A loss of the connector is reported before the event behind the gap. */
static void test_order_of_losses(void) {
        Rig *rig = rig_new();

        rig_seed(rig, 1, 1, "init");
        rig_fork(rig, 1, 100, 100);
        rig_lose(rig, 5);
        rig_fork(rig, 1, 101, 101);
        rig_exit(rig, 100, 100, 0);
        rig_lose(rig, 2);
        rig_say(rig, WHAT_SID, 101, 101, 0, 0, 0, 0);
        rig_turn(rig);
        rig_expect(rig, EVENT_FORK, 100, 100);
        assert(rig_expect_loss(rig, LOSS_CONNECTOR, LOSS_OVERRUN, 5)->loss.cpu_known);
        rig_expect(rig, EVENT_FORK, 101, 101);
        rig_expect(rig, EVENT_EXIT, 100, 100);
        rig_expect_loss(rig, LOSS_CONNECTOR, LOSS_OVERRUN, 2);
        rig_expect(rig, EVENT_SID, 101, 101);
        rig_expect_loss(rig, LOSS_TASKSTATS, LOSS_OVERRUN, 1);
        rig_expect_nothing(rig);
        assert(rig->connector.counters.lost == 7);
        rig_free(rig);
}

/* Tasks whose fork was lost. */
static void test_unknown_tasks(void) {
        Rig *rig = rig_new();
        const Event *event;
        uint64_t ended;

        /* the record completes everything */
        rig_record(rig, RECORD(100, 100, 4000, 0, AC_FLAG_GROUP, "who", .uid = 5, .ppid = 6, .nvcsw = 7));
        ended = rig_exit(rig, 100, 100, 0);
        rig_turn(rig);
        event = rig_expect(rig, EVENT_EXIT, 100, 100);
        assert(!event->task_unknown && strcmp(event->comm, "who") == 0 && event->uid == 5);
        assert(!event->maker.known && event->parent.known && event->parent.pid == 6);
        assert(event->start_time_ns == rig_wall(ended) - 4 * MS);
        assert(event->exit.process_ended && event->exit.stats->nvcsw == 7 && !event->exit.process_stats);

        /* a thread, or a leader, that did not end its process */
        rig_record(rig, RECORD(101, 100, 4000, 0, 0, "who"));
        rig_exit(rig, 100, 101, 0);
        rig_record(rig, RECORD(102, 102, 4000, 0, 0, "who"));
        rig_exit(rig, 102, 102, 0);
        rig_turn(rig);
        assert(!rig_expect(rig, EVENT_EXIT, 100, 101)->exit.process_ended);
        assert(!rig_expect(rig, EVENT_EXIT, 102, 102)->exit.process_ended);

        /* there is no mark before version 12: the exit of the leader is taken for the end of the process */
        rig_record(rig, RECORD(103, 103, 4000, 0, 0, "who", .version = 11));
        rig_exit(rig, 103, 103, 0);
        rig_record(rig, RECORD(104, 103, 4000, 0, 0, "who", .version = 11));
        rig_exit(rig, 103, 104, 0);
        rig_turn(rig);
        assert(rig_expect(rig, EVENT_EXIT, 103, 103)->exit.process_ended);
        assert(!rig_expect(rig, EVENT_EXIT, 103, 104)->exit.process_ended);

        /* without a record: while no fork was lost, it was out of /proc at the start, and still exiting */
        rig_exit(rig, 105, 105, 3 << 8);
        rig_turn(rig);
        assert(rig_expect(rig, EVENT_EXIT, 105, 105)->exit.stats_missing == STATS_MISSING_NOT_WITNESSED);
        rig_expect_nothing(rig);
        rig_lose(rig, 1);
        rig_exit(rig, 105, 105, 3 << 8);
        rig_turn(rig);
        rig_expect_loss(rig, LOSS_CONNECTOR, LOSS_OVERRUN, 1);
        event = rig_expect(rig, EVENT_EXIT, 105, 105);
        assert(event->task_unknown && event->start_time_ns == 0 && event->comm[0] == 0);
        assert(event->exit.stats_missing == STATS_MISSING_LOST && event->exit.process_ended);
        assert(event->exit.process_wait_status == 3 << 8);
        rig_expect_loss(rig, LOSS_TASKSTATS, LOSS_OVERRUN, 1);

        /* other events */
        rig_exec(rig, 106);
        rig_say(rig, WHAT_UID, 107, 107, 44, 45, 0, 0);
        rig_turn(rig);
        event = rig_expect(rig, EVENT_EXEC, 106, 106);
        assert(event->task_unknown && event->comm_stale);
        event = rig_expect(rig, EVENT_UID, 107, 107);
        assert(event->task_unknown && event->uid == 44);
        rig_expect_live(rig, 0, 0);
        rig_expect_clean(rig);
        rig_free(rig);
}

/* A child of an unknown task: it is in the table, but its name and ids are not known until an event has them. */
static void test_child_of_unknown(void) {
        Rig *rig = rig_new();
        const Event *event;

        rig_fork(rig, 50, 100, 100);
        rig_fork(rig, 50, 60, 61);
        rig_fork(rig, 100, 101, 101);
        rig_turn(rig);
        event = rig_expect(rig, EVENT_FORK, 100, 100);
        assert(event->task_unknown && event->origin.pid == 50 && event->start_time_ns != 0);
        event = rig_expect(rig, EVENT_FORK, 60, 61);
        assert(event->task_unknown && event->origin.pid == 50);
        assert(rig_expect(rig, EVENT_FORK, 101, 101)->task_unknown);
        rig_expect_live(rig, 3, 3);

        rig_record(rig, RECORD(100, 100, 10, 0, AC_FLAG_GROUP, "named", .uid = 3));
        rig_exit(rig, 100, 100, 0);
        rig_turn(rig);
        event = rig_expect(rig, EVENT_EXIT, 100, 100);
        assert(!event->task_unknown && strcmp(event->comm, "named") == 0 && event->uid == 3 && event->origin.pid == 50);
        rig_free(rig);
}

/* An exit from before the start was not witnessed, so no record is lost. */
static void test_grace(void) {
        Rig *rig = rig_new();

        rig->now = rig->join.start_ns + 10 * MS;
        rig_seed(rig, 100, 100, "seeded");
        rig_exit(rig, 100, 100, 0);
        rig_exit(rig, 101, 101, 0);
        rig_fork(rig, 1, 102, 102);
        rig_exit(rig, 102, 102, 0);
        rig_turn(rig);
        assert(rig_expect(rig, EVENT_EXIT, 100, 100)->exit.stats_missing == STATS_MISSING_NOT_WITNESSED);
        assert(rig_expect(rig, EVENT_EXIT, 101, 101)->exit.stats_missing == STATS_MISSING_NOT_WITNESSED);
        rig_expect(rig, EVENT_FORK, 102, 102);
        /* the record of a task that was forked after the start is lost */
        assert(rig_expect(rig, EVENT_EXIT, 102, 102)->exit.stats_missing == STATS_MISSING_LOST);
        rig_expect_loss(rig, LOSS_TASKSTATS, LOSS_OVERRUN, 1);
        rig_free(rig);
}

/* A task lives and ends during the self-test: the self-test takes its record, FORK and EXIT are read later. */
static void test_proved_meanwhile(void) {
        Rig *rig = rig_new();

        rig->now = rig->join.start_ns - 1 * MS;
        rig_fork(rig, 1, 100, 100);
        rig->now = rig->join.start_ns + 1 * MS;
        rig_exit(rig, 100, 100, 0);
        rig_turn(rig);
        rig_expect(rig, EVENT_FORK, 100, 100);
        assert(rig_expect(rig, EVENT_EXIT, 100, 100)->exit.stats_missing == STATS_MISSING_NOT_WITNESSED);
        rig_expect_nothing(rig);
        rig_free(rig);
}

/* Pending records whose EXITs were lost: after a while the exits are synthesised. */
static void test_orphans(void) {
        Rig *rig = rig_new();
        const Event *event;

        rig_seed(rig, 1, 1, "init");
        rig_fork(rig, 1, 100, 100);
        rig_fork(rig, 1, 101, 101);
        rig_turn(rig);
        rig_skip(rig);
        rig_record(rig, RECORD(100, 100, 500, 3 << 8, AC_FLAG_GROUP, "gone", .nvcsw = 1));
        rig_record(rig, RECORD(999, 998, 500, 0, AC_FLAG_GROUP, "never seen", .nvcsw = 2));
        rig_turn(rig);
        /* while no loss is known, the EXITs may only be late */
        rig_tick_later(rig);
        rig_expect_nothing(rig);

        rig_lose(rig, 3);
        rig_say(rig, WHAT_SID, 101, 101, 0, 0, 0, 0);
        rig_turn(rig);
        rig_expect_loss(rig, LOSS_CONNECTOR, LOSS_OVERRUN, 3);
        rig_expect(rig, EVENT_SID, 101, 101);
        assert(join_tick(&rig->join) == 0);
        rig_expect_nothing(rig);
        rig_tick_later(rig);
        event = rig_expect(rig, EVENT_EXIT, 100, 100);
        assert(event->synthesised && event->exit.stats->nvcsw == 1 && event->exit.wait_status == 3 << 8);
        assert(event->exit.process_ended);
        event = rig_expect(rig, EVENT_EXIT, 998, 999);
        assert(event->synthesised && event->exit.stats->nvcsw == 2 && strcmp(event->comm, "never seen") == 0);
        rig_expect_nothing(rig);
        rig_expect_live(rig, 2, 2);
        rig_expect_clean(rig);
        assert(rig->join.n_synthesised == 2);

        /* the EXITs come late, and are not reported a second time */
        rig_exit(rig, 100, 100, 3 << 8);
        rig_exit(rig, 998, 999, 0);
        rig_turn(rig);
        rig_expect_nothing(rig);
        assert(rig->listener.counters.lost == 0);
        /* a second EXIT with that number belongs to another task */
        rig_exit(rig, 100, 100, 0);
        rig_turn(rig);
        rig_expect(rig, EVENT_EXIT, 100, 100);
        rig_expect_loss(rig, LOSS_TASKSTATS, LOSS_OVERRUN, 1);

        /* the lossy state ends */
        for (int i = 0; i < 4; ++i)
                rig_tick_later(rig);
        assert(!rig->join.lossy);
        rig_record(rig, RECORD(101, 101, 500, 0, AC_FLAG_GROUP, "slow"));
        rig_turn(rig);
        rig_tick_later(rig);
        rig_expect_nothing(rig);
        rig_free(rig);
}

/* A record left over from an older task does not belong to a newer task with the same number. */
static void test_left_over_record(void) {
        Rig *rig = rig_new();
        const Event *event;

        rig_seed(rig, 1, 1, "init");
        rig_say(rig, WHAT_SID, 1, 1, 0, 0, 0, 0);
        /* the task of the record was an hour old, and its EXIT never came */
        rig_record(rig, RECORD(100, 100, 3600000000ull, 0, AC_FLAG_GROUP, "older", .nvcsw = 1));
        rig_turn(rig);
        rig_expect(rig, EVENT_SID, 1, 1);
        rig_lose(rig, 4);
        rig_fork(rig, 1, 100, 100);
        rig_turn(rig);
        rig_expect_loss(rig, LOSS_CONNECTOR, LOSS_OVERRUN, 4);
        rig_expect(rig, EVENT_FORK, 100, 100);
        rig_record(rig, RECORD(100, 100, 900, 0, AC_FLAG_GROUP, "newer", .nvcsw = 2));
        rig_exit(rig, 100, 100, 0);
        rig_turn(rig);
        event = rig_expect(rig, EVENT_EXIT, 100, 100);
        assert(event->exit.stats->nvcsw == 2 && strcmp(event->comm, "newer") == 0);

        /* in the end the older record is reported as the exit of an unknown task */
        rig_tick_later(rig);
        event = rig_expect(rig, EVENT_EXIT, 100, 100);
        assert(event->synthesised && event->exit.stats->nvcsw == 1);
        rig_expect_live(rig, 1, 1);
        rig_expect_clean(rig);
        rig_free(rig);
}

/* If several records fit, the record with the age of the task is taken. */
static void test_best_of_several(void) {
        Rig *rig = rig_new();

        rig_seed(rig, 1, 1, "init");
        rig_fork(rig, 1, 100, 100);
        rig_lose(rig, 4);
        rig->now += 500 * MS;
        rig_exit(rig, 100, 100, 0);
        rig_record(rig, RECORD(100, 100, 300, 0, AC_FLAG_GROUP, "x", .nvcsw = 1));
        rig_record(rig, RECORD(100, 100, 499000, 0, AC_FLAG_GROUP, "x", .nvcsw = 2));
        rig_record(rig, RECORD(100, 100, 70000, 0, AC_FLAG_GROUP, "x", .nvcsw = 3));
        rig_record(rig, RECORD(100, 100, 900000, 0, AC_FLAG_GROUP, "x", .nvcsw = 4));
        rig_turn(rig);
        rig_expect(rig, EVENT_FORK, 100, 100);
        rig_expect_loss(rig, LOSS_CONNECTOR, LOSS_OVERRUN, 4);
        assert(rig_expect(rig, EVENT_EXIT, 100, 100)->exit.stats->nvcsw == 2);
        rig_tick_later(rig);
        for (uint64_t nvcsw = 1; nvcsw <= 4; ++nvcsw)
                if (nvcsw != 2)
                        assert(rig_expect(rig, EVENT_EXIT, 100, 100)->exit.stats->nvcsw == nvcsw);
        rig_expect_clean(rig);
        rig_free(rig);
}

/* EXITs that never come: the number of pending records is limited; the oldest are dropped and counted as lost. */
static void test_waiting_room_is_full(void) {
        Rig *rig = rig_new();
        uint64_t lost;

        for (uint32_t i = 0; i < PENDING_RECORDS_MAX + 100; ++i) {
                rig_record(rig, RECORD(1000 + i, 1000 + i, 100, 0, AC_FLAG_GROUP, "x"));
                if (i % 100 == 99)
                        rig_turn(rig);
        }
        rig_turn(rig);
        rig_expect_nothing(rig);
        assert(rig->listener.counters.received == PENDING_RECORDS_MAX + 100);
        lost = rig->listener.counters.lost;
        /* one place may be reserved for the next record */
        assert(lost == 100 || lost == 101);
        assert(rig->join.records.pending.pool.n_used + lost == PENDING_RECORDS_MAX + 100);
        assert(pending_records_oldest(&rig->join.records.pending)->record.tid == 1000 + lost);
        rig_exit(rig, 1000 + PENDING_RECORDS_MAX, 1000 + PENDING_RECORDS_MAX, 0);
        rig_turn(rig);
        assert(rig_next(rig)->exit.stats);
        rig_free(rig);
}

/* The connector was silent: first the exits of that time are synthesised, then a Loss reports its length. */
static void test_muted(void) {
        Rig *rig = rig_new();
        uint64_t since;
        const Event *event;

        rig_seed(rig, 1, 1, "init");
        for (uint32_t pid = 100; pid < 104; ++pid)
                rig_fork(rig, 1, pid, pid);
        rig_turn(rig);
        rig_skip(rig);
        since = (uint64_t)clock_read_ns(CLOCK_MONOTONIC);
        rig_record(rig, RECORD(100, 100, 10, 0, AC_FLAG_GROUP, "x"));
        rig_record(rig, RECORD(102, 102, 10, 0, AC_FLAG_GROUP, "x"));
        rig_turn(rig);
        join_loss_note_muted(&rig->join, since);
        assert(join_tick(&rig->join) == 0);
        rig_expect_nothing(rig);

        rig_tick_later(rig);
        assert(rig_expect(rig, EVENT_EXIT, 100, 100)->synthesised);
        assert(rig_expect(rig, EVENT_EXIT, 102, 102)->synthesised);
        event = rig_expect_loss(rig, LOSS_CONNECTOR, LOSS_MUTED, 2);
        assert(event->loss.at_least && event->loss.since_time_ns == rig_wall(since));
        assert(event->time_ns >= event->loss.since_time_ns);
        rig_expect_nothing(rig);
        assert(rig->connector.counters.lost == 2);
        rig_expect_live(rig, 3, 3);

        /* the silence is reported once */
        rig_tick_later(rig);
        rig_expect_nothing(rig);
        rig_free(rig);
}

/* The silence is reported also if no exit is known to have happened in it. */
static void test_muted_without_exits(void) {
        Rig *rig = rig_new();

        join_loss_note_muted(&rig->join, rig->join.start_ns);
        rig_tick_later(rig);
        assert(rig_expect_loss(rig, LOSS_CONNECTOR, LOSS_MUTED, 0)->loss.at_least);
        rig_free(rig);
}

/* A record that is pending for long shows that the connector was silent, unless its task is still ending. */
static void test_overdue(void) {
        Rig *rig = rig_new();
        uint64_t start;

        rig_seed(rig, 1, 1, "init");
        rig_fork(rig, 1, 100, 100);
        rig_turn(rig);
        rig_skip(rig);
        rig_record(rig, RECORD(100, 100, 10, 0, AC_FLAG_GROUP, "x"));
        rig_turn(rig);
        rig_age(rig, 3 * NSEC_PER_SEC);
        start = rig_wall(pending_records_oldest(&rig->join.records.pending)->arrived_ns) - 10 * NSEC_PER_USEC;
        proc_add_task(&rig->procfs, 100, 100, "x", 1, proc_ticks(start));
        assert(join_tick(&rig->join) == 0 && !rig->join.was_muted);
        rig_expect_nothing(rig);

        /* another task has its number */
        proc_add_task(&rig->procfs, 100, 100, "y", 1, proc_ticks(start + NSEC_PER_SEC));
        assert(join_tick(&rig->join) == 0);
        rig_tick_later(rig);
        assert(rig_expect(rig, EVENT_EXIT, 100, 100)->synthesised);
        (void)rig_expect_loss(rig, LOSS_CONNECTOR, LOSS_MUTED, 1);
        rig_free(rig);
}

int main(void) {
        test_missing_records();
        test_missing_in_totals();
        test_order_of_losses();
        test_unknown_tasks();
        test_child_of_unknown();
        test_grace();
        test_proved_meanwhile();
        test_orphans();
        test_left_over_record();
        test_best_of_several();
        test_waiting_room_is_full();
        test_muted();
        test_muted_without_exits();
        test_overdue();
        return 0;
}
