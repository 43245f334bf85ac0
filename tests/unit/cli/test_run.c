/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/*
 * taskbroker run without a broker: the sums, the processor time, what is written
 * of them, and the command's process.
 */

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <json-c/json.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clients/cli/run/child.h"
#include "clients/cli/run/run_options.h"
#include "clients/cli/run/run_report.h"
#include "clients/cli/run/usage.h"
#include "clients/cli/verbs.h"

#define MS UINT64_C(1000000)
#define ROOT 100u

/* What is in every record that a test makes. */
#define GROUPS                                                                                                         \
        (TB_STATS_BIT(TB_STATS_IDENTITY) | TB_STATS_BIT(TB_STATS_CPU) | TB_STATS_BIT(TB_STATS_MEMORY) |                \
         TB_STATS_BIT(TB_STATS_SCHEDULING) | TB_STATS_BIT(TB_STATS_IO) | TB_STATS_BIT(TB_STATS_CPU_DELAY))

static Usage usage;
static struct tb_task_stats stats;
static struct tb_program program;

static void take_fork(uint32_t pid, uint32_t tid) {
        struct tb_event event = { .kind = TB_KIND_FORK, .pid = pid, .tid = tid };

        assert(usage_event(&usage, &event) == 0);
}

static struct tb_event make_exit(uint32_t pid, const char *comm) {
        struct tb_event event = {
                .kind = TB_KIND_EXIT,
                .pid = pid,
                .tid = pid,
                .exit = { .process_ended = true, .process_termination = { .known = true }, .process_stats = &stats },
        };

        snprintf(event.comm, sizeof(event.comm), "%s", comm);
        return event;
}

/* The end of a process whose parent is @ppid by then, and which used so many milliseconds. */
static void take_exit(uint32_t pid, uint32_t ppid, const char *comm, uint64_t ms) {
        struct tb_event event = make_exit(pid, comm);

        stats.groups = GROUPS;
        stats.identity.ac_ppid = ppid;
        stats.cpu.cpu_run_virtual_total_ns = ms * MS;
        stats.cpu.cpu_run_real_total_ns = ms / 4 * 4 * MS;
        stats.cpu.ac_utime_us = ms * 750;
        stats.cpu.ac_stime_us = ms * 250;
        assert(usage_event(&usage, &event) == 0);
}

static void take_loss(enum tb_loss_source source, uint64_t count, bool at_least) {
        struct tb_event event = {
                .kind = TB_KIND_LOSS,
                .loss = { .count = count, .source = source, .at_least = at_least },
        };

        assert(usage_event(&usage, &event) == 0);
}

static void begin(void) {
        stats = (struct tb_task_stats){ 0 };
        assert(usage_init(&usage, ROOT) == 0);
}

static void end(void) {
        usage_deinit(&usage);
}

static bool all_exist(uint32_t pid) {
        (void)pid;
        return true;
}

static bool none_exist(uint32_t pid) {
        (void)pid;
        return false;
}

static bool exists_500(uint32_t pid) {
        return pid == 500;
}

static void test_counts(void) {
        struct tb_event event;

        begin();
        assert(usage.n_processes == 1 && usage.n_live == 1 && usage.n_live_max == 1);

        /* The root's own birth, told late. */
        take_fork(ROOT, ROOT);
        assert(usage.n_processes == 1);

        take_fork(101, 101);
        take_fork(101, 201);
        take_fork(101, 202);
        take_fork(102, 102);
        assert(usage.n_processes == 3 && usage.n_threads == 2 && usage.n_live_max == 3);

        /* The end of a thread is no process' end. */
        event = make_exit(101, "cc");
        event.tid = 201;
        event.exit.process_ended = false;
        assert(usage_event(&usage, &event) == 0);
        assert(usage.n_ended == 0 && usage.n_live == 3);

        take_exit(101, ROOT, "cc", 1);
        take_fork(103, 103);
        assert(usage.n_live == 3 && usage.n_live_max == 3 && usage.n_processes == 4);

        event = make_exit(102, "cc");
        event.exit.process_termination.exit_code = 1;
        assert(usage_event(&usage, &event) == 0);
        event = make_exit(103, "as");
        event.exit.process_termination.term_signal = 9;
        assert(usage_event(&usage, &event) == 0);
        take_fork(104, 104);
        event = make_exit(104, "as");
        event.exit.process_termination.known = false;
        event.exit.process_stats = NULL;
        assert(usage_event(&usage, &event) == 0);
        assert(usage.n_failed == 2 && usage.n_status_unknown == 1 && usage.n_without_stats == 1);
        assert(!usage_complete(&usage) && !usage.root_ended);

        /* An end without a birth is of a process that was made, too. */
        take_exit(105, ROOT, "as", 1);
        assert(usage.n_processes == 6);

        /* A number that is used again while its owner seems to live. */
        take_fork(106, 106);
        take_fork(106, 106);
        assert(usage.n_processes == 8 && usage.n_live == 2 && usage.n_unseen == 1);

        /* Other kinds, and numbers that are none. */
        event = (struct tb_event){ .kind = TB_KIND_EXEC, .pid = 7, .tid = 7 };
        assert(usage_event(&usage, &event) == 0);
        take_fork(4194305, 4194305);
        take_exit(4194305, ROOT, "x", 1);
        assert(usage.n_processes == 8);

        take_exit(ROOT, 1, "make", 1);
        assert(usage.root_ended);
        assert(usage_unreported(&usage, all_exist) == 0 && usage_unreported(&usage, none_exist) == 1);
        assert(usage_settle(&usage, all_exist) == 0);
        assert(usage.n_live == 1 && usage.n_unseen == 1);
        assert(usage_settle(&usage, none_exist) == 0);
        assert(usage.n_live == 0 && usage.n_unseen == 2);
        end();
}

