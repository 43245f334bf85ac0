/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/*
 * The live model without a broker: the values of rows after samples, snapshots and events,
 * in the orders that two connections can bring.
 */

#include <math.h>
#include <stdlib.h>

#include "clients/cli/model/live.h"
#include "tests/unit/live_rig.h"

static bool near(double a, double b) { return fabs(a - b) < 1e-6 * (1 + fabs(b)); }

static void test_differences(void) {
        Made busy = {.pid = 10, .start = -100, .cpu_ns = 5000, .read_bytes = 1024}, idle = {.pid = 11, .start = -50};
        uint64_t value;
        double rate;
        Live live;

        live_init(&live);
        assert(live_machine_rate(&live, METRIC_CPU, &rate) == METRIC_NOT_YET);
        send_row(&live, &busy, 0.5);
        send_row(&live, &idle, 0.6);
        send_sample(&live, 1, true);
        assert(live.n_rows == 2 && live.n_alive == 2 && live.n_changed == 2);

        /* Totals are known at once, the use only from the second sample on. */
        assert(live_total(&live, row_of(&live, &busy), METRIC_CPU, &value) == METRIC_KNOWN && value == 5000);
        assert(unknown_of(&live, &busy, METRIC_CPU) == METRIC_NOT_YET);
        assert(unknown_of(&live, &idle, METRIC_CPU) == METRIC_NOT_YET);
        assert(live_machine_rate(&live, METRIC_CPU, &rate) == METRIC_NOT_YET);
        assert(live_accumulated(&live, row_of(&live, &busy), METRIC_CPU, &value) == METRIC_KNOWN && value == 0);

        /*
         * The two values of the row are 1.2 s apart, the ends of the samples 1 s. The rate of the row is over its own
         * span. The rate of the machine is the sum of the rates of its rows.
         */
        busy.cpu_ns += 600;
        busy.read_bytes += 4096;
        send_row(&live, &busy, 1.7);
        send_sample(&live, 2, false);
        assert(live.n_changed == 1 && live.changed[0] == row_of(&live, &busy));
        assert(used_of(&live, &busy, METRIC_CPU) == 600);
        assert(used_of(&live, &busy, METRIC_READ) == 4096);
        assert(used_of(&live, &busy, METRIC_WRITE) == 0);
        assert(used_of(&live, &idle, METRIC_CPU) == 0);
        assert(live_rate(&live, row_of(&live, &busy), METRIC_CPU, &rate) == METRIC_KNOWN && near(rate, 500));
        assert(live_machine_rate(&live, METRIC_CPU, &rate) == METRIC_KNOWN && near(rate, 500));

        /* The task was not in the sample before, as it did not run: its rate is over the span of the sample. */
        send_sample(&live, 3, false);
        assert(used_of(&live, &busy, METRIC_CPU) == 0);
        busy.cpu_ns += 100;
        idle.cpu_ns += 40;
        send_row(&live, &busy, 4.9);
        send_row(&live, &idle, 4.1);
        send_sample(&live, 5, false);
        assert(live_rate(&live, row_of(&live, &busy), METRIC_CPU, &rate) == METRIC_KNOWN && near(rate, 50));
        assert(live_rate(&live, row_of(&live, &idle), METRIC_CPU, &rate) == METRIC_KNOWN && near(rate, 20));
        assert(live_machine_rate(&live, METRIC_CPU, &rate) == METRIC_KNOWN && near(rate, 70));
        assert(live_accumulated(&live, row_of(&live, &busy), METRIC_CPU, &value) == METRIC_KNOWN && value == 700);
        assert(live.total_used[METRIC_CPU] == 740);

        live_deinit(&live);
}

