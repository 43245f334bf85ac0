/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The priority of a task's input and output, as iotop writes it: "be/4", "rt/0",
 * "idle".
 *
 * The kernel is asked, by ioprio_get(2), which anybody may: statistics have it not.
 */

#include <linux/ioprio.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "clients/cli/iotop/ioprio.h"

/* As the kernel does it for those that were given none: from how they are scheduled. */
static int ioprio_of_schedule(const struct tb_task_stats *stats) {
        if (stats->scheduling.ac_sched == SCHED_FIFO || stats->scheduling.ac_sched == SCHED_RR)
                return IOPRIO_PRIO_VALUE(IOPRIO_CLASS_RT, IOPRIO_NORM);
        if (stats->scheduling.ac_sched == SCHED_IDLE)
                return IOPRIO_PRIO_VALUE(IOPRIO_CLASS_IDLE, 0);

        return IOPRIO_PRIO_VALUE(IOPRIO_CLASS_BE, (stats->scheduling.ac_nice + 20) / 5);
}

/**
 * ioprio_text() - ask for a task's priority
 * @text:       output
 * @tid:        the task
 * @stats:      its statistics; NULL: there are none
 *
 * Return: @text; "?" where nobody says, as of a task that has ended.
 */
const char *ioprio_text(char text[static IOPRIO_MAX], uint32_t tid, const struct tb_task_stats *stats) {
        long value = syscall(SYS_ioprio_get, IOPRIO_WHO_PROCESS, tid);

        if (value < 0)
                return strcpy(text, "?");
        if (IOPRIO_PRIO_CLASS(value) == IOPRIO_CLASS_NONE && stats && stats->groups & TB_STATS_BIT(TB_STATS_SCHEDULING))
                value = ioprio_of_schedule(stats);

        switch (IOPRIO_PRIO_CLASS(value)) {
        case IOPRIO_CLASS_RT:
                snprintf(text, IOPRIO_MAX, "rt/%u", (unsigned int)(value & 7));
                return text;
        case IOPRIO_CLASS_NONE:
        case IOPRIO_CLASS_BE:
                snprintf(text, IOPRIO_MAX, "be/%u", (unsigned int)(value & 7));
                return text;
        case IOPRIO_CLASS_IDLE:
                return strcpy(text, "idle");
        default:
                return strcpy(text, "?");
        }
}
