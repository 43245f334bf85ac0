/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/*
 * Events, tasks and states of the connection as lines for people: aligned columns, "-" for
 * an unknown value, and texts that are cut to the terminal.
 */

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "clients/cli/text/event_lines.h"

static Users users;

static void check_text(EventLines *lines, const char *should) {
        assert(lines->line.n == strlen(lines->line.text));
        assert(lines->line.text[lines->line.n - 1] == '\n');
        lines->line.text[lines->line.n - 1] = 0;
        if (strcmp(lines->line.text, should) != 0)
                fprintf(stderr, "is:     %s\nshould: %s\n", lines->line.text, should);
        assert(strcmp(lines->line.text, should) == 0);
}

static void check_line(EventLines *lines, const struct tb_event *event, const char *should) {
        event_lines_event(lines, event);
        check_text(lines, should);
}

static struct tb_event make_event(enum tb_kind kind) {
        return (struct tb_event){
                .kind = kind,
                .time_ns = UINT64_C(1700000000123456789),
                .start_time_ns = UINT64_C(1699999998000000000),
                .pid = 4194304,
                .tid = 4194304,
                .ppid = 1,
                .comm = "123456789012345",
        };
}

static void test_kinds(void) {
        EventLines lines = { .users = &users };
        struct tb_event event;

        event_lines_header(&lines);
        assert(strcmp(lines.line.text,
                      "TIME         KIND         PID    PPID USER       NAME            "
                      "LIFETIME      CPU    READ WRITTEN PEAKMEM STATUS\n") == 0);

        event = make_event(TB_KIND_FORK);
        check_line(&lines, &event, "22:13:20.123 fork     4194304       1 root       123456789012345");
        event.tid = 7;
        check_line(&lines, &event, "22:13:20.123 fork     4194304       1 root       123456789012345 a thread");
        event = make_event(TB_KIND_EXEC);
        strcpy(event.comm, "a\n\xff\xc3\xa9");
        event.uid = 4294967294u;
        check_line(&lines, &event, "22:13:20.123 exec     4194304       1 4294967294 a\\x0a\\xff\xc3\xa9");
        event = make_event(TB_KIND_COMM);
        strcpy(event.comm_change.old_comm, "old");
        check_line(&lines, &event, "22:13:20.123 comm     4194304       1 root       123456789012345 was called old");
        event = make_event(TB_KIND_UID);
        event.credentials.real_id = 5;
        check_line(&lines, &event,
                   "22:13:20.123 uid      4194304       1 root       123456789012345 real 5, effective 0");
        event = make_event(TB_KIND_SID);
        event.synthesised = true;
        check_line(&lines,
                   &event,
                   "22:13:20.123 sid      4194304       1 root       123456789012345 leads a new session "
                   "(synthesised)");
        event = make_event(TB_KIND_PTRACE);
        check_line(&lines, &event, "22:13:20.123 ptrace   4194304       1 root       123456789012345 no longer traced");
        event.ptrace.tracer_pid = 8;
        check_line(&lines, &event, "22:13:20.123 ptrace   4194304       1 root       123456789012345 traced by 8");
        event = make_event(TB_KIND_COREDUMP);
        check_line(&lines, &event, "22:13:20.123 coredump 4194304       1 root       123456789012345 dumps core");

        lines.threads = true;
        event = make_event(TB_KIND_EXEC);
        event.tid = 12;
        check_line(&lines, &event, "22:13:20.123 exec     4194304      12       1 root       123456789012345");
        event = (struct tb_event){ .kind = TB_KIND_EXEC, .pid = 5, .tid = 5, .task_unknown = true };
        check_line(&lines, &event, "00:00:00.000 exec           5       5       - -          -");
}

static void check_header(EventLines *lines, size_t width, const char *text) {
        event_lines_fit(lines, width);
        event_lines_header(lines);
        assert(lines->line.n == strlen(text) && strcmp(lines->line.text, text) == 0);
}

