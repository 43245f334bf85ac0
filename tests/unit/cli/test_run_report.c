/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/*
 * The report of a command: its processor time, as text, and as JSON.
 */

#include <assert.h>
#include <json-c/json.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "clients/cli/run/run_report.h"
#include "tests/unit/usage_rig.h"

static bool exists_500(uint32_t pid) {
        return pid == 500;
}

static struct rusage make_usage(suseconds_t user_ms, suseconds_t system_ms) {
        return (struct rusage){
                .ru_utime = { .tv_sec = user_ms / 1000, .tv_usec = user_ms % 1000 * 1000 },
                .ru_stime = { .tv_sec = system_ms / 1000, .tv_usec = system_ms % 1000 * 1000 },
        };
}

/* Divides the times that wait4() returned, and compares the result with the expected times. */
static void check_cpu(suseconds_t user_ms,
                      suseconds_t system_ms,
                      uint64_t total_ms,
                      uint64_t unattributed_ms,
                      bool at_least) {
        RunReport report = { .usage = &usage, .rusage = make_usage(user_ms, system_ms) };
        RunReportCpu cpu;

        run_report_cpu(&report, &cpu);
        if (cpu.total_ns != total_ms * MS)
                fprintf(stderr, "%.3f ms, should be %.3f\n", (double)cpu.total_ns / MS, (double)total_ms);
        assert(cpu.total_ns == total_ms * MS);
        assert(cpu.user_ns + cpu.system_ns == cpu.total_ns);
        assert(cpu.unattributed_ns == unattributed_ms * MS);
        assert(cpu.at_least == at_least);
}

/* make 100 -> cc 101 -> as 102: each parent waited for its child. The result of wait4() includes all of them. */
static void test_cpu_waited_for(void) {
        begin();
        take_fork(101, 101);
        take_fork(102, 102);
        take_exit(102, 101, "as", 10);
        take_exit(101, ROOT, "cc", 20);
        take_exit(ROOT, 1, "make", 30);
        assert(usage_settle(&usage, none_exist) == 0);
        assert(usage.n_orphans == 0 && usage_complete(&usage));
        check_cpu(50, 25, 75, 15, false);
        end();
}

/* The parent of a daemon ends before the daemon. The daemon has waited for its own child. */
static void test_cpu_orphans(void) {
        RunReport report = { .usage = &usage, .rusage = make_usage(0, 100) };
        RunReportCpu cpu;

        begin();
        take_fork(101, 101);
        take_fork(102, 102);
        take_fork(103, 103);
        take_exit(101, ROOT, "sh", 1);
        take_exit(103, 102, "child", 8);
        take_exit(102, 1, "daemon", 12);
        assert(usage.n_orphans == 2 && usage.orphans.measured_ns == 20 * MS);
        take_exit(ROOT, 1, "sh", 1);
        assert(usage_settle(&usage, none_exist) == 0);
        check_cpu(60, 40, 120, 98, false);

        /* The time of orphans is divided by their samples: three quarters are user time. */
        run_report_cpu(&report, &cpu);
        assert(cpu.user_ns == 15 * MS && cpu.system_ns == 105 * MS);
        end();
}

/* A process that still runs was not waited for. So the root has not waited for its descendants either. */
static void test_cpu_running(void) {
        begin();
        take_fork(500, 500);
        take_fork(501, 501);
        take_fork(502, 502);
        take_exit(502, 501, "leaf", 3);
        take_exit(501, 500, "child", 4);
        take_exit(ROOT, 1, "sh", 1);
        assert(usage_unreported(&usage, exists_500) == 0);
        assert(usage_settle(&usage, exists_500) == 0);
        assert(usage.n_live == 1 && usage.n_orphans == 2 && usage_complete(&usage));
        check_cpu(10, 0, 17, 9, false);
        end();

        /* The exit of process 500 was lost: the root may have waited for it, so its child is not counted again. */
        begin();
        take_fork(500, 500);
        take_fork(501, 501);
        take_exit(501, 500, "child", 4);
        take_exit(ROOT, 1, "sh", 1);
        assert(usage_unreported(&usage, none_exist) == 1);
        assert(usage_settle(&usage, none_exist) == 0);
        assert(usage.n_live == 0 && usage.n_orphans == 0 && usage.n_unseen == 1);
        check_cpu(10, 0, 10, 5, true);
        end();
}

/* The kernel may report the exit of a child after the exit of its parent, which has waited for the child. */
static void test_cpu_late_child(void) {
        begin();
        take_fork(101, 101);
        take_fork(102, 102);
        take_exit(101, ROOT, "cc", 20);
        take_exit(102, 101, "as", 10);
        take_exit(ROOT, 1, "make", 30);
        take_fork(103, 103);
        take_exit(103, ROOT, "late", 5);
        assert(usage.n_orphans == 0);
        assert(usage_settle(&usage, none_exist) == 0);
        check_cpu(70, 0, 70, 5, false);
        end();
}

/* The parent ignores SIGCHLD: the total is the sum of the records, and is marked as a lower bound. */
static void test_cpu_never_waited_for(void) {
        begin();
        for (uint32_t pid = 101; pid < 111; ++pid) {
                take_fork(pid, pid);
                take_exit(pid, ROOT, "worker", 10);
        }
        take_exit(ROOT, 1, "server", 5);
        assert(usage_settle(&usage, none_exist) == 0);
        check_cpu(3, 3, 105, 0, true);
        end();
}

