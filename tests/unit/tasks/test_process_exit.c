/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/* The end of a process: its wait status, its totals, and whether it has ended at all. */

#include "broker/tasks/process_exit.h"
#include "tests/unit/join_rig.h"
#include "tests/unit/made_proc.h"

#define PID 100u

static ExitRecord record_of(uint64_t nvcsw) {
        return (ExitRecord){
                .tid = PID,
                .pid = PID,
                .stats = { .version = 16, .groups = STATS_SCHEDULING, .nvcsw = nvcsw, .ac_etime_us = 1000 },
        };
}

static void test_mark(void) {
        Rig *rig = rig_new();
        Process *process = rig_seed(rig, PID, PID, "x")->process;
        ExitRecord record = record_of(1);

        record.stats.ac_exitcode = 3 << 8;
        process_exit_note_mark(process, &record);
        assert(!process->has_wait_status && process->wait_status == 0);
        record.stats.ac_flag = AC_FLAG_GROUP;
        process_exit_note_mark(process, &record);
        assert(process->has_wait_status && process->wait_status == 3 << 8);
        rig_free(rig);
}

/* A process has more tasks only if a fork was lost and the marked record is still to come. */
static void test_more_by_records(void) {
        Rig *rig = rig_new();
        Process *process = rig_seed(rig, PID, PID, "x")->process;
        ExitRecord record = record_of(1), old = record_of(1);

        old.stats.version = 11;
        rig->join.connector->empty = true;
        assert(!process_exit_may_have_more(&rig->join, process, &record));
        rig->join.forks_lost = true;
        assert(process_exit_may_have_more(&rig->join, process, &record));
        assert(!process_exit_may_have_more(&rig->join, process, &old));

        /* totals without a missing task change nothing */
        assert(process_exit_add_task(&rig->join, process, &record) == 0);
        assert(process_exit_may_have_more(&rig->join, process, &record));

        process->has_wait_status = true;
        assert(!process_exit_may_have_more(&rig->join, process, &record));
        rig_free(rig);
}

/* If a record is missing, it may be the marked one: /proc decides, if there is time to read it. */
static void test_more_by_proc(void) {
        Rig *rig = rig_new();
        const Task *task = rig_seed(rig, PID, PID, "x");
        Process *process = task->process;
        ExitRecord record = record_of(1);

        rig->join.forks_lost = true;
        rig->join.connector->empty = true;
        assert(!process_exit_may_have_more(&rig->join, process, NULL));
        proc_add(&rig->procfs, &(ProcTask){ .pid = PID, .tid = PID, .comm = "x", .ppid = 1, .state = 'Z',
                                            .start = proc_ticks(task->start_time_ns), .n_threads = 2 });
        assert(process_exit_may_have_more(&rig->join, process, NULL));
        rig->join.connector->empty = false;
        assert(!process_exit_may_have_more(&rig->join, process, NULL));

        /* the record of this task is there, but another record was missing before */
        assert(process_exit_add_task(&rig->join, process, NULL) == 0);
        assert(!process_exit_may_have_more(&rig->join, process, &record));
        rig->join.connector->empty = true;
        assert(process_exit_may_have_more(&rig->join, process, &record));
        rig_free(rig);
}

static void test_add_task(void) {
        Rig *rig = rig_new();
        Process *process = rig_seed(rig, PID, PID, "x")->process;
        ExitRecord record = record_of(5);

        assert(!process->totals);
        assert(process_exit_add_task(&rig->join, process, &record) == 0);
        assert(process_exit_add_task(&rig->join, process, NULL) == 0);
        assert(process_exit_add_task(&rig->join, process, &record) == 0);
        assert(process->totals->tasks == 2 && process->totals->tasks_missing == 1 && process->totals->nvcsw == 10);
        rig_free(rig);
}

/* The only task of a process has no totals beside its own statistics. */
static void test_finish_single(void) {
        Rig *rig = rig_new();
        Process *process = rig_seed(rig, PID, PID, "x")->process;
        ExitRecord record = record_of(5);
        Event event = { .kind = EVENT_EXIT, .exit.wait_status = 7 << 8 };

        assert(process_exit_finish(&rig->join, process, &record, &event) == 0);
        assert(event.exit.process_ended && event.exit.process_wait_status == 7 << 8 && !event.exit.process_stats);
        rig_free(rig);
}

