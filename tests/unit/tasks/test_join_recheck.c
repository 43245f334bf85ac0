/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/*
 * JoinRecheck: names that were not read at an exec. Events and readings come in random orders.
 * A name that is not marked as stale is right as soon as the kernel's queue was read. In the
 * end all names are right.
 */

#include "broker/tasks/join_recheck.h"
#include "broker/tasks/procfs.h"
#include "tests/unit/join_rig.h"
#include "tests/unit/made_proc.h"
#include "tests/unit/thread_clock.h"

#define INIT 1u
#define FIRST 100u
#define N_PROCESSES 6u
#define N_STEPS 250u
#define IDS "Uid:\t1000\t1000\t1000\t1000\nGid:\t2000\t2000\t2000\t2000\n"

typedef struct Truth Truth;

/* A process as the machine has it. */
struct Truth {
        bool alive;
        uint32_t name;          /* its first four characters, which are all */
        uint64_t start_ns;      /* monotonic */
};

static Truth truths[N_PROCESSES];

static void truth_text(const Truth *truth, char text[static COMM_SIZE]) {
        memset(text, 0, COMM_SIZE);
        memcpy(text, &truth->name, sizeof(truth->name));
}

/* /proc has what the process is now, whatever the broker has read. */
static void truth_show(Rig *rig, uint32_t i) {
        uint32_t pid = FIRST + i;
        char comm[COMM_SIZE], path[32], line[COMM_SIZE + 2];

        truth_text(&truths[i], comm);
        proc_add_stat(&rig->procfs, &(ProcTask){ .pid = pid, .tid = pid, .comm = comm, .n_threads = 1,
                                                 .start = proc_ticks(rig_wall(truths[i].start_ns)) });
        proc_add_status(&rig->procfs, pid, pid, comm, IDS);
        snprintf(path, sizeof(path), "%u/comm", pid);
        snprintf(line, sizeof(line), "%s\n", comm);
        tree_write_text(&rig->procfs, path, line);
}

static void truth_hide(Rig *rig, uint32_t i) {
        static const char *const files[] = { "comm", "task/%u/stat", "task/%u/status" };
        char path[64], file[32];

        for (size_t k = 0; k < ARRAY_SIZE(files); ++k) {
                snprintf(file, sizeof(file), k == 0 ? "comm" : k == 1 ? "task/%u/stat" : "task/%u/status", FIRST + i);
                snprintf(path, sizeof(path), "%u/%s", FIRST + i, file);
                assert(unlinkat(rig->procfs.fd, path, 0) == 0);
        }
}

static void set_now(Rig *rig) {
        rig->now = MAX(rig->now, (uint64_t)clock_read_ns(CLOCK_MONOTONIC));
}

static void do_fork(Rig *rig, uint32_t i, uint32_t parent) {
        truths[i] = (Truth){ .alive = true, .name = truths[parent].name };
        truths[i].start_ns = rig_fork(rig, FIRST + parent, FIRST + i, FIRST + i);
        truth_show(rig, i);
}

static void do_exec(Rig *rig, uint32_t i, uint32_t name) {
        truths[i].name = name;
        truth_show(rig, i);
        rig_exec(rig, FIRST + i);
}

static void do_rename(Rig *rig, uint32_t i, uint32_t name) {
        truths[i].name = name;
        truth_show(rig, i);
        rig_say(rig, WHAT_COMM, FIRST + i, FIRST + i, name, 0, 0, 0);
}

static void do_exit(Rig *rig, uint32_t i) {
        char comm[COMM_SIZE];

        truth_text(&truths[i], comm);
        truths[i].alive = false;
        truth_hide(rig, i);
        rig_record(rig, RECORD(FIRST + i, FIRST + i, 1, 0, AC_FLAG_GROUP, comm));
        rig_exit(rig, FIRST + i, FIRST + i, 0);
}

static uint32_t random_name(uint64_t *state) {
        return (uint32_t)('a' + random_below(state, 26)) | (uint32_t)('a' + random_below(state, 26)) << 8;
}

/* One thing of those that can happen. Process 0 lives on. */
static void step(Rig *rig, uint64_t *state) {
        uint32_t i = (uint32_t)random_below(state, N_PROCESSES);
        uint32_t parent = (uint32_t)random_below(state, N_PROCESSES);

        set_now(rig);
        if (!truths[i].alive)
                return do_fork(rig, i, truths[parent].alive ? parent : 0);
        switch (random_below(state, 5)) {
        case 0:
                if (i > 0)
                        do_exit(rig, i);
                return;
        case 1:
                return do_rename(rig, i, random_name(state));
        default:
                return do_exec(rig, i, random_name(state));
        }
}

