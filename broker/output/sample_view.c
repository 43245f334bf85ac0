/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A sample has the owner that the table has, as of the last event that was read. If this
 * owner lets a client see more than it sees of other users' tasks, /proc has to confirm the
 * owner. So there is a check only for a user's own tasks. Administrators see all tasks
 * alike, and need no check.
 */

#include "broker/output/sample_view.h"

/**
 * sample_view() - what a client may know of a sample
 * @check:   the check of the owner in /proc; its last result is used if it is for this process
 * @rights:  the client's rights
 * @sample:  the sample of a task that has not ended
 */
View sample_view(PtraceCheck *check, const Rights *rights, const TaskSample *sample) {
        View own = policy_view(rights, &sample->owner);
        View others = policy_view(rights, &(Owner){ .claim = OWNER_NONE });

        return own == others || ptrace_check_task(check, sample->pid) ? own : others;
}