/* All times of a line have the form, and the columns behind them are as wide as before. */
static void test_time_form(void) {
        EventLines lines = { .users = &users, .time_form = TIME_FORM_UTC };
        struct tb_event fork = make_event(TB_KIND_FORK), loss = make_event(TB_KIND_LOSS);
        struct tb_task task = {
                .pid = 1, .tid = 1, .comm = "init", .start_time_ns = UINT64_C(1000000000000000000),
                .parent.known = true,
        };
        struct tb_snapshot_end end = { .tasks = 1, .time_ns = fork.time_ns };

        event_lines_fit(&lines, 127);
        assert(!lines.left_out);
        event_lines_fit(&lines, 126);
        assert(lines.left_out);
        event_lines_fit(&lines, 0);
        event_lines_header(&lines);
        assert(strncmp(lines.line.text, "TIME                     KIND     ", 34) == 0);
        check_line(&lines, &fork, "2023-11-14T22:13:20.123Z fork     4194304       1 root       123456789012345");
        event_lines_task(&lines, &task, 0);
        check_text(&lines, "2001-09-09T01:46:40.000Z task           1       0 root       init");
        task.start_time_ns = 0;
        event_lines_task(&lines, &task, 0);
        check_text(&lines, "-                        task           1       0 root       init");
        event_lines_snapshot_end(&lines, &end);
        assert(strncmp(lines.line.text, "2023-11-14T22:13:20.123Z snapshot 1 process", 43) == 0);

        loss.loss.count = 1;
        loss.loss.since_time_ns = task.start_time_ns = UINT64_C(1000000000000000000);
        event_lines_event(&lines, &loss);
        assert(strstr(lines.line.text, ", since 2001-09-09T01:46:40.000Z)"));
}

/* The name of the process that PPID names stands behind the task's own name. */
static void test_parents(void) {
        ProcessNames names = { 0 };
        EventLines lines = { .users = &users, .names = &names };
        struct tb_task task = { .pid = 1, .tid = 1, .start_boot_ns = 10, .comm = "\xe4\xb8\x96\xe7\x95\x8c" };
        struct tb_event event = make_event(TB_KIND_SID);

        process_names_add_task(&names, &task);
        event_lines_header(&lines);
        assert(strncmp(lines.line.text,
                       "TIME         KIND         PID    PPID USER       NAME            PARENT          "
                       "LIFETIME", 88) == 0);
        event.maker = (struct tb_process_id){ .known = true, .pid = 1, .start_boot_ns = 10 };
        check_line(&lines, &event, "22:13:20.123 sid      4194304       1 root       123456789012345 "
                                   "\xe4\xb8\x96\xe7\x95\x8c            leads a new session");
        names.partial = true;
        check_line(&lines, &event, "22:13:20.123 sid      4194304       1 root       123456789012345 "
                                   "?\xe4\xb8\x96\xe7\x95\x8c           leads a new session");
        event.maker.start_boot_ns = 11;
        check_line(&lines, &event, "22:13:20.123 sid      4194304       1 root       123456789012345 "
                                   "-               leads a new session");
        names.partial = false;
        task = (struct tb_task){ .pid = 7, .tid = 7, .ppid = 1, .comm = "sh", .parent = { .known = true, .pid = 1 } };
        task.parent.start_boot_ns = 10;
        event_lines_task(&lines, &task, 0);
        check_text(&lines, "-            task           7       1 root       sh              "
                           "\xe4\xb8\x96\xe7\x95\x8c");
        process_names_clear(&names);
}