/* The totals have the status of the marked record, and the last task has another status. */
static void test_finish_totals(void) {
        Rig *rig = rig_new();
        Process *process = rig_seed(rig, PID, PID, "x")->process;
        ExitRecord record = record_of(5);
        Event event = { .kind = EVENT_EXIT, .exit.wait_status = 7 << 8 };

        process->has_wait_status = true;
        process->wait_status = 9;
        assert(process_exit_add_task(&rig->join, process, &record) == 0);
        process->totals->ac_tgetime_us = 5000;
        assert(process_exit_finish(&rig->join, process, &record, &event) == 0);
        assert(event.exit.process_wait_status == 9 && event.exit.process_stats == process->totals);
        assert(process->totals->ac_exitcode == 9 && process->totals->ac_etime_us == 5000);
        /* rig_seed() makes a process that is older than the broker */
        assert(process->totals->tasks_unseen && process->totals->tasks == 1);
        rig_free(rig);
}

/* The kernel's sums are larger, because they contain tasks that ended before the broker started. */
static void test_finish_kernel_sums(void) {
        for (int totals = 0; totals < 2; ++totals) {
                Rig *rig = rig_new();
                Process *process = rig_seed(rig, PID, PID, "x")->process;
                ExitRecord record = record_of(5);
                Event event = { .kind = EVENT_EXIT };

                record.has_process = true;
                record.process.nvcsw = 80;
                if (totals)
                        assert(process_exit_add_task(&rig->join, process, &record) == 0);
                assert(process_exit_finish(&rig->join, process, &record, &event) == 0);
                assert(event.exit.process_stats && event.exit.process_stats->nvcsw == 80);
                assert(event.exit.process_stats->tasks == 1);
                rig_free(rig);
        }
}

/* Without any record there are totals, but nothing to report. */
static void test_finish_all_missing(void) {
        Rig *rig = rig_new();
        Process *process = rig_seed(rig, PID, PID, "x")->process;
        Event event = { .kind = EVENT_EXIT, .exit.wait_status = 9 };

        assert(process_exit_add_task(&rig->join, process, NULL) == 0);
        assert(process_exit_finish(&rig->join, process, NULL, &event) == 0);
        assert(event.exit.process_ended && event.exit.process_wait_status == 9 && !event.exit.process_stats);
        rig_free(rig);
}

/* Whether the status of a process is known, by what is known of its tasks. */
static void test_finish_status(void) {
        static const struct {
                uint32_t version;       /* version of the last task's record; 0: it is missing */
                bool marked, threads, missing, leader_is_last, leader_seen, same, unknown;
                bool known;
        } rows[] = {
                { .version = 16, .marked = true, .known = true },
                { .version = 16, .marked = true, .threads = true, .unknown = true, .known = true },
                { .version = 16, .leader_is_last = true, .known = true },
                { .version = 16, .threads = true, .leader_is_last = true, .known = true },
                { .version = 16, .threads = true, .missing = true, .leader_is_last = true, .known = false },
                { .version = 0, .leader_is_last = true, .known = true },
                { .version = 0, .leader_is_last = true, .unknown = true, .known = false },
                /* before version 12 the process has its leader's status, unless all tasks have one */
                { .version = 10, .threads = true, .leader_is_last = true, .known = true },
                { .version = 10, .threads = true, .leader_seen = true, .same = true, .known = true },
                { .version = 10, .threads = true, .leader_seen = true, .same = false, .known = false },
                { .version = 10, .threads = true, .known = false },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); ++i) {
                Rig *rig = rig_new();
                Process *process = rig_seed(rig, PID, PID, "x")->process;
                ExitRecord record = record_of(5);
                Event event = { .kind = EVENT_EXIT, .pid = PID, .tid = rows[i].leader_is_last ? PID : PID + 1 };
                Event leader = { .kind = EVENT_EXIT, .pid = PID, .tid = PID };

                record.stats.version = (uint16_t)rows[i].version;
                event.exit.status_unknown = rows[i].unknown;
                event.exit.wait_status = rows[i].unknown ? 0 : 3 << 8;
                leader.exit.wait_status = rows[i].same ? 3 << 8 : 4 << 8;
                if (rows[i].leader_seen)
                        process_exit_note_leader(process, &leader);
                if (rows[i].marked) {
                        process->has_wait_status = true;
                        process->wait_status = 9;
                }
                if (rows[i].threads)
                        assert(process_exit_add_task(&rig->join, process, rows[i].missing ? NULL : &record) == 0);
                assert(process_exit_finish(&rig->join, process, rows[i].version ? &record : NULL, &event) == 0);
                assert(event.exit.process_status_unknown == !rows[i].known);
                assert(event.exit.process_wait_status == (!rows[i].known ? 0 : rows[i].marked ? 9u : 3u << 8));
                rig_free(rig);
        }
}

int main(void) {
        test_finish_status();
        log_init(LOG_LEVEL_ERR);
        test_mark();
        test_more_by_records();
        test_more_by_proc();
        test_add_task();
        test_finish_single();
        test_finish_totals();
        test_finish_kernel_sums();
        test_finish_all_missing();
        return 0;
}