static void test_sums(void) {
        struct tb_event event;

        begin();
        stats.memory.ac_minflt = 10;
        stats.memory.ac_majflt = 1;
        stats.memory.hiwater_rss_kib = 2048;
        stats.scheduling.nvcsw = 5;
        stats.scheduling.nivcsw = 6;
        stats.io.read_char_bytes = 1024;
        stats.io.write_char_bytes = 2048;
        stats.io.read_syscalls = 3072;
        stats.io.write_syscalls = 4096;
        stats.io.read_bytes = 5120;
        stats.io.write_bytes = 6144;
        stats.io.cancelled_write_bytes = 7168;
        stats.delays.cpu = (struct tb_delay){ .known = true, .count = 2, .total_ns = 20 };
        stats.uncounted_groups = TB_STATS_BIT(TB_STATS_DELAYS);
        take_fork(101, 101);
        take_exit(101, ROOT, "cc", 8);
        stats.memory.hiwater_rss_kib = 4096;
        stats.tasks = 3;
        stats.tasks_missing = 1;
        take_fork(102, 102);
        take_exit(102, ROOT, "ld", 8);
        stats.tasks_missing = 0;
        stats.memory.hiwater_rss_kib = 1024;
        take_exit(ROOT, 1, "make", 8);

        assert(usage.n_stats == 3 && usage.n_groups[TB_STATS_CPU] == 3 && usage.n_groups[TB_STATS_DELAYS] == 0);
        assert(usage.n_uncounted[TB_STATS_DELAYS] == 3);
        assert(usage.cpu.measured_ns == 24 * MS && usage.cpu.sampled_ns == 24 * MS);
        assert(usage.cpu.user_us == 18000 && usage.cpu.system_us == 6000);
        assert(usage.minflt == 30 && usage.majflt == 3 && usage.nvcsw == 15 && usage.nivcsw == 18);
        assert(usage.read_char_bytes == 3072 && usage.write_char_bytes == 6144);
        assert(usage.read_syscalls == 9216 && usage.write_syscalls == 12288);
        assert(usage.read_bytes == 15360 && usage.write_bytes == 18432 && usage.cancelled_write_bytes == 21504);
        assert(usage.delays.cpu.n_processes == 3 && usage.delays.cpu.count == 6 && usage.delays.cpu.total_ns == 60);
        assert(usage.delays.blkio.n_processes == 0);
        assert(usage.peak_rss_kib == 4096 && usage.peak_pid == 102 && strcmp(usage.peak_name, "ld") == 0);
        assert(usage.n_tasks_missing == 1 && !usage_complete(&usage));

        /* A group that is not there is counted as such. */
        stats.groups = 0;
        event = make_exit(110, "x");
        stats = (struct tb_task_stats){ 0 };
        assert(usage_event(&usage, &event) == 0);
        assert(usage.n_stats == 4 && usage.n_groups[TB_STATS_CPU] == 3);
        end();
}

