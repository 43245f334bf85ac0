/* SPDX-License-Identifier: Apache-2.0 */

/*
 * /proc lets a user look into a task if the user has all its ids and it has no
 * privileges. A task whose ids changed has no owner until its next exec, which gives it
 * new memory.
 *
 * The kernel counts what a task uses from its birth on, across every exec. So a process
 * that once ran under other ids keeps their use in its sums. It is marked for its life
 * (Process.ran_as_other_user).
 */

#include "broker/base/util.h"
#include "broker/model/owner.h"
#include "broker/model/task.h"

static Owner owner_by_ids(const Task *task) {
        Owner owner = { .uid = task->ruid, .gid = task->rgid };

        if (task->euid != task->ruid || task->egid != task->rgid ||
            (task->flags & (TASK_UNKNOWN | TASK_CREDENTIALS_CHANGED | TASK_NONDUMPABLE)))
                owner.claim = OWNER_NONE;
        else
                owner.claim = task->process->ran_as_other_user || task->process->creds_stale ? OWNER_CURRENT
                                                                                             : OWNER_SINCE_BIRTH;
        return owner;
}

/**
 * owner_of_task() - the owner of a task
 * @task:  the task
 *
 * If the process was not dumpable when it was last checked, its owner gets its public
 * fields only. The same holds for its exit, when nothing is left to be checked.
 */
Owner owner_of_task(const Task *task) {
        Owner owner = owner_by_ids(task);

        if (task->process->nondumpable && owner.claim == OWNER_SINCE_BIRTH)
                owner.claim = OWNER_CURRENT;
        return owner;
}

/**
 * owner_note_birth() - set what a new process inherits from its parent's ids
 * @task:  its first task, which has its parent's ids and flags
 *
 * Until it calls exec it runs its parent's program.
 */
void owner_note_birth(Task *task) {
        if (task->flags & TASK_UNKNOWN)
                task->process->creds_stale = true;
        else if (owner_of_task(task).claim == OWNER_NONE)
                task->process->ran_as_other_user = true;
}

/**
 * owner_note_record() - set what a task's record says of its privileges
 * @task:   the task
 * @stats:  its record; NULL: it has none
 *
 * The kernel notes the use of a privilege for the rest of a task's life. Real ids that
 * differ from the table's were changed in a message that was lost.
 */
void owner_note_record(const Task *task, const TaskStats *stats) {
        if (!stats || (stats->ac_flag & AC_FLAG_SU) || stats->ac_uid != task->ruid || stats->ac_gid != task->rgid)
                task->process->ran_as_other_user = true;
}

/**
 * owner_of_live_task() - the owner of a live task, once its statistics are known
 * @task:   the task
 * @stats:  the kernel's answer
 *
 * The answer has what the table may not know yet: the use of privileges, and new ids.
 * Whether the task is dumpable now is checked elsewhere (ptrace_check.c).
 */
Owner owner_of_live_task(const Task *task, const TaskStats *stats) {
        Owner owner = owner_by_ids(task);

        if (owner.claim == OWNER_SINCE_BIRTH &&
            ((stats->ac_flag & AC_FLAG_SU) || stats->ac_uid != task->ruid || stats->ac_gid != task->rgid))
                owner.claim = OWNER_CURRENT;
        return owner;
}

/**
 * owner_restrict() - restrict an owner to what two tasks have in common
 * @owner:  the first task's; afterwards the common one
 * @other:  the second task's
 */
void owner_restrict(Owner *owner, const Owner *other) {
        if (owner->uid != other->uid || owner->gid != other->gid)
                owner->claim = OWNER_NONE;
        owner->claim = MIN(owner->claim, other->claim);
}
