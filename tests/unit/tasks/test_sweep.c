/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/* Sweeps over a table, with a source that the test plays: the sweep of the last change, and the totals of processes. */

#include "broker/tasks/parents.h"
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
static uint32_t only_wanted;            /* a task; 0: all are wanted */
static uint64_t n_choice_steps, n_take_steps;

static bool wants(SampleConsumer *consumer, const Task *leader) {
        consumer->n_steps += n_choice_steps;
        return !only_wanted && leader->tid != unwanted;
}

static bool wants_task(SampleConsumer *consumer, const Task *task) {
        consumer->n_steps += n_choice_steps;
        return task->tid == only_wanted;
}

/* Reports without the kernel's answer: 1 for a task, 2 for a process. */
static size_t n_lost_reports;

static void take(SampleConsumer *consumer, const Task *task, bool of_process, const TaskSample *sample) {
        uint32_t changed = of_process ? task->process->changed_sweep : task->changed_sweep;

        consumer->n_steps += n_take_steps;
        assert(n_reports < REPORTS_MAX && sample->tid == task->tid && !sample->ended && !sample->gone);
        if (sample->lost) {
                assert(!sample->stats && changed > 0);
                n_lost_reports += 1 + of_process;
                return;
        }
        assert(!(sample->stats->groups & STATS_EXIT_STATUS));
        reports[n_reports++] = (Report){ task->tid, of_process, changed, *sample->stats, sample->tasks };
}

static SampleConsumer sweep_consumer = { .wants = wants, .wants_task = wants_task, .take = take };

static Rig *begin(Sweep *sweep) {
        Rig *rig = rig_new();

        made_stats_init(&kernel, &rig->join.table);
        unwanted = only_wanted = 0;
        n_choice_steps = n_take_steps = 0;
        sweep_consumer.n_steps_of_task = 0;
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
        expect(10, true, 100, 1, 1);
        expect(10, false, 100, 0, 1);
        expect(20, true, 410, 2, 1);
        assert(find(20, true)->stats.ac_pid == 20 && find(20, true)->tasks == 2);

        kernel.run_ns[21] = 211;
        sweep_all(&sweep, true, true, 256);
        expect(10, true, 100, 1, 1);
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
        expect(10, true, 100, 1, 1);
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
        expect(20, true, 201, 1, UINT32_MAX);
        add(rig, 30, 30, 300);
        assert(sweep_renumber(&sweep) && !sweep_renumber(&sweep));
        kernel.run_ns[10] = 101;
        sweep_all(&sweep, true, true, 256);
        assert(sweep.number == 2);
        expect(10, false, 101, 0, 2);
        expect(20, false, 201, 0, 1);
        expect(20, true, 201, 1, 1);
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
        expect(10, true, 100, 1, 1);
        sweep_on_event(&sweep, &(Event){ .kind = EVENT_UID, .pid = 10, .tid = 10 });
        sweep_all(&sweep, true, true, 256);
        expect(10, true, 100, 1, 3);
        expect(10, false, 100, 0, 3);
        end(rig, &sweep);
}

/* A process counts as changed after the start and the end of a thread, and with another parent, each time once. */
static void test_process_changes(void) {
        Sweep sweep;
        Rig *rig = begin(&sweep);

        add(rig, 5, 5, 50);
        add(rig, 6, 6, 60);
        add(rig, 10, 10, 100);
        sweep_all(&sweep, false, true, 256);
        add(rig, 10, 11, 110);
        sweep_all(&sweep, false, true, 256);
        expect(10, true, 210, 2, 2);
        rig_record(rig, RECORD(11, 10, 1000, 0, 0, "task", .run_ns = 110));
        rig_exit(rig, 10, 11, 0);
        rig_turn(rig);
        sweep_all(&sweep, false, true, 256);
        expect(10, true, 210, 2, 3);
        sweep_all(&sweep, false, true, 256);
        expect(10, true, 210, 2, 3);
        assert(parents_set(&rig->join.table, task_table_get_process(&rig->join.table, 10), 5));
        sweep_all(&sweep, false, true, 256);
        expect(10, true, 210, 2, 5);
        assert(parents_set(&rig->join.table, task_table_get_process(&rig->join.table, 10), 6));
        sweep_all(&sweep, false, true, 256);
        expect(10, true, 210, 2, 6);
        /* the parent ends, and the adopter is not read yet */
        rig_record(rig, RECORD(6, 6, 1000, 0, 0, "task"));
        rig_exit(rig, 6, 6, 0);
        rig_turn(rig);
        kernel.run_ns[6] = 0;
        sweep_all(&sweep, false, true, 256);
        expect(10, true, 210, 2, 7);
        sweep_all(&sweep, false, true, 256);
        expect(10, true, 210, 2, 7);
        end(rig, &sweep);
}