/* The queue was read empty: names are right, or marked. @settled: they are right. */
static void check(const Rig *rig, bool settled) {
        for (uint32_t i = 0; i < N_PROCESSES; ++i) {
                const Task *task = task_table_get(&rig->join.table, FIRST + i);
                char comm[COMM_SIZE];

                assert(!task == !truths[i].alive);
                if (!task)
                        continue;
                truth_text(&truths[i], comm);
                assert(!settled || !(task->flags & TASK_STALE));
                assert((task->flags & TASK_COMM_STALE) || memcmp(task->comm, comm, COMM_SIZE) == 0);
        }
}

/* Each event says as much as the table. Names that became known are reported, and as what they are. */
static void check_events(Rig *rig, char shown[static N_PROCESSES][COMM_SIZE], bool stale[static N_PROCESSES]) {
        while (rig->i_event < rig->n_events) {
                const Event *event = &rig->events[rig->i_event++].event;
                uint32_t i = event->pid - FIRST;

                /* an owner became known, whose name was */
                if (event->only_for_sets)
                        continue;
                assert(i < N_PROCESSES);
                if (event->synthesised)
                        assert(event->kind == EVENT_COMM && stale[i] && !event->comm_stale);
                if (event->kind == EVENT_EXIT)
                        assert(!event->comm_stale);
                memcpy(shown[i], event->comm, COMM_SIZE);
                stale[i] = event->comm_stale;
        }
        for (size_t k = 0; k < rig->n_events; ++k)
                free(rig->events[k].program);
        memset(rig->events, 0, rig->n_events * sizeof(*rig->events));
        rig->n_events = rig->i_event = 0;
}

/* A client has the names and marks of the table from the events alone. */
static void check_client(const Rig *rig, char shown[static N_PROCESSES][COMM_SIZE], const bool *stale) {
        for (uint32_t i = 0; i < N_PROCESSES; ++i) {
                const Task *task = task_table_get(&rig->join.table, FIRST + i);

                if (task)
                        assert(memcmp(shown[i], task->comm, COMM_SIZE) == 0 &&
                               stale[i] == !!(task->flags & TASK_COMM_STALE));
        }
}

static void test_random(uint64_t seed) {
        Rig *rig = rig_new();
        char shown[N_PROCESSES][COMM_SIZE] = {};
        bool stale[N_PROCESSES] = {};
        unsigned int n_unread = 0, n_busy = 0;
        Task *first;

        memset(truths, 0, sizeof(truths));
        set_now(rig);
        truths[0] = (Truth){ .alive = true, .name = 'z', .start_ns = rig->join.start_ns - 60 * NSEC_PER_SEC };
        first = rig_seed(rig, FIRST, FIRST, "z");
        memcpy(shown[0], first->comm, COMM_SIZE);
        first->egid = first->rgid = 2000;
        for (unsigned int k = 0; k < N_STEPS; ++k) {
                step(rig, &seed);
                ++n_unread;
                /* no time for /proc, for a while */
                rig->join.comm_reader.refilled_ns = (uint64_t)clock_read_ns(CLOCK_MONOTONIC);
                rig->join.comm_reader.n_tokens = random_below(&seed, 2) ? 0 : 1000;
                if (random_below(&seed, 4) == 0) {
                        int r = join_recheck_queue(&rig->join);

                        n_busy += r == JOIN_RECHECK_E_BUSY;
                        assert(r == JOIN_RECHECK_E_BUSY || n_unread == 0 || rig->join.table.recheck_queue.n == 0 ||
                               !rig->join.connector->empty || r == 0);
                }
                if (n_unread >= 8 || random_below(&seed, 4) == 0) {
                        rig_turn(rig);
                        n_unread = 0;
                        check(rig, false);
                        check_events(rig, shown, stale);
                        check_client(rig, shown, stale);
                        if (random_below(&seed, 8) == 0)
                                assert(join_recheck_queue(&rig->join) == 0);
                        check(rig, false);
                }
        }
        assert(n_busy > 0 && rig->join.table.recheck_queue.n_read > 0 && rig->join.table.recheck_queue.n_ended > 0);

        rig_turn(rig);
        while (rig->join.table.recheck_queue.n > 0)
                assert(join_recheck_queue(&rig->join) == 0);
        check(rig, true);
        check_events(rig, shown, stale);
        check_client(rig, shown, stale);
        rig_free(rig);
}

