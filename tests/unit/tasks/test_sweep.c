/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/* Sweeps over a table, with a source that the test plays: the sweep of the last change, and the totals of processes. */

#include "broker/tasks/stats_request.h"
#include "broker/tasks/sweep.h"
#include "tests/unit/join_rig.h"
#include "tests/unit/made_stats.h"

#define REPORTS_MAX 4096u

typedef struct Report Report;

struct Report {
        uint32_t tid;
        bool of_process;
        uint32_t changed;
        TaskStats stats;
        uint32_t tasks;
};

static MadeStats kernel;
static Report reports[REPORTS_MAX];
static size_t n_reports;
static uint32_t unwanted;

static bool wants(SampleConsumer *consumer, const Task *leader) {
        (void)consumer;
        return leader->tid != unwanted;
}

static void take(SampleConsumer *consumer, const Task *task, bool of_process, const TaskSample *sample) {
        uint32_t changed = of_process ? task->process->changed_sweep : task->changed_sweep;

        (void)consumer;
        assert(n_reports < REPORTS_MAX && sample->tid == task->tid && !sample->ended && !sample->gone);
        assert(!(sample->stats->groups & STATS_EXIT_STATUS));
        reports[n_reports++] = (Report){ task->tid, of_process, changed, *sample->stats, sample->tasks };
}

static SampleConsumer sweep_consumer = { .wants = wants, .take = take };

static Rig *begin(Sweep *sweep) {
        Rig *rig = rig_new();

        made_stats_init(&kernel, &rig->join.table);
        unwanted = 0;
        sweep_init(sweep, &rig->join, &kernel.source, &sweep_consumer);
        return rig;
}

static void end(Rig *rig, Sweep *sweep) {
        sweep_deinit(sweep);
        rig_skip(rig);
        rig_free(rig);
}

static void add(Rig *rig, uint32_t pid, uint32_t tid, uint64_t run_ns) {
        rig_seed(rig, pid, tid, "task");
        kernel.run_ns[tid] = run_ns;
}

static void sweep_all(Sweep *sweep, bool of_tasks, bool of_processes, size_t n_slice) {
        n_reports = 0;
        sweep_start(sweep, of_tasks, of_processes);
        while (sweep->running)
                assert(sweep_slice(sweep, n_slice) == 0);
}

static const Report *find(uint32_t tid, bool of_process) {
        const Report *found = NULL;

        for (size_t i = 0; i < n_reports; ++i) {
                if (reports[i].tid != tid || reports[i].of_process != of_process)
                        continue;
                assert(!found);
                found = &reports[i];
        }
        return found;
}

static void expect(uint32_t tid, bool of_process, uint64_t run_ns, uint32_t tasks, uint32_t changed) {
        const Report *found = find(tid, of_process);

        assert(found && found->stats.cpu_run_virtual_total_ns == run_ns && found->stats.tasks == tasks);
        assert(found->changed == changed);
}

/* Each sweep reports all tasks, with the number of the sweep that last found the task changed. */
static void test_changes(void) {
        Sweep sweep;
        Rig *rig = begin(&sweep);

        add(rig, 10, 10, 100);
        add(rig, 20, 20, 200);
        add(rig, 20, 21, 210);
        sweep_all(&sweep, true, true, 256);
        assert(n_reports == 5 && kernel.n_asks == 1);
        expect(10, true, 100, 0, 1);
        expect(10, false, 100, 0, 1);
        expect(20, true, 410, 2, 1);
        assert(find(20, true)->stats.ac_pid == 20 && find(20, true)->tasks == 2);

        kernel.run_ns[21] = 211;
        sweep_all(&sweep, true, true, 256);
        expect(10, true, 100, 0, 1);
        expect(20, false, 200, 0, 1);
        expect(21, false, 211, 0, 2);
        expect(20, true, 411, 2, 2);

        /* the next sweep finds a task that one sweep left out */
        unwanted = 20;
        kernel.run_ns[20] = 201;
        sweep_all(&sweep, false, true, 256);
        assert(n_reports == 1);
        unwanted = 0;
        sweep_all(&sweep, false, true, 256);
        assert(n_reports == 2);
        expect(10, true, 100, 0, 1);
        expect(20, true, 412, 2, 4);
        assert(sweep.n_passes == 4 && sweep.n_tasks == 3 + 3 + 1 + 3);
        end(rig, &sweep);
}