/* One step of the life of a process: what the kernel answers then, and the peaks that its totals have. */
typedef struct PeakStep PeakStep;
typedef struct PeakRow PeakRow;

struct PeakStep {
        const char *what;
        bool exec;
        uint64_t rss_kib, vm_kib;       /* the answer has these; 0: nobody samples */
        uint64_t want_rss_kib, want_vm_kib;
};

struct PeakRow {
        const char *what;
        bool threads;
        PeakStep steps[5];
        uint64_t record_kib, want_exit_kib;     /* 0: the exit has no totals, as the record has all */
};

#define OVER_16_TIB 21474836484

static const PeakRow peak_rows[] = {
        { "exec after a sample", false,
          { { "before", false, 204800, 300000, 204800, 300000 }, { "after", true, 1200, 2400, 204800, 300000 } },
          1300, 204800 },
        { "exec to a larger program", false,
          { { "before", false, 1200, 2400, 1200, 2400 }, { "after", true, 8000, 9000, 8000, 9000 } }, 8000, 0 },
        { "exec twice", false,
          { { "before", false, 5000, 6000, 5000, 6000 }, { "one", true, 9000, 100, 9000, 6000 },
            { "two", true, 40, 80, 9000, 6000 } }, 40, 9000 },
        { "exec between two samples", false,
          { { "before", false, 5000, 6000, 5000, 6000 }, { "not sampled", true, 0, 0, 0, 0 },
            { "two", true, 40, 80, 5000, 6000 } }, 40, 5000 },
        { "peak set back without an exec", false,
          { { "before", false, 5000, 6000, 5000, 6000 }, { "after", false, 4000, 6000, 5000, 6000 } }, 4000, 5000 },
        { "more than 16 TiB", false,
          { { "before", false, 5000, OVER_16_TIB, 5000, OVER_16_TIB }, { "after", true, 40, 80, 5000, OVER_16_TIB } },
          40, 5000 },
        { "threads", true,
          { { "before", false, 5000, 6000, 5000, 6000 }, { "after", false, 5200, 6400, 5200, 6400 } }, 5200, 5200 },
};

static void peaks_check_step(Rig *rig, Sweep *sweep, const PeakStep *step) {
        if (step->exec)
                rig_exec(rig, 20);
        rig_turn(rig);
        if (!step->rss_kib)
                return;
        kernel.rss_kib[20] = kernel.rss_kib[21] = step->rss_kib;
        kernel.vm_kib[20] = kernel.vm_kib[21] = step->vm_kib;
        sweep_all(sweep, true, true, 256);
        assert(find(20, true)->stats.hiwater_rss_kib == step->want_rss_kib);
        assert(find(20, true)->stats.hiwater_vm_kib == step->want_vm_kib);
        /* the task has the peaks of its memory alone */
        assert(find(20, false)->stats.hiwater_rss_kib == step->rss_kib);
}

static const Event *peaks_end_task(Rig *rig, uint32_t tid, uint8_t flags, uint64_t rss_kib) {
        rig_skip(rig);
        rig_record(rig, RECORD(tid, 20, 1000, 0, flags, "task", .rss_kib = rss_kib, .vm_kib = (uint64_t)1 << 40));
        rig_exit(rig, 20, tid, 0);
        rig_turn(rig);
        return rig_expect(rig, EVENT_EXIT, 20, tid);
}