static void test_forks_and_ends(void) {
        Made shell = {.pid = 10, .start = -100}, child = {.pid = 20, .start = 1.5, .comm = "child"};
        Made brief = {.pid = 21, .start = 1.6, .comm = "brief", .cpu_ns = 7, .write_bytes = 8192};
        Made foreign = {.pid = 22, .start = -20, .cpu_ns = 1000};
        struct tb_event event;
        uint64_t value;
        Live live;

        live_init(&live);
        send_row(&live, &shell, 1);
        send_sample(&live, 1, true);

        /* The event of a fork makes a row at once. */
        event = made_event(TB_KIND_FORK, &child, 1.5);
        send_event(&live, &event);
        assert(live.n_alive == 2 && strcmp(row_of(&live, &child)->comm, "child") == 0);
        assert(unknown_of(&live, &child, METRIC_CPU) == METRIC_NOT_YET);

        /* The use of a new task is its total. The use of an older task that entered the filter is unknown. */
        child.cpu_ns = 50;
        send_row(&live, &child, 2);
        send_ended(&live, &brief, 1.7);
        send_row(&live, &foreign, 2);
        send_sample(&live, 2, false);
        assert(used_of(&live, &child, METRIC_CPU) == 50);
        assert(used_of(&live, &brief, METRIC_CPU) == 7 && used_of(&live, &brief, METRIC_WRITE) == 8192);
        assert(unknown_of(&live, &foreign, METRIC_CPU) == METRIC_NOT_YET);
        assert(live_accumulated(&live, row_of(&live, &child), METRIC_CPU, &value) == METRIC_KNOWN && value == 50);
        assert(row_of(&live, &brief)->ended && live.n_alive == 3 && live.n_rows == 4);
        assert(live.total_used[METRIC_CPU] == 57);

        /* The event of an exit marks the row at once. The last values come with the sample. */
        event = made_event(TB_KIND_EXIT, &child, 2.5);
        send_event(&live, &event);
        assert(row_of(&live, &child)->exited && !row_of(&live, &child)->ended);
        assert(row_of(&live, &child)->termination.exit_code == 3);
        child.cpu_ns = 80;
        send_ended(&live, &child, 2.5);
        send_sample(&live, 3, false);
        assert(row_of(&live, &child)->ended && used_of(&live, &child, METRIC_CPU) == 30);
        assert(used_of(&live, &brief, METRIC_CPU) == 0);

        /* Ended rows stay for a while, and in any case until the next sample. */
        live_expire(&live, AT(1.7) + LIVE_ENDED_NS);
        assert(!row_of(&live, &brief) && row_of(&live, &child));
        live_expire(&live, AT(100));
        assert(row_of(&live, &child));
        send_sample(&live, 101, false);
        live_expire(&live, AT(101));
        assert(!row_of(&live, &child) && live.n_rows == 2 && live.n_alive == 2);

        /* The exit was reported, but no sample has the last values: they are lost, not 0. */
        event = made_event(TB_KIND_EXIT, &shell, 101.5);
        send_event(&live, &event);
        send_sample(&live, 102, false);
        assert(!row_of(&live, &shell)->ended);
        send_sample(&live, 104, false);
        assert(row_of(&live, &shell)->ended && unknown_of(&live, &shell, METRIC_CPU) == METRIC_LOST);
        live_deinit(&live);
}

/* The task ended after it was sampled: the sample has the task twice. Its use is counted once. */
static void test_twice(void) {
        Made task = { .pid = 10, .start = -10, .cpu_ns = 100 };
        Live live;

        live_init(&live);
        send_row(&live, &task, 1);
        send_sample(&live, 1, true);
        task.cpu_ns = 130;
        send_row(&live, &task, 1.9);
        task.cpu_ns = 137;
        send_ended(&live, &task, 1.95);
        send_sample(&live, 2, false);
        assert(live.n_changed == 1 && used_of(&live, &task, METRIC_CPU) == 37);
        assert(live.sample.used[METRIC_CPU] == 37 && row_of(&live, &task)->ended);
        assert(live.exited.total.n_ended == 1);
        live_deinit(&live);
}

/* A number is used again. Both connections report the new task before the end of the old task. */
static void test_reuse(void) {
        Made first = {.pid = 10, .start = -100, .cpu_ns = 100}, second = {.pid = 10, .start = 1.5, .cpu_ns = 1};
        struct tb_event event;
        Live live;

        live_init(&live);
        send_row(&live, &first, 1);
        send_sample(&live, 1, true);
        event = made_event(TB_KIND_FORK, &second, 1.5);
        send_event(&live, &event);
        event = made_event(TB_KIND_EXIT, &first, 1.4);
        send_event(&live, &event);
        assert(!row_of(&live, &second)->exited && row_of(&live, &first)->exited);
        assert(live_find(&live, 10) == row_of(&live, &second));

        send_row(&live, &second, 2);
        first.cpu_ns = 130;
        send_ended(&live, &first, 1.4);
        send_sample(&live, 2, false);
        assert(used_of(&live, &first, METRIC_CPU) == 30 && row_of(&live, &first)->ended);
        assert(used_of(&live, &second, METRIC_CPU) == 1 && !row_of(&live, &second)->ended);
        live_deinit(&live);
}

