/* SPDX-License-Identifier: Apache-2.0 */

/*
 * /proc lets a user look into a task if all its ids are his own and it has no
 * privileges of its own; while its ids change it belongs to nobody, until exec gives
 * it a memory that was never another's. The kernel counts what a task uses from its
 * birth on, over every exec: so a process that was once somebody else's keeps that
 * in its sums, and is marked for its life (Process.ran_as_other_user).
 */

#include "broker/base/util.h"
#include "broker/tasks/owner.h"

static Owner task_owner_known(const Task *task) {
        Owner owner = { .uid = task->ruid, .gid = task->rgid };

        if (task->euid != task->ruid || task->egid != task->rgid ||
            (task->flags & (TASK_UNKNOWN | TASK_CREDENTIALS_CHANGED | TASK_NONDUMPABLE)))
                owner.claim = OWNER_NONE;
        else
                owner.claim = task->process->ran_as_other_user || task->process->creds_stale ? OWNER_CURRENT : OWNER_SINCE_BIRTH;
        return owner;
}

/**
 * task_owner() - whose a task is
 * @task:  the task
 *
 * One that hid itself from its owner when it was looked at is told to him like
 * another's from then on; and so is its end, at which there is nothing to be looked at.
 */
Owner task_owner(const Task *task) {
        Owner owner = task_owner_known(task);

        if (task->process->hidden && owner.claim == OWNER_SINCE_BIRTH)
                owner.claim = OWNER_CURRENT;
        return owner;
}

/**
 * task_note_birth() - a process was born before our eyes
 * @task:  its first task, which has its parent's ids and flags
 *
 * Until it calls exec it is what its parent was.
 */
void task_note_birth(Task *task) {
        if (task->flags & TASK_UNKNOWN)
                task->process->creds_stale = true;
        else if (task_owner(task).claim == OWNER_NONE)
                task->process->ran_as_other_user = true;
}

/**
 * task_note_record() - what a task's accounting tells of its privileges
 * @task:   the task
 * @stats:  its record; NULL: it has none
 *
 * The kernel notes the use of a privilege for the rest of a task's life. Real ids
 * that are not the table's were changed in a message that was lost.
 */
void task_note_record(const Task *task, const TaskStats *stats) {
        if (!stats || (stats->ac_flag & AC_FLAG_SU) || stats->ac_uid != task->ruid || stats->ac_gid != task->rgid)
                task->process->ran_as_other_user = true;
}

/**
 * owner_mark_all_stale() - messages of the connector were lost
 * @table:  the tasks
 *
 * Any of them may be another's by now: until it was looked at in /proc, its owner is
 * told no more of it than everybody.
 */
void owner_mark_all_stale(TaskTable *table) {
        for (const Task *task = task_table_next_leader(table, 1); task; task = task_table_next_leader(table, task->tid + 1))
                task->process->creds_stale = true;
}

/**
 * task_owner_live() - whose a live task is, once its statistics are known
 * @task:   the task
 * @stats:  what the kernel said of it
 *
 * It says what the table may not know yet: that privileges were used, that ids are others.
 * Whether it hides itself now, a glance tells.
 */
Owner task_owner_live(const Task *task, const TaskStats *stats) {
        Owner owner = task_owner_known(task);

        if (owner.claim == OWNER_SINCE_BIRTH &&
            ((stats->ac_flag & AC_FLAG_SU) || stats->ac_uid != task->ruid || stats->ac_gid != task->rgid))
                owner.claim = OWNER_CURRENT;
        return owner;
}

/**
 * owner_restrict() - whose two tasks are together
 * @owner:  of the one; afterwards of both
 * @other:  of the other
 */
void owner_restrict(Owner *owner, const Owner *other) {
        if (owner->uid != other->uid || owner->gid != other->gid)
                owner->claim = OWNER_NONE;
        owner->claim = MIN(owner->claim, other->claim);
}