/* The peaks of a process never fall, as the peaks of its memory do at an exec. Its exit has the same peaks. */
static void test_peaks(void) {
        for (size_t i = 0; i < ARRAY_SIZE(peak_rows); ++i) {
                const PeakRow *row = &peak_rows[i];
                const TaskStats *totals;
                const Event *event;
                Sweep sweep;
                Rig *rig = begin(&sweep);

                add(rig, 20, 20, 200);
                if (row->threads)
                        add(rig, 20, 21, 210);
                for (const PeakStep *step = row->steps; step->what; ++step)
                        peaks_check_step(rig, &sweep, step);
                if (row->threads)
                        peaks_end_task(rig, 21, 0, row->record_kib);
                event = peaks_end_task(rig, 20, AC_FLAG_GROUP, row->record_kib);
                totals = event->exit.process_stats;
                assert(event->exit.process_ended && event->exit.stats->hiwater_rss_kib == row->record_kib);
                assert(!!totals == (row->want_exit_kib > 0));
                assert(!totals || totals->hiwater_rss_kib == row->want_exit_kib);
                assert(!totals || totals->tasks == 1u + row->threads);
                end(rig, &sweep);
        }
}

/* One live thread is not the whole process, if the broker may not have seen other threads that ended. */
static void test_unseen(void) {
        Sweep sweep;
        Rig *rig = begin(&sweep);

        for (uint32_t pid = 10; pid <= 30; pid += 10)
                add(rig, pid, pid, 100);
        task_table_get_process(&rig->join.table, 20)->seeded = false;
        task_table_get(&rig->join.table, 30)->flags |= TASK_KERNEL;
        sweep_all(&sweep, true, true, 256);
        expect(10, true, 100, 1, 1);
        expect(20, true, 100, 0, 1);
        expect(30, true, 100, 0, 1);
        for (uint32_t pid = 10; pid <= 30; pid += 10) {
                assert(find(pid, true)->stats.tasks_unseen == (pid == 10));
                assert(!find(pid, false)->stats.tasks_unseen && find(pid, false)->stats.tasks == 0);
        }
        end(rig, &sweep);
}

/*
 * A sum that lacks an answer is reported without statistics, as the process may have run. The
 * next complete sum is reported, even if nothing ran.
 */
static void test_lost(void) {
        Sweep sweep;
        Rig *rig = begin(&sweep);

        add(rig, 20, 20, 200);
        add(rig, 20, 21, 210);
        kernel.lost[21] = true;
        n_lost_reports = 0;
        sweep_all(&sweep, true, true, 256);
        assert(n_reports == 1 && sweep.n_lost == 1 && n_lost_reports == 3);
        expect(20, false, 200, 0, 1);
        kernel.lost[21] = false;
        sweep_all(&sweep, false, true, 256);
        expect(20, true, 410, 2, 2);
        assert(n_lost_reports == 3);
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
        expect(1, true, 7, 1, 1);
        expect(100, true, 600 * 1000, 600, 1);
        expect(900, true, 9, 1, 1);

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
        assert(!answers[0].stats && !answers[0].gone && answers[0].lost && answers[0].pid == 20);
        assert(!answers[1].stats && !answers[1].gone && answers[1].lost && answers[1].tid == 21);

        /* a process of one thread has not gone only because the answer was lost */
        pids[0] = 11;
        kernel.lost[11] = true;
        ask(rig, pids, 1, NULL, 0);
        assert(!answers[0].stats && !answers[0].gone && answers[0].lost && answers[0].pid == 11);
        pids[0] = 20;

        /* a task that the client may not see is not queried */
        not_shown = 20;
        kernel.n_asks = 0;
        ask(rig, pids, 1, tids, 1);
        assert(kernel.n_asks == 0 && answers[0].gone && answers[1].gone);
        not_shown = 0;
        end(rig, &sweep);
}

