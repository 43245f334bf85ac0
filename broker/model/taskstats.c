/* SPDX-License-Identifier: Apache-2.0 */

#include <string.h>

#include "broker/base/util.h"
#include "broker/model/taskstats.h"

#define TOTAL_SUM(to, from) ((to) += (from))
#define TOTAL_MAX(to, from) ((to) = MAX((to), (from)))
#define TOTAL_LAST(to, from) ((to) = (from))
#define TOTAL_LEADER(to, from) ((to) = takes_leader ? (from) : (to))
/* Only the leader's record says that the process has not called exec. */
#define TOTAL_FLAGS(to, from)                                                                                          \
        ((to) = (((to) | (from)) & ~(uint32_t)AC_FLAG_FORK) | ((takes_leader ? (from) : (to)) & AC_FLAG_FORK))

static void delay_add(Delay *to, const Delay *from) {
        if (from->count > 0 && (to->count == 0 || from->min_ns < to->min_ns))
                to->min_ns = from->min_ns;
        if (from->max_ns > to->max_ns) {
                to->max_ns = from->max_ns;
                to->max_time_ns = from->max_time_ns;
        }
        to->count += from->count;
        to->total_ns += from->total_ns;
}

/**
 * task_stats_add() - add a task to the totals of its process
 * @total:   the totals; all zero before the first
 * @task:    one task's statistics
 * @leader:  it is the leader; after an exec by another thread, that one is
 *
 * The column "total" of proto/taskstats_fields.h has the rule of each field. Until the
 * leader is in the totals, the last task stands for it.
 *
 * A group is in the totals if all tasks had it, except for the executable, which
 * the kernel no longer knows of some exiting tasks: it comes from any that has
 * it.
 */
void task_stats_add(TaskStats *total, const TaskStats *task, bool leader) {
        bool takes_leader = leader || !total->has_leader;
        uint64_t exe_dev = total->ac_exe_dev, exe_inode = total->ac_exe_inode;
        uint32_t executable = (total->groups | task->groups) & STATS_EXECUTABLE;

        total->version = task->version;
        total->groups = total->tasks == 0 ? task->groups : total->groups & task->groups;
        total->groups |= executable;
        total->unsupported |= task->unsupported;
        total->uncounted |= task->uncounted;
        ++total->tasks;
        if (takes_leader)
                memcpy(total->ac_comm, task->ac_comm, sizeof(total->ac_comm));

#define FIELD(group, name, type, offset, offset_v15, since, rule) TOTAL_##rule(total->name, task->name);
        TASKSTATS_FIELDS(FIELD)
#undef FIELD

        total->has_leader |= leader;
        if (!(task->groups & STATS_EXECUTABLE)) {
                total->ac_exe_dev = exe_dev;
                total->ac_exe_inode = exe_inode;
        }

#define DELAY(name, offset, offset_v15, since, peak, peak_v15, peak_time)     \
        delay_add(&total->name##_delay, &task->name##_delay);
        TASKSTATS_DELAYS(DELAY)
#undef DELAY
}

/**
 * task_stats_raise() - complete totals from the kernel's own
 * @total:         the totals made here
 * @kernel_total:  the AGGR_TGID record of the process' last task
 *
 * The kernel sums only these fields over a process; its sums include tasks that
 * ended before the broker listened or whose records were lost, and ours cannot
 * be larger than the truth: the larger one is right. (It also "sums" ac_etime,
 * which means nothing, and lets the last thread visited decide the extremes.)
 */
void task_stats_raise(TaskStats *total, const TaskStats *kernel_total) {
#define RAISE(name) TOTAL_MAX(total->name, kernel_total->name)
        RAISE(cpu_run_virtual_total_ns);
        RAISE(cpu_run_real_total_ns);
        RAISE(cpu_scaled_run_real_total_ns);
        RAISE(ac_utime_us);
        RAISE(ac_stime_us);
        RAISE(nvcsw);
        RAISE(nivcsw);
#undef RAISE
#define DELAY(name, offset, offset_v15, since, peak, peak_v15, peak_time)                                              \
        TOTAL_MAX(total->name##_delay.count, kernel_total->name##_delay.count);                                        \
        TOTAL_MAX(total->name##_delay.total_ns, kernel_total->name##_delay.total_ns);
        TASKSTATS_DELAYS(DELAY)
#undef DELAY
}