/* The header and the lines of the usual kinds fit into the terminal, down to a least width. */
static void test_narrow(void) {
        ProcessNames names = { 0 };
        EventLines lines = { .users = &users };
        struct tb_event fork = make_event(TB_KIND_FORK), exit = make_event(TB_KIND_EXIT);

        exit.exit.process_ended = true;
        exit.exit.process_termination = (struct tb_termination){ .known = true, .exit_code = 255 };
        for (int more = 0; more < 4; ++more) {
                size_t least = 32 + (more & 1 ? 8 : 0) + (more & 2 ? 7 : 0);

                lines.threads = more & 1;
                lines.names = more & 2 ? &names : NULL;
                for (size_t width = 0; width < 130; ++width) {
                        size_t room = width == 0 ? SIZE_MAX : width < least ? least : width;

                        event_lines_fit(&lines, width);
                        event_lines_header(&lines);
                        assert(lines.line.n - 1 <= room);
                        event_lines_event(&lines, &fork);
                        assert(lines.line.n - 1 <= room);
                        event_lines_event(&lines, &exit);
                        assert(lines.line.n - 1 <= room && strstr(lines.line.text, " exit 255\n"));
                }
        }

        lines.threads = false;
        lines.names = NULL;
        check_header(
                &lines, 115,
                "TIME         KIND         PID    PPID USER       NAME            LIFETIME      CPU    READ WRITTEN "
                "PEAKMEM STATUS\n");
        check_header(&lines, 114,
                     "TIME         KIND         PID USER       NAME            LIFETIME      CPU    READ WRITTEN "
                     "PEAKMEM STATUS\n");
        check_header(&lines, 80, "TIME         KIND         PID NAME            LIFETIME      CPU PEAKMEM STATUS\n");
        check_line(&lines, &fork, "22:13:20.123 fork     4194304 123456789012345");
        check_line(&lines, &exit, "22:13:20.123 exit     4194304 123456789012345    2.12s        -       - exit 255");
        check_header(&lines, 62, "TIME         KIND         PID NAME            STATUS\n");
        check_header(&lines, 53, "KIND         PID NAME            STATUS\n");
        check_header(&lines, 40, "KIND         PID NAME           STATUS\n");
        check_line(&lines, &exit, "exit     4194304 1234567890123+ exit 255");
        check_header(&lines, 1, "KIND         PID NAME   STATUS\n");
        check_line(&lines, &exit, "exit     4194304 12345+ exit 255");
        lines.arguments = true;
        check_header(&lines, 104,
                     "TIME         KIND         PID NAME            LIFETIME      CPU PEAKMEM STATUS   ARGUMENTS\n");
}

static void test_exit(void) {
        EventLines lines = { .users = &users };
        struct tb_event event = make_event(TB_KIND_EXIT);
        struct tb_task_stats stats = {
                .groups = TB_STATS_BIT(TB_STATS_IDENTITY) | TB_STATS_BIT(TB_STATS_CPU) | TB_STATS_BIT(TB_STATS_IO) |
                          TB_STATS_BIT(TB_STATS_MEMORY),
                .identity = { .ac_etime_us = 1500, .ac_tgetime_us = 2500 },
                .cpu = { .cpu_run_virtual_total_ns = 1234567 },
                .io = { .read_bytes = 4096, .write_bytes = 0 },
                .memory = { .hiwater_rss_kib = 2048 },
        };
        struct tb_task_stats totals = stats;

        strcpy(event.comm, "sh");

        /* Only the start time is known. */
        event.exit.process_ended = true;
        check_line(&lines, &event,
                   "22:13:20.123 exit     4194304       1 root       sh                 2.12s        -       -       - "
                   "      - -");
        event.start_time_ns = 0;
        check_line(&lines, &event,
                   "22:13:20.123 exit     4194304       1 root       sh                     -        -       -       - "
                   "      - -");

        /* The exit of a thread: the thread's own statistics. */
        event.exit.process_ended = false;
        event.exit.stats = &stats;
        event.exit.termination = (struct tb_termination){ .known = true };
        check_line(&lines, &event,
                   "22:13:20.123 exit     4194304       1 root       sh                1.50ms   1.23ms    4.0K       0 "
                   "   2.0M 0");

        /* The exit of the process: the totals and the termination of the process. */
        totals.cpu.cpu_run_virtual_total_ns = 5000000;
        totals.memory.hiwater_rss_kib = 0;
        totals.groups &= ~TB_STATS_BIT(TB_STATS_IO);
        event.exit.process_ended = true;
        event.exit.process_stats = &totals;
        event.exit.process_termination = (struct tb_termination){ .known = true, .term_signal = 9 };
        check_line(&lines, &event,
                   "22:13:20.123 exit     4194304       1 root       sh                2.50ms   5.00ms       -       - "
                   "      - SIGKILL");

        /* Before taskstats 12 the lifetime is ac_etime, the age of the oldest task. */
        totals.identity.ac_tgetime_us = 0;
        event.exit.process_termination = (struct tb_termination){ .known = true, .exit_code = 4 };
        check_line(&lines, &event,
                   "22:13:20.123 exit     4194304       1 root       sh                1.50ms   5.00ms       -       - "
                   "      - exit 4");

        lines.line.colour = true;
        check_line(&lines, &event,
                   "22:13:20.123 exit     4194304       1 root       sh                1.50ms   5.00ms       -       - "
                   "      - "
                   "\033[33mexit 4\033[0m");
}