static void test_unknown(void) {
        Made others = {.pid = 10, .start = -1, .cpu_ns = 5, .groups = GROUPS_ALL & ~GROUP_IO, .withheld = GROUP_IO};
        Made old = {.pid = 11, .start = -1, .groups = GROUPS_ALL & ~GROUP_DELAYS, .uncounted = GROUP_DELAYS};
        double rate;
        Live live;

        live_init(&live);
        send_row(&live, &others, 1);
        send_row(&live, &old, 1);
        send_sample(&live, 1, true);
        others.cpu_ns = 15;
        send_row(&live, &others, 2);
        send_row(&live, &old, 2);
        send_sample(&live, 2, false);
        assert(used_of(&live, &others, METRIC_CPU) == 10);
        assert(unknown_of(&live, &others, METRIC_READ) == METRIC_WITHHELD);
        assert(unknown_of(&live, &old, METRIC_IO_DELAY) == METRIC_UNCOUNTED);
        assert(live.sample.withheld_groups == GROUP_IO && live.sample.uncounted_groups == GROUP_DELAYS);

        /* No task has its delays counted. So the rate of the machine is unknown, also if no task ran in a sample. */
        others.groups &= ~GROUP_DELAYS;
        others.uncounted = GROUP_DELAYS;
        live_reset(&live, false);
        send_row(&live, &others, 3);
        send_sample(&live, 3, true);
        send_sample(&live, 4, false);
        assert(live_machine_rate(&live, METRIC_IO_DELAY, &rate) == METRIC_UNCOUNTED);
        assert(live_machine_rate(&live, METRIC_CPU, &rate) == METRIC_KNOWN && rate == 0);

        /* A total that becomes known is not the use of this sample. */
        others.groups = GROUPS_ALL;
        others.withheld = others.uncounted = 0;
        others.read_bytes = 1 << 20;
        others.cpu_ns = 20;
        send_row(&live, &others, 5);
        send_sample(&live, 5, false);
        assert(used_of(&live, &others, METRIC_CPU) == 5);
        assert(unknown_of(&live, &others, METRIC_READ) == METRIC_NOT_YET);
        assert(live.sample.used[METRIC_READ] == 0);
        send_row(&live, &others, 6);
        send_sample(&live, 6, false);
        assert(used_of(&live, &others, METRIC_READ) == 0);

        /* A value that is no longer known is not 0. */
        others.groups &= ~GROUP_IO;
        others.withheld = GROUP_IO;
        send_row(&live, &others, 7);
        send_sample(&live, 7, false);
        assert(unknown_of(&live, &others, METRIC_READ) == METRIC_WITHHELD);
        live_deinit(&live);
}

static void test_ended_without_stats(void) {
        Made gone = {.pid = 10, .start = -1, .cpu_ns = 5, .comm = "gone"};
        struct tb_task_sample sample;
        Live live;

        live_init(&live);
        send_row(&live, &gone, 1);
        send_sample(&live, 1, true);
        sample = made_sample(&gone, 1.5);
        sample.ended = true;
        sample.stats_missing = TB_STATS_MISSING_LOST;
        send_message(&live, (struct tb_message){.type = TB_MESSAGE_TASK_SAMPLE, .task_sample = &sample});
        send_sample(&live, 2, false);
        assert(row_of(&live, &gone)->ended);
        assert(unknown_of(&live, &gone, METRIC_CPU) == METRIC_LOST);
        assert(live.exited.n_commands == 1);
        assert(live.exited.commands[0]->n_ended == 1 && live.exited.commands[0]->n_without_stats == 1);
        assert(live.exited.commands[0]->n_known[METRIC_CPU] == 0);
        live_deinit(&live);
}