/*
 * More tasks than any queue of fixed length has room for: none is forgotten, and a slice is bounded. @slow: a
 * reading takes longer than a slice may, so that a slice makes one.
 */
static void test_many(bool slow) {
        enum { N = 100 };
        Rig *rig = rig_new();
        RecheckQueue *queue = &rig->join.table.recheck_queue;
        size_t n_slices = 0;

        rig_seed(rig, INIT, INIT, "init");
        for (uint32_t pid = FIRST; pid < FIRST + N; ++pid) {
                uint64_t start_ns = rig_fork(rig, INIT, pid, pid);

                rig_exec(rig, pid);
                rig_turn(rig);
                proc_add_stat(&rig->procfs, &(ProcTask){ .pid = pid, .tid = pid, .comm = "known", .n_threads = 1,
                                                         .start = proc_ticks(rig_wall(start_ns)) });
                proc_add_status(&rig->procfs, pid, pid, "known", IDS);
        }
        assert(queue->n == N && queue->n_read == 0);
        rig_skip(rig);
        thread_clock_step_ns = slow ? PROCFS_SLICE_NS + 1 : 0;
        for (; queue->n > 0; ++n_slices)
                assert(join_recheck_queue(&rig->join) == 0);
        thread_clock_step_ns = 0;
        assert(queue->n_read == N && queue->n_ended == 0 && n_slices == (slow ? N : (N + 47) / 48));
        for (uint32_t pid = FIRST; pid < FIRST + N; ++pid) {
                const Event *event = rig_expect(rig, EVENT_EXEC, pid, pid);

                assert(event->synthesised && event->only_for_sets && strcmp(event->comm, "known") == 0);
                event = rig_expect(rig, EVENT_COMM, pid, pid);
                assert(event->synthesised && !event->comm_stale && strcmp(event->comm, "known") == 0);
        }
        rig_free(rig);
}

/* Hidden processes are read in turn, some at each tick: as many as the time of a slice allows, and one at least. */
static void test_hidden_and_slow(void) {
        enum { N = 10 };
        Rig *rig = rig_new();

        for (uint32_t pid = FIRST; pid < FIRST + N; ++pid) {
                Task *task = rig_seed(rig, pid, pid, "hidden");

                task->flags |= TASK_NONDUMPABLE;
                task->process->suspect = true;
        }
        rig->join.recheck_tid = 1;
        thread_clock_step_ns = PROCFS_SLICE_NS + 1;
        for (uint32_t pid = FIRST; pid < FIRST + N; ++pid) {
                join_recheck_hidden(&rig->join);
                assert(rig->join.recheck_tid == pid + 1);
        }
        thread_clock_step_ns = 0;
        rig->join.recheck_tid = 1;
        join_recheck_hidden(&rig->join);
        assert(rig->join.recheck_tid == 1);
        rig_free(rig);
}

/* A process that cannot be read: it has ended, or another has its number; or its exit comes. */
static void test_gone(void) {
        Rig *rig = rig_new();
        RecheckQueue *queue = &rig->join.table.recheck_queue;
        uint64_t start_ns;

        rig_seed(rig, INIT, INIT, "init");
        rig_fork(rig, INIT, 100, 100);
        rig_exec(rig, 100);
        start_ns = rig_fork(rig, INIT, 101, 101);
        rig_exec(rig, 101);
        rig_fork(rig, INIT, 102, 102);
        rig_exec(rig, 102);
        rig_turn(rig);
        assert(queue->n == 3);
        /* 101 belongs to a younger process */
        proc_add(&rig->procfs, &(ProcTask){ .pid = 101, .tid = 101, .comm = "younger",
                                            .start = proc_ticks(rig_wall(start_ns + NSEC_PER_SEC)) });
        rig_record(rig, RECORD(102, 102, 1, 0, AC_FLAG_GROUP, "last"));
        rig_exit(rig, 102, 102, 0);
        rig_turn(rig);
        assert(queue->n == 2 && queue->n_ended == 1);
        assert(join_recheck_queue(&rig->join) == 0);
        assert(queue->n == 0 && queue->n_ended == 3 && queue->n_read == 0);
        assert(task_table_get(&rig->join.table, 101)->flags & TASK_COMM_STALE);
        rig_skip(rig);
        rig_free(rig);
}