/* The number of the pass is at its end: all changes so far move to pass 1, and later ones follow. */
static void test_renumber(void) {
        Sweep sweep;
        Rig *rig = begin(&sweep);

        add(rig, 10, 10, 100);
        add(rig, 20, 20, 200);
        sweep_all(&sweep, true, true, 256);
        assert(!sweep_renumber(&sweep) && sweep.number == 1);
        sweep.number = UINT32_MAX - 1;
        kernel.run_ns[20] = 201;
        sweep_all(&sweep, true, true, 256);
        expect(10, false, 100, 0, 1);
        expect(20, false, 201, 0, UINT32_MAX);
        expect(20, true, 201, 0, UINT32_MAX);
        add(rig, 30, 30, 300);
        assert(sweep_renumber(&sweep) && !sweep_renumber(&sweep));
        kernel.run_ns[10] = 101;
        sweep_all(&sweep, true, true, 256);
        assert(sweep.number == 2);
        expect(10, false, 101, 0, 2);
        expect(20, false, 201, 0, 1);
        expect(20, true, 201, 0, 1);
        expect(30, false, 300, 0, 2);
        end(rig, &sweep);
}

/* A task counts as changed after exec or a change of ids, because it may have entered a set. */
static void test_reported_again(void) {
        Sweep sweep;
        Rig *rig = begin(&sweep);

        add(rig, 10, 10, 100);
        sweep_all(&sweep, true, true, 256);
        sweep_on_event(&sweep, &(Event){ .kind = EVENT_SID, .pid = 10, .tid = 10 });
        sweep_all(&sweep, true, true, 256);
        expect(10, true, 100, 0, 1);
        sweep_on_event(&sweep, &(Event){ .kind = EVENT_UID, .pid = 10, .tid = 10 });
        sweep_all(&sweep, true, true, 256);
        expect(10, true, 100, 0, 3);
        expect(10, false, 100, 0, 3);
        end(rig, &sweep);
}

/* A sum that lacks an answer is not reported; the next complete sum is. */
static void test_lost(void) {
        Sweep sweep;
        Rig *rig = begin(&sweep);

        add(rig, 20, 20, 200);
        add(rig, 20, 21, 210);
        kernel.lost[21] = true;
        sweep_all(&sweep, true, true, 256);
        assert(n_reports == 1 && sweep.n_lost == 1);
        expect(20, false, 200, 0, 1);
        kernel.lost[21] = false;
        sweep_all(&sweep, false, true, 256);
        expect(20, true, 410, 2, 2);
        end(rig, &sweep);
}

/* A thread has ended, and its exit is still to come: its record counts exactly once, before and after the exit. */
static void test_record_of_one_that_is_gone(void) {
        Sweep sweep;
        Rig *rig = begin(&sweep);

        add(rig, 20, 20, 200);
        add(rig, 20, 21, 210);
        kernel.run_ns[21] = 0;
        rig_record(rig, RECORD(21, 20, 1000, 0, 0, "task", .run_ns = 250, .uid = 1000));
        sweep_all(&sweep, false, true, 256);
        expect(20, true, 450, 2, 1);
        rig_exit(rig, 20, 21, 0);
        rig_turn(rig);
        sweep_all(&sweep, false, true, 256);
        expect(20, true, 450, 2, 2);
        assert(find(20, true)->tasks == 1);
        /* without a record there is no sum */
        add(rig, 20, 22, 0);
        sweep_all(&sweep, false, true, 256);
        assert(n_reports == 0 && sweep.n_gone == 1);
        end(rig, &sweep);
}