/* A full sample after a gap: a task that is not in it has ended. The use during the gap counts. */
static void test_full(void) {
        Made stays = {.pid = 10, .start = -10, .cpu_ns = 5}, goes = {.pid = 11, .start = -10};
        Made young = {.pid = 12, .start = 9.9};
        struct tb_event event;
        double rate;
        Live live;

        live_init(&live);
        send_row(&live, &stays, 1);
        send_row(&live, &goes, 1);
        send_sample(&live, 1, true);
        event = made_event(TB_KIND_FORK, &young, 9.9);
        send_event(&live, &event);
        stays.cpu_ns = 95;
        send_row(&live, &stays, 10);
        send_sample(&live, 10, true);
        assert(used_of(&live, &stays, METRIC_CPU) == 90);
        assert(live_rate(&live, row_of(&live, &stays), METRIC_CPU, &rate) == METRIC_KNOWN && near(rate, 10));
        assert(row_of(&live, &goes)->ended && unknown_of(&live, &goes, METRIC_CPU) == METRIC_LOST);
        assert(!row_of(&live, &young)->ended);
        live_deinit(&live);
}

/* A task is the same over a restart of the broker, on whatever time scale. With another start it is another task. */
static void test_restart(void) {
        Made before = {.pid = 10, .start = -10, .cpu_ns = 5}, same = {.pid = 10, .start = -10, .step = 7, .cpu_ns = 9};
        Made other = {.pid = 10, .start = -9.995, .cpu_ns = 20};
        struct tb_link link = {.state = TB_LINK_RESTARTED};
        Live live;

        live_init(&live);
        send_row(&live, &before, 1);
        send_sample(&live, 1, true);
        send_message(&live, (struct tb_message){.type = TB_MESSAGE_LINK, .link = &link});
        send_row(&live, &same, 3);
        send_sample(&live, 3, true);
        assert(live.n_rows == 1 && used_of(&live, &same, METRIC_CPU) == 4);
        assert(row_of(&live, &same)->start_time_ns == AT(-3));

        send_message(&live, (struct tb_message){.type = TB_MESSAGE_LINK, .link = &link});
        send_row(&live, &other, 4);
        send_sample(&live, 4, true);
        assert(live.n_rows == 2 && live.n_alive == 1);
        assert(row_of(&live, &same)->ended && !row_of(&live, &other)->ended);
        assert(live_find(&live, 10) == row_of(&live, &other));
        live_deinit(&live);
}

static void test_filter(void) {
        Made task = {.pid = 10, .start = -10};
        struct tb_event event;
        Live live;

        live_init(&live);
        send_row(&live, &task, 1);
        send_sample(&live, 1, true);
        send_sample(&live, 2, false);
        event = made_event(TB_KIND_UID, &task, 2.5);
        event.left_filter = true;
        send_event(&live, &event);
        assert(live.n_rows == 0 && live.n_alive == 0);
        live_deinit(&live);
}

/* A thread calls exec and becomes the leader: no exit of the thread is reported, but its row ends. */
static void test_threads(void) {
        Made leader = {.pid = 10, .start = -10, .cpu_ns = 1}, thread = {.pid = 10, .tid = 11, .start = -9};
        Made other = {.pid = 12, .tid = 13, .start = -9};
        struct tb_event event;
        Live live;

        live_init(&live);
        live_reset(&live, true);
        send_row(&live, &leader, 1);
        send_row(&live, &thread, 1);
        send_row(&live, &other, 1);
        send_sample(&live, 1, true);
        assert(live.n_rows == 3 && live_find(&live, 11)->pid == 10);
        leader.comm = "new";
        event = made_event(TB_KIND_EXEC, &leader, 3.5);
        send_event(&live, &event);
        assert(strcmp(row_of(&live, &leader)->comm, "new") == 0);
        send_row(&live, &leader, 4);
        send_sample(&live, 4, false);
        assert(row_of(&live, &thread)->ended && !row_of(&live, &leader)->ended && !row_of(&live, &other)->ended);
        live_deinit(&live);
}

