/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A user owns a task if /proc shows it to that user: not more, and not less. It has no ids
 * but the user's, and it may be looked into. The kernel reports changes of ids. It does
 * not report privileges by file, unreadable programs and PR_SET_DUMPABLE, which show in
 * /proc alone.
 *
 * A task that never changed its ids can have no privilege but by an exec, and is checked
 * there. A task whose ids changed is suspect, and so are its children: only a full reading
 * of /proc, after the change, shows whose it is. Once /proc has shown it, its user owns it,
 * with all that it used before. /proc shows these sums too, as the kernel counts what a task
 * uses across every exec.
 *
 * The record of a task has a flag for the use of a privilege (AC_FLAG_SU). The kernel clears
 * it at fork only. A launcher that changes its ids and calls exec sets it for the life of
 * what it starts. A task in a user namespace of its owner sets it too. So the flag counts
 * only if neither can explain it: then an exec was not reported.
 */

#include "broker/base/util.h"
#include "broker/model/owner.h"
#include "broker/model/task.h"

/**
 * owner_of_task() - the owner of a task
 * @task:  the task
 *
 * If the process was not dumpable when it was last checked, its owner gets its public
 * fields only. The same holds for its exit, when nothing is left to be checked.
 */
Owner owner_of_task(const Task *task) {
        const Process *process = task->process;
        Owner owner = { .uid = task->ruid, .gid = task->rgid, .claim = OWNER_SHOWN };

        if (task->euid != task->ruid || task->egid != task->rgid || (task->flags & TASK_UNKNOWN))
                owner.claim = OWNER_NONE;
        else if (task->flags & TASK_NONDUMPABLE)
                owner.claim = OWNER_UNPROVEN;
        else if (process->creds_stale || process->nondumpable)
                owner.claim = OWNER_HIDDEN;
        return owner;
}

/**
 * owner_note_fork() - set what a new process inherits from its parent's ids
 * @task:  its first task, which has its parent's ids and flags
 *
 * Until it calls exec it runs its parent's program.
 */
void owner_note_fork(Task *task) {
        if (task->flags & TASK_UNKNOWN)
                task->process->creds_stale = true;
        else if (owner_of_task(task).claim <= OWNER_UNPROVEN)
                task->process->suspect = true;
}

/**
 * owner_note_ids() - note that the ids of a task have changed
 * @task:  the task, with its new ids
 *
 * With the ids the kernel makes the memory non-dumpable, which all its threads share.
 */
void owner_note_ids(Task *task) {
        task->flags |= TASK_CREDENTIALS_CHANGED | TASK_NONDUMPABLE;
        task->process->suspect = task->process->nondumpable = true;
}

/**
 * owner_note_shown() - note that /proc, read in full, shows a task to its owner
 * @task:  the task, with the ids that /proc has
 *
 * Its use from before the reading belongs to the owner too, and the flag in its record is explained.
 */
void owner_note_shown(Task *task) {
        Process *process = task->process;

        process->privileged_before |= process->suspect || process->creds_stale || (task->flags & TASK_NONDUMPABLE);
        process->suspect = process->creds_stale = process->nondumpable = false;
        task->flags &= (uint16_t)~TASK_NONDUMPABLE;
}

/**
 * owner_note_hidden() - note that /proc does not show a task to the owner of its ids
 * @task:  the task
 */
void owner_note_hidden(Task *task) {
        task->flags |= TASK_NONDUMPABLE;
        task->process->suspect = true;
}

static bool stats_contradict(const Task *task, const TaskStats *stats) {
        return stats->ac_uid != task->ruid || stats->ac_gid != task->rgid;
}

/**
 * owner_note_record() - compare a task's record with what is known of its owner
 * @task:          the task
 * @stats:         its record
 * @same_program:  whether it ran the program for which its owner was checked
 *
 * Real ids that differ from the table's were changed in a message that was lost. A privilege
 * that nothing explains was used by a program that is not known. The program that was checked
 * had none, but it may have made a user namespace, which no event reports.
 */
void owner_note_record(const Task *task, const TaskStats *stats, bool same_program) {
        Process *process = task->process;
        bool unexplained = (stats->ac_flag & AC_FLAG_SU) && task->euid != 0 && !process->privileged_before &&
                           !process->in_own_namespace && !same_program;

        if (unexplained || stats_contradict(task, stats))
                process->creds_stale = true;
}

/**
 * owner_of_live_task() - the owner of a live task, once its statistics are known
 * @task:   the task
 * @stats:  the kernel's answer
 *
 * The answer may have ids that the table does not know yet. Whether /proc shows the task
 * now is checked elsewhere (ptrace_check.c), so that its use of privileges says nothing.
 */
Owner owner_of_live_task(const Task *task, const TaskStats *stats) {
        Owner owner = owner_of_task(task);

        if (owner.claim == OWNER_SHOWN && stats_contradict(task, stats))
                owner.claim = OWNER_HIDDEN;
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
