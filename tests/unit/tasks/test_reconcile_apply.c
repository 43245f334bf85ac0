/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/* The second look of a pass: a difference that is still there becomes synthesised events, any other becomes nothing. */

#include "broker/tasks/reconcile_apply.h"
#include "tests/unit/join_rig.h"
#include "tests/unit/made_proc.h"

static Rig *rig;
static Reconcile reconcile;

static void begin(void) {
        rig = rig_new();
        reconcile_init(&reconcile, &rig->join, rig->procfs.fd);
        rig_seed(rig, 1, 1, "init");
}

static void end(void) {
        reconcile_deinit(&reconcile);
        rig_free(rig);
}

/* Applies one difference, as a scan would have found it. */
static void apply(MismatchKind kind, uint32_t pid, uint32_t tid, uint64_t start_time_ns) {
        reconcile.mismatches[0] =
                (Mismatch){ .kind = kind, .pid = pid, .tid = tid, .start_time_ns = start_time_ns };
        reconcile.n_mismatches = 1;
        assert(reconcile_apply(&reconcile) == 0);
        assert(reconcile.n_mismatches == 0);
}

/* A task in /proc with the ids of rig_seed(). */
static void proc_add_seeded(uint32_t pid, uint32_t tid, uint32_t ppid, const char *comm, uint64_t start_time_ns) {
        proc_add_stat(&rig->procfs, &(ProcTask){ .pid = pid, .tid = tid, .comm = comm, .ppid = ppid,
                                                 .start = proc_ticks(start_time_ns) });
        proc_add_status(&rig->procfs, pid, tid, comm, "Uid:\t1000\t1000\t1000\t1000\n"
                                                      "Gid:\t2000\t2000\t2000\t2000\n");
}

static const Event *expect_synthesised(EventKind kind, uint32_t pid, uint32_t tid) {
        const Event *event = rig_expect(rig, kind, pid, tid);

        assert(event->synthesised);
        return event;
}

static void test_gone(void) {
        const Task *task;
        uint64_t start;

        begin();
        task = rig_seed(rig, 100, 100, "gone");
        start = task->start_time_ns;
        /* another task has the number by now */
        apply(MISMATCH_GONE, 100, 100, start - 1);
        apply(MISMATCH_GONE, 101, 100, start);
        rig_expect_nothing(rig);
        apply(MISMATCH_GONE, 100, 100, start);
        assert(expect_synthesised(EVENT_EXIT, 100, 100)->exit.process_ended);
        assert(rig->join.n_synthesised == 1);
        rig_expect_live(rig, 1, 1);

        /* its EXIT came meanwhile */
        apply(MISMATCH_GONE, 100, 100, start);
        end();
}

/* The exit of a gone task has the statistics of its record. */
static void test_gone_with_record(void) {
        const Event *event;
        uint64_t start;

        begin();
        start = rig_seed(rig, 100, 100, "gone")->start_time_ns;
        rig_record(rig, RECORD(100, 100, 1000, 3 << 8, AC_FLAG_GROUP, "gone", .nvcsw = 4));
        apply(MISMATCH_GONE, 100, 100, start);
        event = expect_synthesised(EVENT_EXIT, 100, 100);
        assert(event->exit.stats && event->exit.stats->nvcsw == 4 && event->exit.process_wait_status == 3 << 8);
        end();
}

static void test_gone_process(void) {
        Task *leader;
        uint64_t start;

        begin();
        leader = rig_seed(rig, 100, 100, "leader");
        start = leader->start_time_ns;
        task_table_end_task(&rig->join.table, leader);
        apply(MISMATCH_GONE_PROCESS, 100, 100, start + 1);
        rig_expect_nothing(rig);
        apply(MISMATCH_GONE_PROCESS, 100, 100, start);
        assert(expect_synthesised(EVENT_EXIT, 100, 100)->exit.process_ended);
        assert(!task_table_get_process(&rig->join.table, 100));
        end();
}

static void test_found(void) {
        const uint64_t start = rig_wall(50 * NSEC_PER_SEC);
        const Event *event;
        const Task *task;

        begin();
        proc_add_seeded(100, 100, 1, "found", start);
        /* the task of the scan has ended, and a younger one has the number */
        apply(MISMATCH_FOUND, 100, 100, start - NSEC_PER_SEC);
        rig_expect_nothing(rig);
        apply(MISMATCH_FOUND, 100, 100, start);
        event = expect_synthesised(EVENT_FORK, 100, 100);
        assert(event->fork.parent_pid == 1 && event->origin.pid == 1 && strcmp(event->comm, "found") == 0);
        task = task_table_get(&rig->join.table, 100);
        assert(task && (task->flags & TASK_FORK_REPORTED) && task->ruid == 1000);
        assert(rig->join.n_synthesised_forks == 1);

        /* its FORK came meanwhile */
        apply(MISMATCH_FOUND, 100, 100, start);
        /* it has ended meanwhile */
        apply(MISMATCH_FOUND, 200, 200, start);
        rig_expect_nothing(rig);
        rig_expect_live(rig, 2, 2);
        end();
}

/* A child has its marks from its parent, so the forks of unknown ancestors are reported first. */
static void test_found_ancestors(void) {
        const uint64_t start = rig_wall(50 * NSEC_PER_SEC);

        begin();
        task_table_get_process(&rig->join.table, 1)->marks = 4;
        proc_add_seeded(100, 100, 1, "parent", start);
        proc_add_seeded(90, 90, 100, "child", start);
        proc_add_seeded(80, 80, 90, "grandchild", start);
        apply(MISMATCH_FOUND, 80, 80, start);
        expect_synthesised(EVENT_FORK, 100, 100);
        expect_synthesised(EVENT_FORK, 90, 90);
        assert(expect_synthesised(EVENT_FORK, 80, 80)->marks == 4);
        end();
}