/* More threads than fit in a slice: a thread that ends meanwhile counts once, queried or not. */
static void test_large(void) {
        TaskStats stats = { .version = 16, .groups = STATS_CPU, .cpu_run_virtual_total_ns = 5 };
        Sweep sweep;
        Rig *rig = begin(&sweep);

        add(rig, 1, 1, 7);
        for (uint32_t tid = 100; tid < 700; ++tid)
                add(rig, 100, tid, 1000);
        add(rig, 900, 900, 9);
        sweep_all(&sweep, false, true, 64);
        assert(n_reports == 3 && kernel.n_asks == 2 + 10);
        expect(1, true, 7, 0, 1);
        expect(100, true, 600 * 1000, 600, 1);
        expect(900, true, 9, 0, 1);

        n_reports = 0;
        sweep_start(&sweep, false, true);
        while (!sweep.large || sweep.sum.i == 0)
                assert(sweep_slice(&sweep, 64) == 0);
        /* its first threads were queried, its last threads and the leader were not */
        sweep_on_event(&sweep, &(Event){ .kind = EVENT_EXIT, .pid = 100, .tid = 101, .exit.stats = &stats });
        sweep_on_event(&sweep, &(Event){ .kind = EVENT_EXIT, .pid = 100, .tid = 699, .exit.stats = &stats });
        sweep_on_event(&sweep, &(Event){ .kind = EVENT_EXIT, .pid = 900, .tid = 698, .exit.stats = &stats });
        while (sweep.running)
                assert(sweep_slice(&sweep, 64) == 0);
        assert(find(100, true)->stats.cpu_run_virtual_total_ns == 599 * 1000 + 5);

        /* a process that ends, or calls exec, has no sum */
        for (int kind = 0; kind < 2; ++kind) {
                n_reports = 0;
                sweep_start(&sweep, false, true);
                while (!sweep.large || sweep.sum.i == 0)
                        assert(sweep_slice(&sweep, 64) == 0);
                sweep_on_event(&sweep, &(Event){ .kind = kind ? EVENT_EXEC : EVENT_EXIT, .pid = 100, .tid = 100,
                                                 .exit.process_ended = !kind });
                while (sweep.running)
                        assert(sweep_slice(&sweep, 64) == 0);
                assert(n_reports == 2 && !find(100, true));
        }
        end(rig, &sweep);
}

/*
 * Statistics requests.
 */

static TaskSample answers[STATS_REQUEST_MAX];
static size_t n_answers;

static void answer(SampleConsumer *consumer, const Task *task, bool of_process, const TaskSample *sample) {
        (void)consumer;
        assert(!task == sample->gone && of_process == (sample->tid == 0 || sample->tasks > 0));
        answers[n_answers++] = *sample;
}

/* A process that the client may not see. */
static uint32_t not_shown;

static bool shows(SampleConsumer *consumer, const Task *task) {
        (void)consumer;
        return task->process->pid != not_shown;
}

static SampleConsumer request_consumer = { .wants = shows, .take = answer };

static void ask(Rig *rig, const uint32_t *pids, size_t n_pids, const uint32_t *tids, size_t n_tids) {
        StatsRequest request;

        n_answers = 0;
        stats_request_init(&request, &request_consumer, pids, n_pids, tids, n_tids);
        while (!stats_request_is_done(&request))
                assert(stats_request_slice(&request, &rig->join, &kernel.source, 64) == 0);
        assert(n_answers == n_pids + n_tids);
        stats_request_deinit(&request);
}

static void test_request(void) {
        uint32_t pids[] = { 20, 11, 21 }, tids[] = { 21, 5 };
        Sweep sweep;
        Rig *rig = begin(&sweep);

        add(rig, 20, 20, 200);
        add(rig, 20, 21, 210);
        add(rig, 11, 11, 1);
        ask(rig, pids, 3, tids, 2);
        assert(answers[0].pid == 20 && answers[0].tasks == 2 && answers[1].pid == 11);
        assert(answers[2].gone && answers[2].pid == 21 && answers[2].tid == 0);
        assert(answers[3].tid == 21 && answers[3].pid == 20);
        assert(answers[4].gone && answers[4].tid == 5 && answers[4].pid == 0);

        /* it is queried again, and reported without statistics in the end */
        kernel.lost[21] = true;
        kernel.n_asks = 0;
        ask(rig, pids, 1, tids, 1);
        assert(kernel.n_asks == 6);
        assert(!answers[0].stats && !answers[0].gone && answers[0].pid == 20);
        assert(!answers[1].stats && !answers[1].gone && answers[1].tid == 21);

        /* a task that the client may not see is not queried */
        not_shown = 20;
        kernel.n_asks = 0;
        ask(rig, pids, 1, tids, 1);
        assert(kernel.n_asks == 0 && answers[0].gone && answers[1].gone);
        not_shown = 0;
        end(rig, &sweep);
}

int main(void) {
        log_init(LOG_LEVEL_ERR);
        test_changes();
        test_renumber();
        test_reported_again();
        test_lost();
        test_record_of_one_that_is_gone();
        test_large();
        test_request();
        return 0;
}