/* The leader ends before its process: its record has the name, which is reported before the exit. */
static void test_leader(void) {
        Rig *rig = rig_new();
        const Event *event;

        rig_seed(rig, INIT, INIT, "init");
        rig_fork(rig, INIT, 100, 100);
        rig_exec(rig, 100);
        rig_fork(rig, INIT, 100, 101);
        rig_turn(rig);
        rig_skip(rig);
        rig_record(rig, RECORD(100, 100, 1, 0, 0, "name"));
        rig_exit(rig, 100, 100, 0);
        rig_turn(rig);
        event = rig_expect(rig, EVENT_EXEC, 100, 100);
        assert(event->synthesised && event->only_for_sets && strcmp(event->comm, "name") == 0);
        event = rig_expect(rig, EVENT_COMM, 100, 100);
        assert(event->synthesised && strcmp(event->comm, "name") == 0 && !event->comm_stale);
        assert(strcmp(rig_expect(rig, EVENT_EXIT, 100, 100)->comm, "name") == 0);
        /* the thread has its name from the leader at a time when that was not known */
        assert(task_table_get(&rig->join.table, 101)->flags & TASK_COMM_STALE);
        assert(!(task_table_get_leader(&rig->join.table, 100)->flags & TASK_COMM_STALE));
        rig_free(rig);
}

/* The exec of a process reaches a feed that selects by name exactly once, at the latest before its exit. */
static void test_exec_in_sets(void) {
        static const struct {
                const char *what;
                bool execs, read, renamed_thread, ends;
                unsigned int n_late;    /* execs that are sent late */
        } rows[] = {
                { "read later", true, true, false, false, 1 },
                { "read later, then ended", true, true, false, true, 1 },
                { "ended before it was read", true, false, false, true, 1 },
                { "never read", true, false, false, false, 0 },
                { "a thread has a name already", true, true, true, false, 0 },
                { "no exec since the fork", false, true, false, true, 0 },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); ++i) {
                Rig *rig = rig_new();
                unsigned int n_late = 0;
                uint64_t start_ns;

                rig_seed(rig, INIT, INIT, "init");
                rig_fork(rig, INIT, 100, 100);
                rig_exec(rig, 100);
                start_ns = rig_fork(rig, 100, 101, 101);
                if (rows[i].execs)
                        rig_exec(rig, 101);
                if (rows[i].renamed_thread) {
                        rig_fork(rig, 101, 101, 102);
                        rig_say(rig, WHAT_COMM, 102, 101, 'x', 0, 0, 0);
                }
                rig_turn(rig);
                assert(task_table_get(&rig->join.table, 101)->flags & TASK_COMM_STALE);
                proc_add_stat(&rig->procfs, &(ProcTask){ .pid = 101, .tid = 101, .comm = "known", .n_threads = 1,
                                                         .start = proc_ticks(rig_wall(start_ns)) });
                proc_add_status(&rig->procfs, 101, 101, "known", IDS);
                if (rows[i].read)
                        assert(join_recheck_queue(&rig->join) == 0);
                if (rows[i].ends) {
                        rig_record(rig, RECORD(101, 101, 1, 0, AC_FLAG_GROUP, "known"));
                        rig_exit(rig, 101, 101, 0);
                        rig_turn(rig);
                }
                for (; rig->i_event < rig->n_events; ++rig->i_event) {
                        const Event *event = &rig->events[rig->i_event].event;

                        if (event->pid != 101 || event->kind != EVENT_EXEC || !event->synthesised)
                                continue;
                        assert(event->only_for_sets && !event->comm_stale && strcmp(event->comm, "known") == 0);
                        ++n_late;
                }
                assert(n_late == rows[i].n_late);
                rig_free(rig);
        }
}

int main(void) {
        log_init(LOG_LEVEL_ERR);
        rig_has_late_execs = true;
        for (uint64_t seed = 1; seed <= 3; ++seed)
                test_random(seed);
        test_many(false);
        test_many(true);
        test_hidden_and_slow();
        test_gone();
        test_leader();
        test_exec_in_sets();
        return 0;
}