/* A number was given away while the ancestors were read: each task seems to be the other one's child. */
static void test_found_in_a_circle(void) {
        uint64_t start_ns;

        begin();
        start_ns = rig_wall(rig->now);
        proc_add_seeded(300, 300, 301, "first", start_ns);
        proc_add_seeded(301, 301, 300, "second", start_ns);
        apply(MISMATCH_FOUND, 300, 300, start_ns);
        apply(MISMATCH_FOUND, 301, 301, start_ns);
        for (int i = 0; i < 2; ++i)
                assert(rig_next(rig)->kind == EVENT_FORK);
        assert(task_table_get(&rig->join.table, 300) && task_table_get(&rig->join.table, 301));
        end();
}

/* The name and the ids of a task become known, of which the table has the fork alone. */
static void test_found_unknown(void) {
        const Event *event;
        Task *task;

        begin();
        task = rig_seed(rig, 100, 100, "");
        task->flags = TASK_UNKNOWN;
        task->ruid = 0;
        proc_add_seeded(100, 100, 1, "known", task->start_time_ns);
        apply(MISMATCH_FOUND, 100, 100, 0);
        event = expect_synthesised(EVENT_COMM, 100, 100);
        assert(!event->task_unknown && event->uid == 1000 && strcmp(event->comm, "known") == 0);
        assert(!(task->flags & TASK_UNKNOWN) && task->ruid == 1000 && strcmp(task->comm, "known") == 0);
        end();
}

/* Threads keep an ended leader as a zombie: the fork and the exit of the leader are reported too. */
static void test_found_below_zombie(void) {
        const uint64_t start = rig_wall(50 * NSEC_PER_SEC);
        const Event *event;

        begin();
        proc_add_seeded(100, 100, 1, "leader", start);
        proc_add_stat(&rig->procfs, &(ProcTask){ .pid = 100, .tid = 100, .comm = "leader", .ppid = 1, .state = 'Z',
                                                 .start = proc_ticks(start), .n_threads = 2 });
        proc_add_seeded(100, 101, 1, "thread", start);
        apply(MISMATCH_FOUND, 100, 101, start);
        /* the files of a zombie belong to root: nothing shows whose it was */
        assert(expect_synthesised(EVENT_FORK, 100, 100)->owner.claim < OWNER_SHOWN);
        expect_synthesised(EVENT_FORK, 100, 101);
        event = expect_synthesised(EVENT_EXIT, 100, 100);
        assert(!event->exit.process_ended && event->owner.claim < OWNER_SHOWN);
        rig_expect_live(rig, 2, 2);
        end();
}

/* A leader that had ended lives: a thread has called exec. */
static void test_found_exec(void) {
        Task *leader;

        begin();
        leader = rig_seed(rig, 100, 100, "leader");
        rig_seed(rig, 100, 101, "thread");
        task_table_end_task(&rig->join.table, leader);
        proc_add_seeded(100, 100, 1, "program", leader->start_time_ns);
        apply(MISMATCH_FOUND, 100, 100, leader->start_time_ns);
        assert(strcmp(expect_synthesised(EVENT_EXEC, 100, 100)->comm, "program") == 0);
        assert(!(leader->flags & TASK_GONE) && strcmp(leader->comm, "program") == 0);
        rig_expect_live(rig, 3, 2);
        end();
}

static void test_changed(void) {
        const Event *event;
        Task *task;

        begin();
        task = rig_seed(rig, 100, 100, "former");
        task->euid = 5;
        task->rgid = 6;
        proc_add_seeded(100, 100, 1, "name", task->start_time_ns);
        /* another task had the number */
        apply(MISMATCH_CHANGED, 100, 100, task->start_time_ns + 1);
        rig_expect_nothing(rig);
        apply(MISMATCH_CHANGED, 100, 100, task->start_time_ns);
        event = expect_synthesised(EVENT_UID, 100, 100);
        assert(event->credentials.real_id == 1000 && event->credentials.effective_id == 1000);
        event = expect_synthesised(EVENT_GID, 100, 100);
        assert(event->credentials.real_id == 2000 && event->credentials.effective_id == 2000);
        assert(strcmp(expect_synthesised(EVENT_COMM, 100, 100)->comm, "name") == 0);
        assert(task->euid == 1000 && task->rgid == 2000 && strcmp(task->comm, "name") == 0);

        /* the events came meanwhile */
        apply(MISMATCH_CHANGED, 100, 100, task->start_time_ns);
        rig_expect_nothing(rig);

        /* only what differs is reported */
        task->egid = 7;
        apply(MISMATCH_CHANGED, 100, 100, task->start_time_ns);
        expect_synthesised(EVENT_GID, 100, 100);
        end();
}

/* At the start the table is filled without events. */
static void test_seeding(void) {
        begin();
        reconcile.seeding = true;
        proc_add_seeded(100, 100, 1, "found", rig_wall(50 * NSEC_PER_SEC));
        apply(MISMATCH_FOUND, 100, 100, 0);
        rig_expect_nothing(rig);
        assert(task_table_get(&rig->join.table, 100) && rig->join.n_synthesised_forks == 0);
        assert(!(task_table_get(&rig->join.table, 100)->flags & TASK_FORK_REPORTED));
        end();
}

int main(void) {
        log_init(LOG_LEVEL_ERR);
        test_gone();
        test_gone_with_record();
        test_gone_process();
        test_found();
        test_found_ancestors();
        test_found_in_a_circle();
        test_found_unknown();
        test_found_below_zombie();
        test_found_exec();
        test_changed();
        test_seeding();
        return 0;
}
