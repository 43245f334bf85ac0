/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What the whole tree of a command used of processors: the one figure that takes
 * more than adding up. Pure.
 */

#include "clients/cli/run/run_report.h"

#define NS_PER_S UINT64_C(1000000000)
#define NS_PER_US UINT64_C(1000)

static uint64_t timeval_ns(const struct timeval *time) {
        return (uint64_t)time->tv_sec * NS_PER_S + (uint64_t)time->tv_usec * NS_PER_US;
}

/* Which of it was the system's is only sampled; where no sample hit, all was the user's, as for the kernel. */
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
 * run_report_cpu() - the processor time of the whole tree
 * @account:    the account
 * @ret_cpu:    output
 *
 * Never more than was used:
 *
 * What wait4(2) tells of the command is exact, and has all of every descendant that
 * was waited for. The records have not: a process' record is made before the process
 * is taken down, which costs a sixth of a small compiler's time, and lacks what ran
 * since the scheduler last looked, up to a tick. The sampled time of records comes
 * nearer in the sum, but is wrong by chance in both directions.
 *
 * So the total is what wait4(2) tells, and what the records tell, as measured, of
 * the processes that nobody in the tree waited for (tally.c says how they are
 * known). A parent that lives and never waits cannot be known; where the records of
 * all are more than the total, there were such, and the records are what is sure.
 */
void run_report_cpu(const RunReport *account, RunReportCpu *ret_cpu) {
        const Usage *tally = account->tally;
        RunReportCpu cpu = {
                .user_ns = timeval_ns(&account->usage.ru_utime),
                .system_ns = timeval_ns(&account->usage.ru_stime),
                .at_least = !run_report_complete(account) || tally->n_groups[TB_STATS_CPU] < tally->n_stats,
        };

        cpu.total_ns = cpu.user_ns + cpu.system_ns;
        run_report_divide(&cpu, tally->orphans.measured_ns, &tally->orphans);
        if (cpu.total_ns < tally->cpu.measured_ns) {
                run_report_divide(&cpu, tally->cpu.measured_ns - cpu.total_ns, &tally->cpu);
                cpu.at_least = true;
        }
        cpu.unattributed_ns = cpu.total_ns - tally->cpu.measured_ns;

        *ret_cpu = cpu;
}

/* Whether nothing is missing of the processes that ended. */
bool run_report_complete(const RunReport *account) {
        return !account->broken && account->tally->root_ended && usage_complete(account->tally);
}
