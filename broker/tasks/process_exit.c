/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A process ends with its last task, whichever that is. The kernel marks the record of the
 * task that it takes for the last one (AC_FLAG_GROUP). That record has the exit status of
 * the process. Its EXIT may overtake the EXIT of another thread. So the tasks are
 * counted, and the mark gives only the status.
 */

#include <errno.h>

#include "broker/base/error.h"
#include "broker/base/util.h"
#include "broker/tasks/process_exit.h"
#include "broker/tasks/process_peaks.h"
#include "broker/tasks/procfs.h"

/**
 * process_exit_note_mark() - store the exit status of a process, if a record has it
 * @process:  the process
 * @record:   the record of one of its tasks
 */
void process_exit_note_mark(Process *process, const ExitRecord *record) {
        if (!(record->stats.ac_flag & AC_FLAG_GROUP))
                return;
        process->has_wait_status = true;
        process->wait_status = (uint16_t)record->stats.ac_exitcode;
}

/**
 * process_exit_note_leader() - store the exit status of a leader that ended first
 * @process:  the process
 * @event:    the exit of a task that did not end the process
 */
void process_exit_note_leader(Process *process, const Event *event) {
        if (event->tid != event->pid || process->has_wait_status || event->exit.status_unknown)
                return;
        process->has_leader_status = true;
        process->wait_status = (uint16_t)event->exit.wait_status;
}

/* Whether a record has the exit status of its task. Before version 12 only a leader's has it. */
bool process_exit_record_has_status(const ExitRecord *record, bool leader) {
        return record->stats.version >= 12 || leader;
}

/**
 * process_exit_may_have_more() - whether a process may have tasks that the table has not
 * @join:     the join
 * @process:  the process; the last task that the table has of it has ended
 * @record:   the record of its last task; NULL: it is missing
 *
 * Only lost forks leave such tasks. The kernel marks the record of the last task (since
 * version 12). If no record of the process was marked and none is missing, the marked one
 * is still to come. If one is missing, /proc is read. Where there is no time for that, the
 * process counts as ended; if it has not, reconcile reports it as forked again.
 */
bool process_exit_may_have_more(const Join *join, const Process *process, const ExitRecord *record) {
        if (!join->forks_lost || process->has_wait_status || (record && record->stats.version < 12))
                return false;
        if (record && (!process->totals || process->totals->tasks_missing == 0))
                return true;
        return join->connector->empty &&
               procfs_process_lives(join->comm_reader.procfs_fd, task_table_get_leader(&join->table, process->pid));
}

/**
 * process_exit_add_task() - add a task that has ended to the totals of its process
 * @join:     the join
 * @process:  the process
 * @record:   the task's; NULL: it is missing
 *
 * Return: 0, or a negative errno.
 */
int process_exit_add_task(Join *join, Process *process, const ExitRecord *record) {
        TaskStats *totals = task_table_totals(&join->table, process);

        if (!totals)
                return error_origin(-ENOMEM);
        if (record)
                task_stats_add(totals, &record->stats, record->tid == process->pid);
        else
                ++totals->tasks_missing;
        process->sampled = false;
        return 0;
}

/*
 * Whether the status of a process is known. Without the marked record it is the status of
 * the last task. Before version 12 the process has its leader's status, unless a signal or
 * exit_group() gave all tasks one status. So there the status is not known if the leader
 * ended first, with another status.
 */
static bool process_exit_has_status(const Process *process, const ExitRecord *record, const Event *event) {
        uint32_t version = record ? record->stats.version : process->totals ? process->totals->version : 0;

        if (process->has_wait_status)
                return true;
        if (event->exit.status_unknown)
                return false;
        /* another task was the last one, and its record is missing */
        if (record && version >= 12 && process->totals && process->totals->tasks_missing > 0)
                return false;
        if (version == 0 || version >= 12 || event->tid == event->pid)
                return true;
        return process->has_leader_status && process->wait_status == event->exit.wait_status;
}

/**
 * process_exit_may_lack_tasks() - whether tasks of a process may have ended unseen
 * @join:     the join
 * @process:  the process, in the table
 *
 * Return: Whether the process is older than the broker, or than the last loss of kernel
 *         messages. A kernel thread has no other threads.
 */
bool process_exit_may_lack_tasks(const Join *join, const Process *process) {
        const Task *leader = task_table_get_leader(&join->table, process->pid);

        if (leader->flags & TASK_KERNEL)
                return false;
        return process->seeded ||
               (join->forks_lost && leader->start_time_ns <= join_time_ns(join, join->lossy_ns));
}

/**
 * process_exit_finish() - complete the exit that ended a process
 * @join:     the join
 * @process:  the process
 * @record:   the record of its last task; NULL: it is missing
 * @event:    the exit of that task; gets status and totals
 *
 * Return: 0, or a negative errno.
 */
int process_exit_finish(Join *join, Process *process, const ExitRecord *record, Event *event) {
        bool kernel_sums = record && record->has_process;
        TaskStats *totals;
        int r;

        event->exit.process_ended = true;
        event->exit.process_status_unknown = !process_exit_has_status(process, record, event);
        if (!event->exit.process_status_unknown)
                event->exit.process_wait_status =
                        process->has_wait_status ? process->wait_status : event->exit.wait_status;

        /* If its other threads ended before the broker started, the kernel's sums are the totals. */
        if (!process->totals && kernel_sums) {
                r = process_exit_add_task(join, process, record);
                if (r)
                        return error_trace(r);
        }
        totals = process->totals;
        if (!totals)
                return 0;

        if (kernel_sums)
                task_stats_raise(totals, &record->process);
        process_peaks_raise(process, totals);
        totals->tasks_unseen = process_exit_may_lack_tasks(join, process);
        totals->ac_pid = process->pid;
        totals->ac_etime_us = MAX(totals->ac_etime_us, totals->ac_tgetime_us);
        totals->ac_exitcode = event->exit.process_wait_status;
        totals->groups &= ~STATS_EXIT_STATUS;
        totals->groups |= event->exit.process_status_unknown ? 0 : STATS_EXIT_STATUS;
        if (totals->tasks > 0)
                event->exit.process_stats = totals;
        return 0;
}