/* A new task runs the program of the process that forked it. A number alone names no process. */
static void test_program_of_maker(void) {
        struct tb_program program = {.cmdline = "a\0b", .n_cmdline = 4, .exe = "/a", .n_exe = 2, .cgroup = ""};
        struct tb_task task = {
                .pid = 10, .tid = 10, .start_time_ns = AT(-10), .start_boot_ns = 77, .program = &program};
        Made stranger = {.pid = 12, .start = 1}, thread = {.pid = 10, .tid = 14, .start = 1};
        struct tb_event event;
        Live live;

        live_init(&live);
        send_message(&live, (struct tb_message){.type = TB_MESSAGE_TASK, .task = &task});

        /* A child of an earlier or later process with the number does not, nor a child of one that is not known. */
        for (uint64_t start = 0; start < 150; start += 50) {
                event = made_event(TB_KIND_FORK, &stranger, 1);
                event.fork.parent_pid = 10;
                event.maker = (struct tb_process_id){ .known = start > 0, .pid = 10, .start_boot_ns = start };
                send_event(&live, &event);
                assert(!row_of(&live, &stranger)->program);
        }

        /* A thread runs the program of its process, which is no younger. */
        live.threads = true;
        event = made_event(TB_KIND_FORK, &thread, 1);
        event.start_boot_ns = 76;
        send_event(&live, &event);
        assert(!live_find_task(&live, 14, 76)->program);
        event.start_boot_ns = 77;
        send_event(&live, &event);
        assert(live_find_task(&live, 14, 77)->program->n_cmdline == 4);
        live_deinit(&live);
}

static void test_names(void) {
        struct tb_program program = {.cmdline = "a\0b", .n_cmdline = 4, .exe = "/a", .n_exe = 2, .cgroup = ""};
        struct tb_task task = {
                .pid = 10, .tid = 10, .parent = { .known = true, .pid = 3 },
                .uid = 4, .start_time_ns = AT(-10), .start_boot_ns = AT(-10) - BEGIN_NS / 2,
                .program = &program};
        Made made = {.pid = 10, .start = -10}, child = {.pid = 11, .start = 1};
        struct tb_event event;
        Live live;

        live_init(&live);
        snprintf(task.comm, sizeof(task.comm), "old");
        send_message(&live, (struct tb_message){.type = TB_MESSAGE_TASK, .task = &task});
        assert(strcmp(row_of(&live, &made)->comm, "old") == 0 && row_of(&live, &made)->parent.pid == 3);
        assert(row_of(&live, &made)->program->n_exe == 2 && row_of(&live, &made)->program != &program);

        /* A child runs the program of its parent. */
        event = made_event(TB_KIND_FORK, &child, 1);
        event.fork.parent_pid = 10;
        event.maker = (struct tb_process_id){ .known = true, .pid = 10, .start_boot_ns = task.start_boot_ns };
        send_event(&live, &event);
        assert(row_of(&live, &child)->program->n_cmdline == 4);

        event = made_event(TB_KIND_EXEC, &child, 2);
        snprintf(event.comm, sizeof(event.comm), "exec");
        program.n_cmdline = 2;
        event.exec.program = &program;
        send_event(&live, &event);
        assert(strcmp(row_of(&live, &child)->comm, "exec") == 0 && row_of(&live, &child)->program->n_cmdline == 2);

        event.exec.program = NULL;
        event.comm_stale = true;
        snprintf(event.comm, sizeof(event.comm), "stale");
        send_event(&live, &event);
        assert(strcmp(row_of(&live, &child)->comm, "stale") == 0 && row_of(&live, &child)->comm_stale);

        event = made_event(TB_KIND_COMM, &child, 2);
        snprintf(event.comm, sizeof(event.comm), "comm");
        send_event(&live, &event);
        assert(strcmp(row_of(&live, &child)->comm, "comm") == 0 && !row_of(&live, &child)->comm_stale);

        /* The exit of a thread is not the exit of its process. */
        event = made_event(TB_KIND_EXIT, &child, 3);
        event.exit.process_ended = false;
        send_event(&live, &event);
        assert(!row_of(&live, &child)->exited);

        /* The exit of a process has the start of its leader. An earlier process had the number with another start. */
        event = made_event(TB_KIND_EXIT, &child, 4);
        event.start_boot_ns -= 1;
        send_event(&live, &event);
        assert(!row_of(&live, &child)->exited);
        event = made_event(TB_KIND_EXIT, &child, 4);
        send_event(&live, &event);
        assert(row_of(&live, &child)->exited);
        live_deinit(&live);
}