static void test_loss(void) {
        EventLines lines = { .users = &users };
        struct tb_event event = {
                .kind = TB_KIND_LOSS,
                .time_ns = UINT64_C(1700000000123456789),
                .cpu = 3,
                .loss = {.count = 4711,
                         .count_known = true,
                         .missing = TB_LOSS_MISSING_POSSIBLE,
                         .source = TB_LOSS_SOURCE_CONNECTOR,
                         .reason = TB_LOSS_REASON_OVERRUN,
                         .cpu_known = true},
        };

        check_line(&lines,
                   &event,
                   "22:13:20.123 LOSS     *** 4 711 kernel events lost machine-wide: the kernel had no room to queue "
                   "them (connector, overrun, cpu 3); events of this stream may be missing ***");
        /* lost records are missing in their exits, which are there */
        event.loss.missing = TB_LOSS_MISSING_NONE;
        event.loss.source = TB_LOSS_SOURCE_TASKSTATS;
        event.loss.count_known = false;
        check_line(&lines,
                   &event,
                   "22:13:20.123 LOSS     *** an unknown number of exits' statistics lost machine-wide: "
                   "the kernel had no room to queue them (taskstats, overrun, cpu 3) ***");
        event.loss.count_known = true;
        event.loss.missing = TB_LOSS_MISSING_COUNTED;
        event.loss.at_least = true;
        event.loss.cpu_known = false;
        event.loss.source = TB_LOSS_SOURCE_READER;
        event.loss.reason = TB_LOSS_REASON_FELL_BEHIND;
        event.loss.since_time_ns = UINT64_C(1700000000000000000);
        check_line(&lines,
                   &event,
                   "22:13:20.123 LOSS     *** at least 4 711 events of this stream lost: this reader was too slow "
                   "(reader, fell_behind, since 22:13:20.000) ***");
        event.loss.missing = TB_LOSS_MISSING_POSSIBLE;
        event.loss.source = (enum tb_loss_source)-1;
        event.loss.reason = (enum tb_loss_reason)99;
        event_lines_event(&lines, &event);
        assert(strstr(lines.line.text, "facts lost machine-wide: the broker does not say why (unknown, unknown"));
}

#define PROGRAM(cmdline_) .cmdline = (cmdline_), .n_cmdline = sizeof(cmdline_) - 1

static void test_arguments(void) {
        EventLines lines = { .users = &users, .arguments = true };
        struct tb_program program = { .state = TB_PROGRAM_CAPTURED, PROGRAM("cc\0-c\0\x1b\0") };
        struct tb_event exec = make_event(TB_KIND_EXEC), exit = make_event(TB_KIND_EXIT);

        event_lines_header(&lines);
        assert(strstr(lines.line.text, " PEAKMEM STATUS         ARGUMENTS\n"));

        strcpy(exec.comm, "cc");
        strcpy(exit.comm, "cc");
        exec.exec.program = exit.exit.program = &program;
        exit.exit.termination = (struct tb_termination){ .known = true };
        check_line(&lines, &exec, "22:13:20.123 exec     4194304       1 root       cc              cc -c $'\\x1b'");
        check_line(&lines, &exit,
                   "22:13:20.123 exit     4194304       1 root       cc                 2.12s        -       -       - "
                   "      - "
                   "0              cc -c $'\\x1b'");
        exec.left_filter = true;
        check_line(&lines,
                   &exec,
                   "22:13:20.123 exec     4194304       1 root       cc              (leaves the filter) "
                   "cc -c $'\\x1b'");
}

