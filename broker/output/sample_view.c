/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The table says whose a task was when its last event was read. Where that lets a client
 * know more than of anybody's task, /proc has to agree at the moment: one glance, for
 * users' own tasks alone, and none for administrators.
 */

#include "broker/output/sample_view.h"

/**
 * sample_view() - what a client may know of a sample
 * @glance:  at the sample's process, or at another
 * @rights:  of the client
 * @sample:  of a task that has not ended
 */
View sample_view(PtraceCheck *glance, const Rights *rights, const TaskSample *sample) {
        View own = policy_view(rights, &sample->owner);
        View others = policy_view(rights, &(Owner){ .claim = OWNER_NONE });

        return own == others || ptrace_check_task(glance, sample->pid) ? own : others;
}