/* The use in all samples and in all rows adds up to the true use, whenever tasks start and end. */
static void test_sums(void) {
        enum { N_TASKS = 200, N_SAMPLES = 60 };
        static Made tasks[N_TASKS];
        uint64_t used = 0, sums = 0, rows = 0;
        uint32_t pid = 100;
        Live live;

        srand(5);
        live_init(&live);
        for (unsigned int i = 0; i < N_TASKS; ++i) {
                tasks[i] = (Made){.pid = pid++, .start = -i - 1.0, .cpu_ns = (uint64_t)rand()};
                send_row(&live, tasks + i, 0);
        }
        send_sample(&live, 0, true);

        for (unsigned int at = 1; at <= N_SAMPLES; ++at) {
                /* Now and then a sample is full, as after a loss of samples. */
                bool full = at % 17 == 0;

                for (unsigned int i = 0; i < N_TASKS; ++i) {
                        Made *task = tasks + i;
                        uint64_t more = rand() % 3 == 0 ? (uint64_t)(rand() % 1000) : 0;

                        task->cpu_ns += more;
                        used += more;
                        if (rand() % 10 == 0) {
                                send_ended(&live, task, at - 0.5);
                                more = (uint64_t)(rand() % 1000);
                                used += more;
                                *task = (Made){.pid = pid++, .start = at - 0.4, .cpu_ns = more};
                                send_row(&live, task, at);
                        } else if (more || full) {
                                send_row(&live, task, at);
                        }
                }
                send_sample(&live, at, full);
                sums += live.sample.used[METRIC_CPU];
                for (size_t i = 0; i < live.n_rows; ++i) {
                        uint64_t value;

                        if (live_used(&live, live.rows[i], METRIC_CPU, &value) == METRIC_KNOWN)
                                rows += value;
                }
                live_expire(&live, AT(at));
        }
        assert(used > 0 && sums == used && rows == used && live.total_used[METRIC_CPU] == used);
        assert(live.n_alive == N_TASKS);
        live_deinit(&live);
}

static void test_ended_are_bounded(void) {
        Live live;

        live_init(&live);
        send_sample(&live, 1, true);
        for (uint32_t i = 0; i < 3 * LIVE_ENDED_MAX; ++i)
                send_ended(&live, &(Made){.pid = 100 + i, .start = 1.5, .cpu_ns = 1}, 1.6);
        send_sample(&live, 2, false);
        assert(live.n_changed == 3 * LIVE_ENDED_MAX && live.sample.used[METRIC_CPU] == 3 * LIVE_ENDED_MAX);
        send_sample(&live, 3, false);
        assert(live.n_rows == LIVE_ENDED_MAX && live.n_alive == 0);
        live_deinit(&live);
}

/* The machine has a history, and so has each tracked row. */
static void test_tracked(void) {
        Made made = {.pid = 10, .start = -1};
        Live live;

        live_init(&live);
        send_row(&live, &made, 1);
        send_sample(&live, 1, true);
        assert(live.history.n == 0);
        assert(live_track(&live, live_find(&live, 10)) == 0);
        made.read_bytes = 4096;
        send_row(&live, &made, 2);
        send_sample(&live, 2, false);
        send_sample(&live, 3, false);
        assert(live.history.n == 2 && row_of(&live, &made)->history->n == 2);
        assert((int)live_history_at(&live.history, 1)->value[LIVE_GRAPH_READ] == 4096);
        assert((int)live_history_at(row_of(&live, &made)->history, 1)->value[LIVE_GRAPH_READ] == 4096);
        assert((int)live_history_at(row_of(&live, &made)->history, 0)->value[LIVE_GRAPH_READ] == 0);
        live_untrack(&live, live_find(&live, 10));
        assert(!row_of(&live, &made)->history);
        for (uint32_t i = 0; i < LIVE_TRACKED_MAX; ++i) {
                send_row(&live, &(Made){.pid = 100 + i, .start = 3}, 4);
                assert(live_track(&live, live_find(&live, 100 + i)) == 0);
        }
        assert(live_track(&live, live_find(&live, 10)) < 0);
        live_deinit(&live);
}

int main(void) {
        test_differences();
        test_forks_and_ends();
        test_twice();
        test_reuse();
        test_unknown();
        test_ended_without_stats();
        test_full();
        test_restart();
        test_filter();
        test_threads();
        test_program_of_maker();
        test_names();
        test_sums();
        test_ended_are_bounded();
        test_tracked();
        return 0;
}