static void test_losses(void) {
        begin();
        assert(usage_complete(&usage));
        take_loss(TB_LOSS_SOURCE_CONNECTOR, 3, false);
        take_loss(TB_LOSS_SOURCE_READER, 4, false);
        take_loss((enum tb_loss_source)77, 5, false);
        assert(usage_lost(&usage) == 12 && !usage.lost_at_least && !usage_complete(&usage));
        assert(usage.n_lost[0] == 5);
        end();

        begin();
        take_loss(TB_LOSS_SOURCE_CONNECTOR, 0, true);
        assert(usage_lost(&usage) == 0 && usage.lost_at_least && !usage_complete(&usage));
        end();
}

static void test_commands(void) {
        const UsageCommand **commands;
        struct tb_event event;
        char name[TB_COMM_SIZE];

        begin();
        program = (struct tb_program){ .cmdline = "cc\0-c\0small.c\0", .n_cmdline = 14 };
        event = make_exit(101, "cc");
        event.exit.program = &program;
        stats.groups = GROUPS;
        stats.cpu.cpu_run_virtual_total_ns = 5 * MS;
        stats.io.read_bytes = 1024;
        stats.memory.hiwater_rss_kib = 7;
        assert(usage_event(&usage, &event) == 0);
        program = (struct tb_program){ .cmdline = "cc\0-c\0large.c\0", .n_cmdline = 14 };
        stats.cpu.cpu_run_virtual_total_ns = 6 * MS;
        event.pid = 102;
        event.exit.process_termination.exit_code = 3;
        assert(usage_event(&usage, &event) == 0);
        program = (struct tb_program){ .cmdline = "cc\0-c\0tiny.c\0", .n_cmdline = 13 };
        stats.cpu.cpu_run_virtual_total_ns = 1 * MS;
        event.pid = 103;
        assert(usage_event(&usage, &event) == 0);

        /* By samples it is the most expensive; and it has no program. */
        event = make_exit(104, "true");
        stats.cpu.cpu_run_virtual_total_ns = 0;
        stats.cpu.cpu_run_real_total_ns = 13 * MS;
        assert(usage_event(&usage, &event) == 0);
        event = make_exit(105, "none");
        event.exit.process_stats = NULL;
        assert(usage_event(&usage, &event) == 0);

        assert(usage_commands_sort(&usage.commands, &commands) == 0);
        assert(usage.commands.n == 3);
        assert(strcmp(commands[0]->name, "true") == 0 && commands[0]->n_runs == 1 && !commands[0]->program);
        assert(strcmp(commands[1]->name, "cc") == 0 && commands[1]->n_runs == 3 && commands[1]->n_failed == 2);
        assert(commands[1]->cpu.measured_ns == 12 * MS && commands[1]->read_bytes == 3072 && commands[1]->n_io == 3);
        assert(commands[1]->peak_rss_kib == 7);
        assert(memcmp(commands[1]->program->cmdline, "cc\0-c\0large.c", 14) == 0);
        assert(strcmp(commands[2]->name, "none") == 0 && commands[2]->n_io == 0);
        free(commands);

        /* However many names there are, the memory is bounded and every run is counted. */
        for (uint32_t i = 0; i < USAGE_COMMANDS_MAX; ++i) {
                snprintf(name, sizeof(name), "n%u", i);
                event = make_exit(1000 + i, name);
                assert(usage_event(&usage, &event) == 0);
        }
        assert(usage.commands.n == USAGE_COMMANDS_MAX && usage.commands.others.n_runs == 3);
        assert(usage.n_ended == USAGE_COMMANDS_MAX + 5);
        end();
}

static struct rusage make_usage(suseconds_t user_ms, suseconds_t system_ms) {
        return (struct rusage){
                .ru_utime = { .tv_sec = user_ms / 1000, .tv_usec = user_ms % 1000 * 1000 },
                .ru_stime = { .tv_sec = system_ms / 1000, .tv_usec = system_ms % 1000 * 1000 },
        };
}

/* What wait4() told, and what it must come to. */
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

/* make 100 -> cc 101 -> as 102: each waited for the other, and what wait4() tells has all. */
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

/* A daemon: its parent had gone when it ended. It has waited for its own child. */
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

        /* Theirs is divided as it was sampled: three quarters are the user's. */
        run_report_cpu(&report, &cpu);
        assert(cpu.user_ns == 15 * MS && cpu.system_ns == 105 * MS);
        end();
}

/* One that still runs was not waited for, and so nobody below it. */
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

        /* One that has gone without a word may have been waited for: never twice. */
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

/* The kernel may tell a child's end after its parent's, which has waited for it all the same. */
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

/* A parent that ignores SIGCHLD: what the records tell is the least, and is said to be. */
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

/* A number of the tree's that is used again: the parent is whoever has it now. */
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

