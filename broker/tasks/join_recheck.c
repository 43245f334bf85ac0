/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A process that /proc did not show to its owner may be shown later: it calls PR_SET_DUMPABLE,
 * or drops its last privilege. No event reports that. So all such processes are read again
 * from time to time, some at each tick. This also finds a process that changed its ids and
 * had no time to be checked.
 */

#include "broker/base/util.h"
#include "broker/model/owner.h"
#include "broker/tasks/join_change.h"
#include "broker/tasks/join_recheck.h"
#include "broker/tasks/procfs.h"

/* Processes that a tick passes at most, and processes that it reads (some 30 us each). */
#define WALK_MAX 1024u
#define READS_MAX 32u

/* Reads a task. Feeds of its owner learn of it if /proc shows it. */
static void recheck_task(Join *join, Task *task) {
        Event event = join_change_event(join, task);
        TaskChange change UNINITIALISED;
        ProcfsTask found;

        if (!procfs_read_task(join->comm_reader.procfs_fd, task->process->pid, task->tid, &found) ||
            !procfs_starts_agree(found.start_time_ns, task->start_time_ns))
                return;
        task_change_begin(&change, task);
        if (!procfs_note_owner(&change.task, &found))
                return;
        event_fill(&event, &change.task);
        join_commit(join, &event, task, &change);
}

static bool recheck_wants(const Task *task) {
        OwnerClaim claim = owner_of_task(task).claim;

        return !(task->flags & TASK_GONE) && task->euid != 0 && (claim == OWNER_UNPROVEN || claim == OWNER_HIDDEN);
}

/**
 * join_recheck() - read processes again that /proc does not show to their owners
 * @join:  the join
 */
void join_recheck(Join *join) {
        unsigned int n_reads = 0;
        Task *task;

        for (unsigned int i = 0; i < WALK_MAX && n_reads < READS_MAX; ++i) {
                task = task_table_next_leader(&join->table, join->recheck_tid);
                if (!task) {
                        join->recheck_tid = 1;
                        return;
                }
                join->recheck_tid = task->tid + 1;
                if (!recheck_wants(task))
                        continue;
                recheck_task(join, task);
                ++n_reads;
        }
}