/* A pid of the tree is used again: the parent is the process that has the pid now. */
static void test_cpu_number_used_again(void) {
        begin();
        take_fork(101, 101);
        take_exit(101, ROOT, "sh", 1);
        take_fork(101, 101);
        take_fork(102, 102);
        take_exit(102, 101, "child", 7);
        take_exit(101, 1, "daemon", 5);
        take_exit(ROOT, 1, "sh", 1);
        assert(usage.n_orphans == 2 && usage.orphans.measured_ns == 12 * MS);
        end();
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
                      "make -j2 a\\x0ab: status 2, after 50.0ms\n"
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
                      "              for storage, memory and more: not counted, as delay accounting is off\n"
                      "              (sysctl kernel.task_delayacct=1 turns it on for what starts then)\n"
                      "\n"
                      "  NAME                RUNS FAILED      CPU  SAMPLED PEAKMEM    READ WRITTEN\n"
                      "  cc                     1      0   30.0ms   28.0ms    4.0M       0    2.0K\n"
                      "  and 1 other name\n"
                      "\n"
                      "  25.0ms of the CPU (33 %) is in none of these: what processes used in their last timer tick,\n"
                      "  and while they were taken down.\n") == 0);
        end();
}

static void test_text_signal(void) {
        RunReport report = begin_make();
        const char *text;

        report.status = SIGSEGV | 0x80;
        report.n_top = 0;
        text = write_report(&report);
        check_has(text, "make -j2 a\\x0ab: SIGSEGV + core, after");
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
        check_has(text, "\n      0123456789 123456789 ...\n");
        end();
}

static struct json_object *get(struct json_object *object, const char *path) {
        struct json_object *found;

        if (json_pointer_get(object, path, &found) < 0)
                fprintf(stderr, "%s is not in %s\n", path, json_object_to_json_string(object));
        assert(json_pointer_get(object, path, &found) == 0);
        return found;
}

static uint64_t get_number(struct json_object *object, const char *path) {
        return json_object_get_uint64(get(object, path));
}

static void test_json(void) {
        char *command[] = { (char *)"make", (char *)"\xff", NULL };
        RunReport report = {
                .command = command,
                .usage = &usage,
                .rusage = make_usage(50, 25),
                .status = SIGKILL,
                .wall_ns = 50 * MS,
                .start_time_ns = 77,
                .n_top = 1,
        };
        struct json_object *object;

        begin();
        take_fork(101, 101);
        stats.io.write_bytes = 2048;
        stats.delays.cpu = (struct tb_delay){ .known = true, .count = 1, .total_ns = 30 };
        take_exit(101, 1, "cc", 30);
        take_exit(ROOT, 1, "make", 21);
        take_loss(TB_LOSS_SOURCE_TASKSTATS, 9, false);
        assert(usage_settle(&usage, none_exist) == 0);

        object = run_report_json(&report);
        assert(strcmp(json_object_get_string(get(object, "/command/0")), "make") == 0);
        assert(strcmp(json_object_get_string(get(object, "/command/1")), "\\xff") == 0);
        assert(get_number(object, "/pid") == ROOT && get_number(object, "/exit_code") == 0);
        assert(get_number(object, "/term_signal") == SIGKILL && get_number(object, "/wall_ns") == 50 * MS);
        assert(!json_object_get_boolean(get(object, "/complete")) && get_number(object, "/lost/taskstats") == 9);
        assert(get_number(object, "/processes/made") == 2 && get_number(object, "/processes/most_at_once") == 2);
        assert(get_number(object, "/cpu/total_ns") == 105 * MS);
        assert(json_object_get_boolean(get(object, "/cpu/at_least")));
        assert(get_number(object, "/cpu/unattributed_ns") == 54 * MS);
        assert(get_number(object, "/cpu/records/cpu_run_virtual_total_ns") == 51 * MS);
        assert(get_number(object, "/cpu/records/cpu_run_real_total_ns") == 48 * MS);
        assert(get_number(object, "/cpu/not_waited_for/processes") == 1);
        assert(get_number(object, "/cpu/not_waited_for/cpu_run_virtual_total_ns") == 30 * MS);
        assert(get_number(object, "/rusage/user_ns") == 50 * MS && get_number(object, "/rusage/system_ns") == 25 * MS);
        assert(get_number(object, "/io/write_bytes") == 4096 && get_number(object, "/io/processes") == 2);
        assert(get_number(object, "/delays/cpu/total_ns") == 60 && get_number(object, "/delays/cpu/processes") == 2);
        assert(!json_object_object_get(get(object, "/delays"), "blkio"));
        assert(!get(object, "/memory/hiwater_rss_kib"));
        assert(strcmp(json_object_get_string(get(object, "/commands/0/comm")), "cc") == 0);
        assert(json_object_array_length(get(object, "/commands")) == 1);
        assert(get_number(object, "/commands_left_out") == 1);
        json_object_put(object);
        end();

        /* A value without a record is null. */
        begin();
        report.status = 3 << 8;
        object = run_report_json(&report);
        assert(!get(object, "/memory") && !get(object, "/io") && !get(object, "/scheduling"));
        assert(get_number(object, "/exit_code") == 3 && get_number(object, "/term_signal") == 0);
        json_object_put(object);
        end();
}

int main(void) {
        test_cpu_waited_for();
        test_cpu_orphans();
        test_cpu_running();
        test_cpu_late_child();
        test_cpu_never_waited_for();
        test_cpu_number_used_again();
        test_text();
        test_text_signal();
        test_text_broken();
        test_text_unknown();
        test_text_notes();
        test_json();
        return 0;
}
