/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A sample has the owner that the table has, as of the last event that was read. /proc has
 * the last word, in both directions: a task whose ids are all the client's is shown if /proc
 * shows it now. A task that the table does not know as shown is read in full for that. So
 * there is a check only for a user's own tasks. Administrators see all tasks alike, and need
 * no check.
 */

#include "broker/output/sample_view.h"

/**
 * sample_view() - what a client may know of a sample
 * @check:   the check of the owner in /proc; its last result is used if it is for this task
 * @rights:  the client's rights
 * @sample:  the sample of a task that has not ended
 */
View sample_view(PtraceCheck *check, const Rights *rights, const TaskSample *sample) {
        Owner shown = { sample->owner.uid, sample->owner.gid, OWNER_SHOWN };
        View others = policy_view(rights, &(Owner){ .claim = OWNER_NONE });
        View own = policy_view(rights, &shown);
        bool in_full = sample->owner.claim != OWNER_SHOWN;

        if (own == others)
                return own;
        if (sample->owner.claim == OWNER_NONE || !ptrace_check_task(check, sample->pid, sample->tid, in_full))
                return others;
        return own;
}
