/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A task that was forked, called exec or changed while the connector was silent may live for
 * long afterwards, and make no event. So /proc is compared with the table although no loss is
 * known: once a minute, and soon after the kernel acknowledged another listener's request.
 *
 * An event comes a moment after the change that /proc shows. An exec takes longest: the new
 * name and the new executable are there before it is complete. So a difference counts only if
 * it is still there a second later. Then it is a loss, and a pass for that loss reports it.
 */

#include "broker/base/clock.h"
#include "broker/base/util.h"
#include "broker/tasks/join_loss_note.h"
#include "broker/tasks/reconcile_quiet.h"

#define CONFIRM_AGE_NS NSEC_PER_SEC

/* Between two passes: after an acknowledgement, or if processes were not compared; and otherwise. */
#define SOON_PASS_NS NSEC_PER_SEC
#define QUIET_PASS_NS (60 * NSEC_PER_SEC)

/* Passes that follow soon because processes were not compared. */
#define REPEATS_MAX 8u

/* Flags of a task whose name or ids are not known for certain. */
#define UNCERTAIN (TASK_UNKNOWN | TASK_KERNEL | TASK_COMM_STALE | TASK_COMM_FROM_RECORD)

/**
 * reconcile_quiet_is_due() - whether to begin a pass although no loss is known
 * @reconcile:  the comparison
 *
 * After an acknowledgement of another listener's request, the connector may have been silent.
 * A pass looks for that, at most once a second, and another one does each minute. The next
 * passes compare the processes that could not be compared.
 *
 * Return: Whether a pass is due, and none runs.
 */
bool reconcile_quiet_is_due(Reconcile *reconcile) {
        uint64_t now = (uint64_t)clock_read_ns(CLOCK_MONOTONIC);
        const Join *join = reconcile->join;

        if (reconcile->phase != RECONCILE_IDLE || now - reconcile->quiet_ns < SOON_PASS_NS)
                return false;
        if (reconcile->n_repeats < REPEATS_MAX && task_table_is_compared(&join->table, reconcile->n_pass_acks))
                reconcile->n_repeats = REPEATS_MAX;
        return join->connector->n_foreign_acks != reconcile->n_pass_acks || reconcile->n_repeats < REPEATS_MAX ||
               now - reconcile->quiet_ns >= QUIET_PASS_NS;
}

/**
 * reconcile_quiet_start() - begin a pass although no loss is known
 * @reconcile:  the comparison, idle
 */
void reconcile_quiet_start(Reconcile *reconcile) {
        reconcile_start(reconcile);
        reconcile->quiet = true;
        reconcile->quiet_ns = (uint64_t)clock_read_ns(CLOCK_MONOTONIC);
}

/*
 * Whether a difference shows that an event is missing. A new thread has the name and the ids of
 * the thread that made it, and the table has its leader's. A child inherits the error, until
 * its exec. Whether it has called exec, /proc shows. A stopped process may be in the middle of
 * an exec.
 */
static bool change_is_evidence(const Task *task, const ProcfsTask *found) {
        if (task->tid != task->process->pid || (task->flags & UNCERTAIN) || found->stopped)
                return false;
        if (!task->process->execed)
                return found->execed;
        return !reconcile_ids_agree(task, found) || !reconcile_comm_agrees(task, found) ||
               !reconcile_exec_agrees(task, found);
}

/*
 * Checks the owner of a process that seemed to differ. If its ids still do, it has no owner, and
 * it is not compared: nor are the children that it makes from now on.
 */
static void quiet_check_owner(const Reconcile *reconcile, Task *task, const ProcfsTask *found) {
        Join *join = reconcile->join;

        if (task->tid != task->process->pid || (task->flags & TASK_UNKNOWN) || found->exiting)
                return;
        if (!reconcile_ids_agree(task, found)) {
                task->process->creds_stale = true;
                return;
        }
        (void)procfs_note_owner(task, found);
        if (connector_is_idle(join->connector))
                process_note_compared(task->process, join->connector->n_foreign_acks);
}

/* Whether the record of a task is here. Then its EXIT is overdue, or soon will be: see join_loss.c. */
static bool record_is_pending(Join *join, const Task *task) {
        return pending_record_belongs_to(exit_records_peek(&join->records, task->tid), task);
}

/* Whether a difference is still there, after the join has read its sources empty. */
static bool mismatch_remains(const Reconcile *reconcile, const Mismatch *mismatch) {
        const TaskTable *table = &reconcile->join->table;
        Task *task = task_table_get(table, mismatch->tid);
        bool same = task && task->start_time_ns == mismatch->start_time_ns && task->process->pid == mismatch->pid;
        ProcfsTask found;
        bool lives = reconcile_read_task(reconcile, mismatch->pid, mismatch->tid, &found);

        if (!lives && procfs_is_short())
                return false;
        switch (mismatch->kind) {
        case MISMATCH_FOUND:
                return lives && task_table_is_free(table, mismatch->pid, mismatch->tid);
        case MISMATCH_GONE:
                return same && !(lives && procfs_starts_agree(found.start_time_ns, task->start_time_ns)) &&
                       !record_is_pending(reconcile->join, task);
        case MISMATCH_CHANGED:
                if (!same || !lives || !procfs_starts_agree(found.start_time_ns, task->start_time_ns))
                        return false;
                quiet_check_owner(reconcile, task, &found);
                return change_is_evidence(task, &found);
        case MISMATCH_GONE_PROCESS:
                break;
        }
        return false;
}

/* Notes the differences that are still there as a loss. */
static void quiet_confirm(Reconcile *reconcile, uint64_t now) {
        if (now - reconcile->suspected_ns < CONFIRM_AGE_NS)
                return;
        for (size_t i = 0; i < reconcile->n_suspects; ++i)
                if (mismatch_remains(reconcile, &reconcile->suspects[i]))
                        join_loss_note_unreported(reconcile->join, join_time_ns(reconcile->join, now),
                                                  reconcile->suspects[i].tid, "/proc differs from the table");
        reconcile->n_suspects = 0;
        reconcile->phase = RECONCILE_IDLE;
}

/**
 * reconcile_quiet_apply() - collect what still differs, and at the end note it as a loss
 * @reconcile:  the comparison; the join's sources were read empty since reconcile_scan()
 *
 * More differences than a slice holds belong to the same loss: the pass for it reports them.
 */
void reconcile_quiet_apply(Reconcile *reconcile) {
        uint64_t now = (uint64_t)clock_read_ns(CLOCK_MONOTONIC);

        reconcile_note_compared(reconcile);
        if (reconcile->phase == RECONCILE_CONFIRM)
                return quiet_confirm(reconcile, now);
        for (size_t i = 0; i < reconcile->n_mismatches && reconcile->n_suspects < RECONCILE_SLICE; ++i)
                if (mismatch_remains(reconcile, &reconcile->mismatches[i]))
                        reconcile->suspects[reconcile->n_suspects++] = reconcile->mismatches[i];
        reconcile->n_mismatches = 0;
        if (reconcile->phase == RECONCILE_UNKNOWN)
                reconcile->phase = reconcile->n_suspects > 0 ? RECONCILE_CONFIRM : RECONCILE_IDLE;
        reconcile->suspected_ns = now;
}