/* Sweeps all tasks, with the work of each slice within its bound; returns the number of slices. */
static size_t sweep_bounded(Sweep *sweep, bool of_tasks) {
        size_t n_slices = 0;

        n_reports = 0;
        sweep_start(sweep, of_tasks, !of_tasks);
        for (; sweep->running; ++n_slices) {
                uint64_t n_steps = sweep_consumer.n_steps;

                assert(sweep_slice(sweep, 256) == 0);
                n_steps = sweep_consumer.n_steps - n_steps;
                assert(n_steps <= 2 * SWEEP_SLICE_STEPS + n_choice_steps);
        }
        return n_slices;
}

/* A slice ends by its work, though no task is wanted, or few, and though the filters take many steps. */
static void test_bounded(void) {
        static const uint64_t steps[] = { 1, 500, 20000, SWEEP_SLICE_STEPS };
        Sweep sweep;
        Rig *rig = begin(&sweep);

        for (uint32_t pid = 10; pid < 3010; ++pid)
                add(rig, pid, pid, pid);
        for (size_t i = 0; i < ARRAY_SIZE(steps); ++i) {
                size_t n_slices;

                n_choice_steps = n_take_steps = sweep_consumer.n_steps_of_task = steps[i];
                only_wanted = UINT32_MAX;
                n_slices = sweep_bounded(&sweep, false);
                assert(n_reports == 0 && n_slices >= 3000 * steps[i] / SWEEP_SLICE_STEPS && n_slices <= 3001);
                only_wanted = 2000;
                (void)sweep_bounded(&sweep, true);
                assert(n_reports == 1 && find(2000, false));
                only_wanted = 0;
                (void)sweep_bounded(&sweep, false);
                assert(n_reports == 3000);
        }
        end(rig, &sweep);
}

/* A process with more threads than a slice has steps for is wanted for the sake of its last thread, or not at all. */
static void test_bounded_threads(void) {
        static const uint64_t steps[] = { 1, 500, SWEEP_SLICE_STEPS };
        Sweep sweep;
        Rig *rig = begin(&sweep);

        add(rig, 10, 10, 10);
        for (uint32_t tid = 20; tid < 1020; ++tid)
                add(rig, 20, tid, tid);
        add(rig, 2000, 2000, 2000);
        for (size_t i = 0; i < ARRAY_SIZE(steps); ++i) {
                n_choice_steps = n_take_steps = sweep_consumer.n_steps_of_task = steps[i];
                only_wanted = 1019;
                (void)sweep_bounded(&sweep, true);
                assert(n_reports == 1000 && find(1019, false));
                only_wanted = UINT32_MAX;
                (void)sweep_bounded(&sweep, true);
                assert(n_reports == 0);
                only_wanted = 2000;
                (void)sweep_bounded(&sweep, true);
                assert(n_reports == 1 && find(2000, false));
        }
        end(rig, &sweep);
}

/* The process ends while it is chosen over several slices, and its number is given to another one. */
static void test_end_while_chosen(void) {
        Sweep sweep;
        Rig *rig = begin(&sweep);

        for (uint32_t tid = 20; tid < 30; ++tid)
                add(rig, 20, tid, tid);
        add(rig, 40, 40, 40);
        n_choice_steps = SWEEP_SLICE_STEPS;
        only_wanted = 40;
        n_reports = 0;
        sweep_start(&sweep, true, false);
        while (!sweep.choosing)
                assert(sweep_slice(&sweep, 256) == 0);
        assert(sweep.sum.pid == 20);
        task_table_end_process(&rig->join.table, task_table_get_process(&rig->join.table, 20));
        while (sweep.running)
                assert(sweep_slice(&sweep, 256) == 0);
        assert(n_reports == 1 && find(40, false));
        end(rig, &sweep);
}

int main(void) {
        log_init(LOG_LEVEL_ERR);
        test_changes();
        test_renumber();
        test_reported_again();
        test_process_changes();
        test_peaks();
        test_unseen();
        test_lost();
        test_record_of_one_that_is_gone();
        test_large();
        test_request();
        test_bounded();
        test_bounded_threads();
        test_end_while_chosen();
        return 0;
}
