/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/*
 * The report of a command as text.
 */

#include <signal.h>

#include "clients/cli/base/text_width.h"
#include "clients/cli/run/run_report.h"
#include "tests/unit/usage_rig.h"

static bool exists_500(uint32_t pid, uint64_t start_boot_ns) {
        (void)start_boot_ns;
        return pid == 500;
}

static const char *write_report(RunReport *report) {
        static char text[16384];
        FILE *stream = fmemopen(text, sizeof(text), "w");

        assert(stream);
        report->usage = &usage;
        run_report_text(report, stream);
        assert(!ferror(stream));
        fclose(stream);
        return text;
}

static void check_has_not(const char *text, const char *part) {
        if (strstr(text, part))
                fprintf(stderr, "is:\n%s\nshould not have: %s\n", text, part);
        assert(!strstr(text, part));
}

/* A make that ran a cc. The caller calls end(). */
static RunReport begin_make(void) {
        static char *command[] = { (char *)"make", (char *)"-j2", (char *)"a\nb", NULL };

        begin();
        take_fork(101, 101);
        take_fork(101, 102);
        stats.memory.hiwater_rss_kib = 4096;
        stats.memory.ac_minflt = 1200;
        stats.io.write_bytes = 2048;
        stats.io.read_char_bytes = 4096;
        stats.delays.cpu = (struct tb_delay){ .known = true, .count = 1, .total_ns = 30 * MS };
        stats.uncounted_groups = TB_STATS_BIT(TB_STATS_DELAYS);
        take_exit(101, ROOT, "cc", 30);
        stats.memory.hiwater_rss_kib = 1024;
        take_exit(ROOT, 1, "make", 20);
        assert(usage_settle(&usage, none_exist) == 0);

        return (RunReport){
                .command = command,
                .rusage = make_usage(50, 25),
                .status = 2 << 8,
                .wall_ns = 50 * MS,
                .n_top = 1,
                .delay_accounting = TB_DELAY_ACCOUNTING_OFF,
        };
}

static void test_text(void) {
        RunReport report = begin_make();

        assert(strcmp(write_report(&report),
                      "make -j2 $'a\\nb': status 2, after 50.0ms\n"
                      "\n"
                      "  processes   2 made, 0 failed, 2 at once at most\n"
                      "  threads     1 besides\n"
                      "  CPU         75.0ms: user 50.0ms, system 25.0ms; 1.50 processors busy\n"
                      "  memory      4.0M in the largest process, cc (101)\n"
                      "  storage     0 read, 4.0K written\n"
                      "  calls       8.0K read, 0 written\n"
                      "  faults      2 400 without I/O, 0 with I/O\n"
                      "  switches    0 voluntary, 0 involuntary\n"
                      "  waited      60.0ms for a processor (2 times)\n"
                      "              for storage, memory and more: not counted, as delay accounting was off\n"
                      "              (sysctl kernel.task_delayacct=1 turns it on for what starts then)\n"
                      "\n"
                      "  NAME                RUNS FAILED      CPU  SAMPLED PEAKMEM    READ WRITTEN\n"
                      "  cc                     1      0   30.0ms   28.0ms    4.0M       0    2.0K\n"
                      "  (1 other name)         1      0   20.0ms   20.0ms    1.0M       0    2.0K\n"
                      "\n"
                      "  25.0ms of the CPU (33 %) is in none of these: what processes used in their last timer tick,\n"
                      "  and while they were taken down.\n") == 0);
        end();
}

/* The headline shows that it is cut, whatever the command has. */
static void test_long_command(void) {
        static char combining[2048] = "e";
        static char *command[] = { (char *)"cc", combining, (char *)"the end", NULL };
        RunReport report = begin_make();
        const char *text;

        for (size_t i = 1; i + 2 < sizeof(combining); i += 2)
                memcpy(combining + i, "\xcc\x81", 2);
        report.command = command;
        text = write_report(&report);
        assert(strncmp(text, "cc ", 3) == 0 && strstr(text, "+: status 2, after 50.0ms\n"));
        end();
}

