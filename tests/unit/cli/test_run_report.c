/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/*
 * The processor time of a command and its descendants.
 */

#include "clients/cli/run/run_report.h"
#include "tests/unit/usage_rig.h"

static bool exists_500(uint32_t pid, uint64_t start_boot_ns) {
        (void)start_boot_ns;
        return pid == 500;
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

/* The larger peak of two sources, but of wait4() only what cannot be the memory of the program that forked. */
static void test_peak(void) {
        static const struct {
                uint64_t record_kib, waited_kib, own_kib, peak_kib;
                bool in_record;
        } rows[] = {
                { 1632, 205904, 8000, 205904, false },
                { 1632, 8000, 8000, 1632, true },
                { 205904, 205904, 8000, 205904, true },
                { 205904, 1632, 8000, 205904, true },
                { 0, 205904, 8000, 205904, false },
                { 0, 5000, 8000, 0, true },
        };

        begin();
        for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); ++i) {
                RunReport report = { .usage = &usage, .own_rss_kib = rows[i].own_kib };
                bool in_record;

                usage.peak_rss_kib = rows[i].record_kib;
                report.rusage.ru_maxrss = (long)rows[i].waited_kib;
                assert(run_report_peak_kib(&report, &in_record) == rows[i].peak_kib);
                assert(in_record == rows[i].in_record);
        }
        end();
}

int main(void) {
        test_peak();
        test_cpu_waited_for();
        test_cpu_orphans();
        test_cpu_running();
        test_cpu_late_child();
        test_cpu_never_waited_for();
        test_cpu_number_used_again();
        return 0;
}