/* The arguments of exits are under each other; on a narrow terminal, not if a core was dumped. */
static void test_arguments_are_straight(void) {
        static const struct tb_termination ends[] = {
                { .known = true },
                { .known = true, .exit_code = 255 },
                { .known = true, .term_signal = 9 },
                { .known = true, .term_signal = 11, .core_dumped = true },
                { .known = false },
        };
        EventLines lines = { .users = &users, .arguments = true };
        struct tb_program program = { .state = TB_PROGRAM_CAPTURED, PROGRAM("THE\0END\0") };
        struct tb_event exit = make_event(TB_KIND_EXIT);

        exit.exit.program = &program;
        for (size_t width = 0; width <= 200; width += 20)
                for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); ++i) {
                        size_t at;

                        event_lines_fit(&lines, width);
                        event_lines_header(&lines);
                        at = (size_t)(strstr(lines.line.text, "ARGUMENTS") - lines.line.text);
                        exit.exit.termination = ends[i];
                        event_lines_event(&lines, &exit);
                        assert(strstr(lines.line.text, "THE END"));
                        if (!lines.left_out || !ends[i].core_dumped)
                                assert(strncmp(lines.line.text + at, "THE END", 7) == 0);
                }
}

/* On a terminal the columns behind a name are straight, whatever the name has. In a file the name is whole. */
static void test_odd_names(void) {
        static const struct {
                const char *name;
                const char *on_terminal;
                const char *in_file;
        } rows[] = {
                { "cc", "cc             ", "cc             " },
                { "\xe4\xb8\x96\xe7\x95\x8c", "\xe4\xb8\x96\xe7\x95\x8c           ",
                  "\xe4\xb8\x96\xe7\x95\x8c           " },
                { "e\xcc\x81x", "e\xcc\x81x             ", "e\xcc\x81x             " },
                { "\xff\x1b\xff\x1b\xff", "\\xff\\x1b\\xff+  ", "\\xff\\x1b\\xff\\x1b\\xff" },
                { "a\xe2\x80\x8b", "a\\xe2\\x80\\x8b  ", "a\\xe2\\x80\\x8b  " },
        };
        EventLines lines = { .users = &users };
        struct tb_event event = make_event(TB_KIND_EXIT);
        char should[200];

        event.exit.termination = (struct tb_termination){ .known = true };
        for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); ++i) {
                strcpy(event.comm, rows[i].name);
                for (size_t width = 0; width <= 200; width += 200) {
                        event_lines_fit(&lines, width);
                        snprintf(should, sizeof(should),
                                 "22:13:20.123 exit     4194304       1 root       %s    2.12s %s",
                                 width ? rows[i].on_terminal : rows[i].in_file,
                                 "       -       -       -       - 0");
                        check_line(&lines, &event, should);
                }
        }
}

/* A command line ends at the terminal's edge, or where the columns alone are wider, at the edge of their last row. */
static void test_arguments_cut(void) {
        EventLines lines = { .users = &users, .arguments = true, .width = 70 };
        struct tb_program program = { .state = TB_PROGRAM_CAPTURED, PROGRAM("cc\0-c\0\x1b\0") };
        struct tb_event exec = make_event(TB_KIND_EXEC), exit = make_event(TB_KIND_EXIT);

        strcpy(exec.comm, "cc");
        strcpy(exit.comm, "cc");
        exec.exec.program = exit.exit.program = &program;
        exit.exit.termination = (struct tb_termination){ .known = true };
        check_line(&lines, &exec, "22:13:20.123 exec     4194304       1 root       cc              cc -+");
        lines.line.colour = true;
        event_lines_event(&lines, &exec);
        assert(strstr(lines.line.text, "\033[36mexec    \033[0m") && strstr(lines.line.text, " cc -+\n"));
        lines.line.colour = false;
        check_line(&lines, &exit,
                   "22:13:20.123 exit     4194304       1 root       cc                 2.12s        -       -       - "
                   "      - "
                   "0              cc -c $'\\x1b'");
        lines.width = 41;
        check_line(&lines, &exit,
                   "22:13:20.123 exit     4194304       1 root       cc                 2.12s        -       -       - "
                   "      - "
                   "0              +");
}