static const char *write_account(RunReport *report) {
        static char text[16384];
        FILE *stream = fmemopen(text, sizeof(text), "w");

        assert(stream);
        report->usage = &usage;
        run_report_text(report, stream);
        assert(!ferror(stream));
        fclose(stream);
        return text;
}

static void check_has(const char *text, const char *part) {
        if (!strstr(text, part))
                fprintf(stderr, "is:\n%s\nshould have: %s\n", text, part);
        assert(strstr(text, part));
}

static void check_has_not(const char *text, const char *part) {
        if (strstr(text, part))
                fprintf(stderr, "is:\n%s\nshould not have: %s\n", text, part);
        assert(!strstr(text, part));
}

static void test_text(void) {
        char *command[] = { (char *)"make", (char *)"-j2", (char *)"a\nb", NULL };
        RunReport report = {
                .command = command,
                .rusage = make_usage(50, 25),
                .status = 2 << 8,
                .wall_ns = 50 * MS,
                .n_top = 1,
                .delay_accounting = TB_DELAY_ACCOUNTING_OFF,
        };
        const char *text;

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

        text = write_account(&report);
        assert(strcmp(text,
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

        report.status = SIGSEGV | 0x80;
        report.n_top = 0;
        text = write_account(&report);
        check_has(text, "make -j2 a\\x0ab: SIGSEGV + core, after");
        check_has_not(text, "NAME");
        check_has_not(text, "in none of these");

        report.broken = "The broker\x1b closed the connection.";
        text = write_account(&report);
        check_has(text, "at least 2 made, at least 0 failed, at least 2 at once\n");
        check_has(text, "CPU         at least 75.0ms: user");
        check_has_not(text, "processors busy");
        check_has(text, "at least 4.0M in the largest");
        check_has(text, "at least 0 read, at least 4.0K written");
        check_has(text, "waited      at least 60.0ms");
        check_has(text, "The report ends before the command did. The broker\\x1b closed the connection.\n");
        end();
}

/* Nothing that was not measured is shown, least of all as 0. */
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
        text = write_account(&report);
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

        /* Delays that were counted for a part of them. */
        begin();
        take_fork(101, 101);
        stats.delays.blkio = (struct tb_delay){ .known = true, .count = 3, .total_ns = 5 * MS };
        take_exit(101, ROOT, "x", 1);
        stats.delays.blkio = (struct tb_delay){ 0 };
        take_exit(ROOT, 1, "x", 1);
        text = write_account(&report);
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
        text = write_account(&report);
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

        /* What no record tells is null. */
        begin();
        report.status = 3 << 8;
        object = run_report_json(&report);
        assert(!get(object, "/memory") && !get(object, "/io") && !get(object, "/scheduling"));
        assert(get_number(object, "/exit_code") == 3 && get_number(object, "/term_signal") == 0);
        json_object_put(object);
        end();
}

static int read_options(RunOptions *options, const char *arguments) {
        static char line[512];
        static char *argv[32];
        int argc = 0;

        *options = (RunOptions){ .n_top = 10 };
        snprintf(line, sizeof(line), "run %s", arguments);
        for (char *word = strtok(line, " "); word; word = strtok(NULL, " "))
                argv[argc++] = word;
        argv[argc] = NULL;
        optind = 0;
        return run_options_read(options, argc, argv);
}

static void test_options(void) {
        RunOptions options;

        assert(read_options(&options, "--args --json --top 3 -O file --socket here make -j2 --json") == -1);
        assert(options.args && options.json && options.n_top == 3);
        assert(strcmp(options.file, "file") == 0 && strcmp(options.socket_path, "here") == 0);
        assert(strcmp(options.command[0], "make") == 0 && strcmp(options.command[2], "--json") == 0);
        assert(!options.command[3]);
        assert(read_options(&options, "-- -x") == -1);
        assert(strcmp(options.command[0], "-x") == 0 && !options.command[1] && !options.json);
        assert(read_options(&options, "--top 0 make") == -1 && options.n_top == 0);

        /* 2 would be the command's. */
        assert(read_options(&options, "") == RUN_FAILED);
        assert(read_options(&options, "--") == RUN_FAILED);
        assert(read_options(&options, "--top x make") == RUN_FAILED);
        assert(read_options(&options, "--nonsense make") == RUN_FAILED);
        assert(read_options(&options, "-O") == RUN_FAILED);
}

/* Waits for the child's end, as the verb does. */
static int wait_for(Child *child, int *ret_error) {
        struct rusage rusage;
        int status, r;

        for (;;) {
                assert(poll(&(struct pollfd){ .fd = child->signals, .events = POLLIN }, 1, -1) == 1);
                if (!child_pass_signals(child))
                        continue;
                r = child_wait(child, &status, &rusage);
                assert(r >= 0);
                if (r == 0)
                        continue;
                *ret_error = child_exec_error(child);
                child_abandon(child);
                return status;
        }
}

static void test_child(void) {
        char *fails[] = { (char *)"sh", (char *)"-c", (char *)"exit 7", NULL };
        char *missing[] = { (char *)"/nonexistent/command", NULL };
        char *directory[] = { (char *)"/", NULL };
        char *sleeps[] = { (char *)"sleep", (char *)"1000", NULL };
        Child child = CHILD_NULL;
        int error, status;

        assert(child_start(&child, fails) == 0);
        assert(child_release(&child) == 0);
        status = wait_for(&child, &error);
        assert(WIFEXITED(status) && WEXITSTATUS(status) == 7 && error == 0);
        assert(child.pid == 0 && child.gate == -1 && child.report == -1 && child.signals == -1);

        assert(child_start(&child, missing) == 0 && child_release(&child) == 0);
        wait_for(&child, &error);
        assert(error == -ENOENT);
        assert(child_start(&child, directory) == 0 && child_release(&child) == 0);
        wait_for(&child, &error);
        assert(error == -EACCES);

        /* Asked to end, we ask the command. */
        assert(child_start(&child, sleeps) == 0 && child_release(&child) == 0);
        assert(kill(getpid(), SIGTERM) == 0);
        status = wait_for(&child, &error);
        assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM && error == 0);

        /* Also while it still waits at its gate. */
        assert(child_start(&child, sleeps) == 0);
        assert(kill(getpid(), SIGHUP) == 0);
        status = wait_for(&child, &error);
        assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGHUP && error == 0);

        /* A command that was not let go is not run. */
        assert(child_start(&child, sleeps) == 0);
        child_abandon(&child);
        assert(child.pid == 0 && waitpid(-1, NULL, 0) < 0 && errno == ECHILD);
}

