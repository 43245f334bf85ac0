/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The table has a task's owner as of the task's last event. Where this owner lets a client
 * see more than of a stranger's task, /proc has to confirm it at the moment of the sample.
 * One check is made for users' own tasks alone; administrators need no check.
 */

#include "broker/output/sample_view.h"

/**
 * sample_view() - what a client may know of a sample
 * @glance:  the check, which may hold the result for this process or for another
 * @rights:  the client's rights
 * @sample:  the sample of a task that has not ended
 */
View sample_view(PtraceCheck *glance, const Rights *rights, const TaskSample *sample) {
        View own = policy_view(rights, &sample->owner);
        View others = policy_view(rights, &(Owner){ .claim = OWNER_NONE });

        return own == others || ptrace_check_task(glance, sample->pid) ? own : others;
}