static void test_arguments_missing(void) {
        EventLines lines = { .users = &users, .arguments = true };
        struct tb_program program = { .state = TB_PROGRAM_LATE, PROGRAM("") };
        struct tb_event exec = make_event(TB_KIND_EXEC), exit = make_event(TB_KIND_EXIT);

        strcpy(exec.comm, "cc");
        strcpy(exit.comm, "cc");
        exec.exec.program = exit.exit.program = &program;
        exit.exit.termination = (struct tb_termination){ .known = true };
        check_line(&lines,
                   &exec,
                   "22:13:20.123 exec     4194304       1 root       cc              (gone before it was read)");
        program.state = TB_PROGRAM_SKIPPED;
        check_line(&lines, &exec,
                   "22:13:20.123 exec     4194304       1 root       cc              (not read: there was too much to "
                   "read)");
        program.state = TB_PROGRAM_UNKNOWN;
        check_line(&lines, &exec, "22:13:20.123 exec     4194304       1 root       cc              -");

        /* The command did not ask for programs, or does not show them. */
        exec.exec.program = NULL;
        check_line(&lines, &exec, "22:13:20.123 exec     4194304       1 root       cc");
        exec.exec.program = &program;
        lines.arguments = false;
        check_line(&lines, &exec, "22:13:20.123 exec     4194304       1 root       cc");
        check_line(&lines, &exit,
                   "22:13:20.123 exit     4194304       1 root       cc                 2.12s        -       -       - "
                   "      - 0");
}

static void test_snapshot(void) {
        const uint64_t now = UINT64_C(1700000000123456789);
        EventLines lines = { .users = &users, .arguments = true };
        struct tb_program program = { .state = TB_PROGRAM_CAPTURED, PROGRAM("sh\0-c\0x\0") };
        struct tb_snapshot_end end = { .number = 7, .tasks = 1234, .time_ns = now };
        struct tb_task task = {
                .pid = 100, .tid = 101, .ppid = 1, .uid = 0,
                .comm = "sh", .start_time_ns = now, .program = &program,
        };

        event_lines_task(&lines, &task, now);
        check_text(&lines, "22:13:20.123 task         100       1 root       sh              sh -c x");
        task.tasks = 1;
        task.start_time_ns -= UINT64_C(86400000000000);
        event_lines_task(&lines, &task, now);
        check_text(&lines, "11-13 22:13  task         100       1 root       sh              sh -c x");
        task.tasks = 12;
        task.start_time_ns -= UINT64_C(86400000000000) * 365;
        event_lines_task(&lines, &task, now);
        check_text(&lines, "2022-11-13   task         100       1 root       sh              (12 threads) sh -c x");
        lines.threads = true;
        task = (struct tb_task){ .pid = 2, .tid = 3, .comm = "kthreadd", .start_time_ns = now, .kernel_thread = true };
        task.parent.known = true;
        event_lines_task(&lines, &task, now);
        check_text(&lines, "22:13:20.123 task           2       3       0 root       kthreadd        (of the kernel)");
        task = (struct tb_task){ .pid = 5, .tid = 5, .task_unknown = true };
        event_lines_task(&lines, &task, now);
        check_text(&lines, "-            task           5       5       - -          -");

        event_lines_snapshot_end(&lines, &end);
        check_text(&lines, "22:13:20.123 snapshot 1 234 tasks are alive; from here on, what happens");
        lines.threads = false;
        event_lines_snapshot_end(&lines, &end);
        check_text(&lines, "22:13:20.123 snapshot 1 234 processes are alive; from here on, what happens");
        end.tasks = 1;
        event_lines_snapshot_end(&lines, &end);
        check_text(&lines, "22:13:20.123 snapshot 1 process is alive; from here on, what happens");
}

