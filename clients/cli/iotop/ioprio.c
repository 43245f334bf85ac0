/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The I/O priority of a task, as iotop writes it: "be/4", "rt/0", "idle".
 *
 * It comes from ioprio_get(2), which every user may call: statistics do not have it. The
 * call takes a bare number. So the start of the task is compared afterwards: the number may
 * belong to a later task.
 */

#include <linux/ioprio.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "clients/cli/base/proc_task.h"
#include "clients/cli/iotop/ioprio.h"

/* The priority of a task that was given none: as in the kernel, from its scheduling. */
static int ioprio_of_schedule(const struct tb_task_stats *stats) {
        if (stats->scheduling.ac_sched == SCHED_FIFO || stats->scheduling.ac_sched == SCHED_RR)
                return IOPRIO_PRIO_VALUE(IOPRIO_CLASS_RT, IOPRIO_NORM);
        if (stats->scheduling.ac_sched == SCHED_IDLE)
                return IOPRIO_PRIO_VALUE(IOPRIO_CLASS_IDLE, 0);

        return IOPRIO_PRIO_VALUE(IOPRIO_CLASS_BE, (stats->scheduling.ac_nice + 20) / 5);
}

/**
 * ioprio_text() - write the I/O priority of a task
 * @text:       output
 * @tid:        the number of the task
 * @start_boot_ns: the start of the task; 0: not known
 * @stats:      the statistics of the task; NULL: not known
 *
 * Return: @text; "?" if it is not known, for example after the exit of the task.
 */
const char *ioprio_text(char text[static IOPRIO_MAX], uint32_t tid, uint64_t start_boot_ns,
                        const struct tb_task_stats *stats) {
        long value = syscall(SYS_ioprio_get, IOPRIO_WHO_PROCESS, tid);

        if (value < 0 || !proc_task_is(tid, start_boot_ns))
                return strcpy(text, "?");
        if (IOPRIO_PRIO_CLASS(value) == IOPRIO_CLASS_NONE && stats && stats->groups & TB_STATS_BIT(TB_STATS_SCHEDULING))
                value = ioprio_of_schedule(stats);

        switch (IOPRIO_PRIO_CLASS(value)) {
        case IOPRIO_CLASS_RT:
                snprintf(text, IOPRIO_MAX, "rt/%u", (unsigned int)(value & 7));
                return text;
        case IOPRIO_CLASS_BE:
                snprintf(text, IOPRIO_MAX, "be/%u", (unsigned int)(value & 7));
                return text;
        case IOPRIO_CLASS_IDLE:
                return strcpy(text, "idle");
        default:
                return strcpy(text, "?");
        }
}