/* The columns of the table are straight with any names and numbers. */
static void test_text_columns(void) {
        static const char *const names[] = {
                "plain", "\xe4\xb8\x96\xe7\x95\x8c\xe4\xb8\x96", "e\xcc\x81x", "\xff\x1b\xff\xff\xff", "a\xe2\x80\x8b",
        };
        RunReport report = begin_make();
        UsageCommand *command;
        const char *at;

        for (size_t i = 0; i < sizeof(names) / sizeof(*names); ++i) {
                char name[TB_COMM_SIZE] = "";

                strcpy(name, names[i]);
                command = usage_commands_find(&usage.commands, name);
                assert(command);
                command->n_runs = UINT64_C(1234567890) * (i + 1);
                command->cpu.measured_ns = i * MS;
        }
        report.n_top = 100;
        at = strstr(write_report(&report), "  NAME");
        assert(at);
        for (size_t width = 0; *at && *at != '\n'; at += strcspn(at, "\n") + 1) {
                size_t n = strcspn(at, "\n");
                char line[200] = "";

                assert(n < sizeof(line));
                memcpy(line, at, n);
                assert(width == 0 || text_width(line, TEXT_LINE) == width);
                width = text_width(line, TEXT_LINE);
        }
        end();
}

static void test_text_signal(void) {
        RunReport report = begin_make();
        const char *text;

        report.status = SIGSEGV | 0x80;
        report.n_top = 0;
        text = write_report(&report);
        check_has(text, "make -j2 $'a\\nb': SIGSEGV + core, after");
        check_has_not(text, "NAME");
        check_has_not(text, "in none of these");
        end();
}

static void test_text_broken(void) {
        RunReport report = begin_make();
        const char *text;

        report.broken = "The broker\x1b closed the connection.";
        text = write_report(&report);
        check_has(text, "at least 2 made, at least 0 failed, at least 2 at once\n");
        check_has(text, "CPU         at least 75.0ms: user");
        check_has_not(text, "processors busy");
        check_has(text, "at least 4.0M in the largest");
        check_has(text, "at least 0 read, at least 4.0K written");
        check_has(text, "waited      at least 60.0ms");
        check_has(text, "The report ends before the command did. The broker\\x1b closed the connection.\n");
        end();
}

/* A value that was not measured is never shown as a number. */
static void test_text_unknown(void) {
        char *command[] = { (char *)"x", NULL };
        RunReport report = { .command = command, .rusage = make_usage(1, 0), .wall_ns = MS, .n_top = 5 };
        struct tb_event event;
        const char *text;

        begin();
        event = make_exit(ROOT, "x");
        event.exit.process_stats = NULL;
        event.exit.process_termination.known = false;
        assert(usage_event(&usage, &event) == 0);
        text = write_report(&report);
        check_has(text, "  memory      not known\n");
        check_has(text, "  storage     not known\n");
        check_has(text, "  faults      not known\n");
        check_has(text, "  switches    not known\n");
        check_has_not(text, "calls");
        check_has_not(text, "waited");
        check_has(text, " -       -       -\n");
        check_has(text, "There are no statistics of 1 process");
        check_has(text, "The exit status of 1 process is not known");
        end();

        /* Only one of two processes had its delays counted. */
        begin();
        take_fork(101, 101);
        stats.delays.blkio = (struct tb_delay){ .known = true, .count = 3, .total_ns = 5 * MS };
        take_exit(101, ROOT, "x", 1);
        stats.delays.blkio = (struct tb_delay){ 0 };
        take_exit(ROOT, 1, "x", 1);
        text = write_report(&report);
        check_has(text, "  waited      at least 5.00ms for storage (3 times), counted in 1 of 2 processes\n");
        end();
}

static void test_text_notes(void) {
        char *command[] = { (char *)"x", NULL };
        RunReport report = { .command = command, .rusage = make_usage(9, 0), .wall_ns = MS, .n_top = 5, .width = 30 };
        struct tb_event event;
        const char *text;

        begin();
        take_fork(500, 500);
        take_fork(501, 501);
        take_fork(502, 502);
        take_exit(501, 1, "daemon", 4);
        program = (struct tb_program){ .cmdline = "0123456789 123456789 123456789", .n_cmdline = 30 };
        event = make_exit(ROOT, "x");
        event.exit.program = &program;
        assert(usage_event(&usage, &event) == 0);
        take_loss(TB_LOSS_SOURCE_CONNECTOR, 1234, true);
        assert(usage_settle(&usage, exists_500) == 0);
        text = write_report(&report);
        check_has(text, "  1 process ended that no other of these waited for: 4.00ms of the CPU, by its own record.\n");
        check_has(text, "  1 process still runs: not in the report.\n");
        check_has(text, "  At least 1 234 kernel events of this machine were lost: the figures may lack them.\n");
        check_has(text, "  The exit of 1 process was not reported: the figures lack what they used.\n");
        check_has(text, "\n      '0123456789 123456789 1+\n");
        end();
}

int main(void) {
        test_text();
        test_long_command();
        test_text_columns();
        test_text_signal();
        test_text_broken();
        test_text_unknown();
        test_text_notes();
        return 0;
}