static void test_link(void) {
        const uint64_t now = UINT64_C(1700000000123456789);
        EventLines lines = { .users = &users };
        struct tb_link link = { .state = TB_LINK_LOST, .reason = "It\x1b went.", .lost_time_ns = now };

        event_lines_link(&lines, &link, now);
        check_text(&lines, "22:13:20.123 LINK     *** It\\x1b went; trying again ***");
        link = (struct tb_link){ .state = TB_LINK_RESUMED, .lost_time_ns = now - 1000000000, .tries = 4 };
        event_lines_link(&lines, &link, now);
        check_text(&lines, "22:13:20.123 LINK     *** Connected again after 1.00s and 4 tries: the stream goes on "
                           "where it was ***");
        lines.line.colour = true;
        event_lines_link(&lines, &link, now);
        assert(strncmp(lines.line.text, "\033[32m", 5) == 0);
        link.state = TB_LINK_RESTARTED;
        event_lines_link(&lines, &link, now);
        assert(strncmp(lines.line.text, "\033[1;31m", 7) == 0);
}

/* The widest lines fit, with their line breaks. */
static void test_widest(void) {
        static EventLines lines = { .users = &users, .threads = true, .line.colour = true, .arguments = true };
        static char cmdline[2 * CMDLINE_MAX];
        struct tb_program program = {
                .state = TB_PROGRAM_CAPTURED, .cmdline = cmdline, .n_cmdline = sizeof(cmdline) - 1,
        };
        struct tb_link link = { .state = TB_LINK_RESTARTED, .reason = cmdline, .tries = UINT32_MAX };
        struct tb_event event = make_event(TB_KIND_COMM);

        memset(event.comm, 0xff, TB_COMM_SIZE - 1);
        event.comm[TB_COMM_SIZE - 1] = 0;
        memcpy(event.comm_change.old_comm, event.comm, TB_COMM_SIZE);
        event.pid = event.tid = event.ppid = event.uid = UINT32_MAX;
        event.time_ns = UINT64_MAX;
        event.synthesised = true;
        event_lines_event(&lines, &event);
        assert(lines.line.n < LINE_TEXT_MAX - 1 && lines.line.text[lines.line.n - 1] == '\n' &&
               lines.line.text[lines.line.n] == 0);
        assert(strstr(lines.line.text, "(synthesised)\n"));

        memset(cmdline, 0xff, sizeof(cmdline) - 1);
        event.kind = TB_KIND_EXEC;
        event.left_filter = true;
        memset(&event.exec, 0, sizeof(event.exec));
        event.exec.program = &program;
        event_lines_event(&lines, &event);
        assert(lines.line.n < LINE_TEXT_MAX - 1 && lines.line.text[lines.line.n - 1] == '\n' &&
               lines.line.text[lines.line.n] == 0);
        assert(strstr(lines.line.text, "(leaves the filter) $'\\xff") && strstr(lines.line.text, "\\xff'...\n"));

        event_lines_link(&lines, &link, UINT64_MAX);
        assert(lines.line.n < LINE_TEXT_MAX - 1 && lines.line.text[lines.line.n - 1] == '\n' &&
               lines.line.text[lines.line.n] == 0);
}

int main(void) {
        setenv("TZ", "UTC", 1);
        tzset();
        test_kinds();
        test_time_form();
        test_parents();
        test_narrow();
        test_exit();
        test_loss();
        test_arguments();
        test_arguments_are_straight();
        test_odd_names();
        test_arguments_cut();
        test_arguments_missing();
        test_snapshot();
        test_link();
        test_widest();
        return 0;
}