/* The command has the signals as we had them; we do not, while it runs. */
static void test_child_signals(void) {
        char *command[] = { (char *)"sh", (char *)"-c", (char *)"grep -E '^Sig(Blk|Ign)' /proc/self/status", NULL };
        struct sigaction action;
        Child child = CHILD_NULL;
        int error, out[2], saved;
        char text[512];
        sigset_t mask;
        ssize_t n;

        signal(SIGQUIT, SIG_IGN);
        assert(pipe2(out, O_CLOEXEC) == 0);
        saved = dup(STDOUT_FILENO);
        assert(dup2(out[1], STDOUT_FILENO) >= 0);
        assert(child_start(&child, command) == 0);
        assert(dup2(saved, STDOUT_FILENO) >= 0);
        close(out[1]);
        close(saved);

        assert(sigaction(SIGINT, NULL, &action) == 0 && action.sa_handler == SIG_IGN);
        assert(kill(getpid(), SIGINT) == 0);
        assert(child_release(&child) == 0);
        assert(wait_for(&child, &error) == 0 && error == 0);
        n = read(out[0], text, sizeof(text) - 1);
        assert(n > 0);
        text[n] = 0;
        check_has(text, "SigBlk:\t0000000000000000");
        check_has(text, "SigIgn:\t0000000000000004");
        close(out[0]);

        assert(sigaction(SIGINT, NULL, &action) == 0 && action.sa_handler == SIG_DFL);
        assert(sigprocmask(SIG_BLOCK, NULL, &mask) == 0);
        assert(!sigismember(&mask, SIGCHLD) && !sigismember(&mask, SIGTERM));
}

/* Whatever started the tests may have left some blocked or ignored. */
static void take_usual_signals(void) {
        sigset_t none;

        for (int number = 1; number < SIGRTMIN; ++number)
                signal(number, SIG_DFL);
        sigemptyset(&none);
        assert(sigprocmask(SIG_SETMASK, &none, NULL) == 0);
        signal(SIGPIPE, SIG_IGN);
}

int main(void) {
        alarm(60);
        take_usual_signals();

        test_counts();
        test_sums();
        test_losses();
        test_commands();
        test_cpu_waited_for();
        test_cpu_orphans();
        test_cpu_running();
        test_cpu_late_child();
        test_cpu_never_waited_for();
        test_cpu_number_used_again();
        test_text();
        test_text_unknown();
        test_text_notes();
        test_json();
        test_options();
        test_child();
        test_child_signals();
        return 0;
}
