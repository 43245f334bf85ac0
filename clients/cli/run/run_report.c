/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The processor time of a command and all its descendants: the one figure of the report
 * that is not only a sum. Pure.
 */

#include "clients/cli/run/run_report.h"

#define NS_PER_S UINT64_C(1000000000)
#define NS_PER_US UINT64_C(1000)

/* A time of struct rusage in nanoseconds. */
uint64_t run_report_ns(const struct timeval *time) {
        return (uint64_t)time->tv_sec * NS_PER_S + (uint64_t)time->tv_usec * NS_PER_US;
}

/* The peak of this program's own resident memory. */
uint64_t run_report_own_rss_kib(void) {
        struct rusage own = { 0 };

        (void)getrusage(RUSAGE_SELF, &own);
        return (uint64_t)own.ru_maxrss;
}

/**
 * run_report_peak_kib() - the largest resident memory of a process
 * @report:         the report
 * @ret_in_record:  output: the record of a process has it, Usage.peak_pid
 *
 * A record has the peak since the last exec of its process. The result of wait4(2) has the
 * peak over all execs, but does not say of which process. It begins with the memory of
 * this program, from the fork to the first exec: up to that size it says nothing.
 *
 * Return: The peak; 0: not known.
 */
uint64_t run_report_peak_kib(const RunReport *report, bool *ret_in_record) {
        uint64_t waited_kib = (uint64_t)report->rusage.ru_maxrss, peak_kib = report->usage->peak_rss_kib;

        *ret_in_record = waited_kib <= peak_kib || waited_kib <= report->own_rss_kib;
        return *ret_in_record ? peak_kib : waited_kib;
}

/* Divides a time into user and system time by their samples. Without a sample all is user time, as in the kernel. */
static void run_report_divide(RunReportCpu *cpu, uint64_t ns, const UsageCpu *samples) {
        uint64_t sampled = samples->user_us + samples->system_us;
        uint64_t system = sampled ? (uint64_t)((double)ns * (double)samples->system_us / (double)sampled) : 0;

        if (system > ns)
                system = ns;
        cpu->total_ns += ns;
        cpu->system_ns += system;
        cpu->user_ns += ns - system;
}

/**
 * run_report_cpu() - the processor time of the command and all its descendants
 * @report:     the report
 * @ret_cpu:    output: never more than was used
 *
 * wait4(2) is exact for the command and every descendant that was waited for. Records
 * are not: the kernel writes a record before it takes the process down, which costs a
 * sixth of the time of a small compiler. They also lack up to a tick since the last
 * update by the scheduler. The sampled time of records has a better sum, but an error
 * in either direction.
 *
 * So the total is the time from wait4(2), plus the measured time of the records of
 * orphans: processes that were not waited for in the tree (usage.c finds them). A parent
 * that lives and never waits cannot be noticed. If the records of all processes exceed
 * the total, there were such parents, and the sum of the records is certain.
 */
void run_report_cpu(const RunReport *report, RunReportCpu *ret_cpu) {
        const Usage *usage = report->usage;
        RunReportCpu cpu = {
                .user_ns = run_report_ns(&report->rusage.ru_utime),
                .system_ns = run_report_ns(&report->rusage.ru_stime),
                .at_least = !run_report_complete(report) || usage->n_groups[TB_STATS_CPU] < usage->n_stats,
        };

        cpu.total_ns = cpu.user_ns + cpu.system_ns;
        run_report_divide(&cpu, usage->orphans.measured_ns, &usage->orphans);
        if (cpu.total_ns < usage->cpu.measured_ns) {
                run_report_divide(&cpu, usage->cpu.measured_ns - cpu.total_ns, &usage->cpu);
                cpu.at_least = true;
        }
        cpu.unattributed_ns = cpu.total_ns - usage->cpu.measured_ns;

        *ret_cpu = cpu;
}

/* Whether nothing is missing of the processes that ended. */
bool run_report_complete(const RunReport *report) {
        return !report->broken && report->usage->root_ended && usage_complete(report->usage);
}
